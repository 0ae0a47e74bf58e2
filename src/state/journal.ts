// The journal of owed reloads: one append-only file of JSON lines for each confdir. A reload is recorded before the
// swap and struck out after it has succeeded, so a crash loses no reload.
//
//     {"journal":1}
//     {"owe":{"id":"9f2c-1","resource":"haproxy.toml","since":1760000000000,"commands":["..."]}}
//     {"settle":["9f2c-1"]}
//
// Several processes may share the file, such as a onetime run and the daemon. Each process only appends, and settles
// only ids that it has read or written. So no process strikes out a reload that another process has just recorded.
// Opening the journal writes nothing. The comment on #compact explains why compaction is safe too.
import { randomBytes } from 'node:crypto'
import { constants, fdatasync, fstatSync, statSync, writeFileSync } from 'node:fs'
import { open, readFile, rename, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import {
  HEADER,
  oweLine,
  parseJournal,
  settleLine,
  type JournalEntry,
  type Owed,
  type ParsedJournal,
} from './journal-lines.ts'
import { shortId, ensureDir, removeAbandoned, STATE_HINT, syncDir } from './state-files.ts'

export type { Owed }

export interface Journal {
  /** The current debts by name of the resource. */
  readonly owed: ReadonlyMap<string, Owed>
  /** Adds or replaces debts. Resolves when they are on disk. */
  owe(entries: readonly Owed[]): Promise<Result<void, Fault>>
  /**
   * Strikes out the debts of these resources. This is not synced, because the worst effect of a power cut is that a
   * reload runs once more.
   */
  settle(resources: readonly string[]): Promise<Result<void, Fault>>
  /** Writes all debts again if the file was removed. Also retries failed writes of settle(). */
  verify(): Promise<Result<void, Fault>>
  close(): Promise<void>
}

export interface OpenedJournal {
  readonly journal: Journal
  /** `missing`: there is no file. Otherwise a message that describes the damage. */
  readonly damage?: 'missing' | { readonly message: string }
}

/** Size in bytes. The file is compacted if it exceeds this size and twice its size after the last compaction. */
const COMPACT_AT = 64 * 1024
/** Maximum number of attempts to write a batch while other processes keep replacing the file. */
const REPLACED_MOST = 10
const MODE = 0o600
const syncData = promisify(fdatasync)
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants
const APPEND = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW

/** The path of the journal of a confdir. */
export function journalPath(stateDir: string, confdir: string): string {
  return join(stateDir, `owed-${shortId(confdir)}.jsonl`)
}

/** Reads the journal. The first call of owe() creates the state directory and the file. */
export async function openJournal(
  stateDir: string,
  confdir: string,
): Promise<Result<OpenedJournal, Fault>> {
  const path = journalPath(stateDir, confdir)
  try {
    const text = await readFile(path, 'utf8')
    const found = parseJournal(text)
    const journal = new FileJournal(stateDir, path, found)
    if (found.damage === undefined) return ok({ journal })
    const message = `the journal of owed reloads ${path} is damaged: ${found.damage}`
    return ok({ journal, damage: { message } })
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') {
      return err(ioFault(`cannot read the state file ${path}`, error, STATE_HINT))
    }
    return ok({
      journal: new FileJournal(stateDir, path, { entries: new Map() }),
      damage: 'missing',
    })
  }
}

/** The journal of a run without reloads. It records nothing and strikes out nothing. */
export const noJournal: Journal = {
  owed: new Map(),
  owe: async () => ok(undefined),
  settle: async () => ok(undefined),
  verify: async () => ok(undefined),
  close: async () => undefined,
}

interface Batch {
  readonly owed: Owed[]
  /** Resolves when all debts of the batch are on disk. */
  readonly written: Promise<Result<void, Fault>>
}

class FileJournal implements Journal {
  #entries: Map<string, JournalEntry>
  #handle: FileHandle | undefined
  /** Prefix of the ids of this process. It differs from the prefixes of all other processes. */
  readonly #self = randomBytes(6).toString('hex')
  #counter = 0
  /** Ids that are struck out in memory, but not in the file, because a write has failed. */
  #unwritten: readonly string[] = []
  #compactAt = COMPACT_AT
  /** Resolves when all writes so far have ended. */
  #turn: Promise<unknown> = Promise.resolve()
  /** The debts for the next write, until that write begins. */
  #batch: Batch | undefined

  constructor(
    private readonly dir: string,
    private readonly path: string,
    found: ParsedJournal,
  ) {
    this.#entries = found.entries
    // The next write compacts the file, which drops invalid lines.
    if (found.damage !== undefined) this.#compactAt = 0
  }

  get owed(): ReadonlyMap<string, Owed> {
    return this.#entries
  }

  /** All calls during a write share the next write and its sync. */
  owe(owed: readonly Owed[]): Promise<Result<void, Fault>> {
    const batch = (this.#batch ??= this.#newBatch())
    batch.owed.push(...owed)
    return batch.written
  }

  #newBatch(): Batch {
    const owed: Owed[] = []
    const written = this.#inTurn(() => {
      if (this.#batch?.owed === owed) this.#batch = undefined
      return this.#oweAll(owed)
    })
    return { owed, written }
  }

  async #oweAll(owed: readonly Owed[]): Promise<void> {
    const all = owed.map((one) => ({ one, id: `${this.#self}-${++this.#counter}` }))
    const lines = all.map(({ one, id }) => oweLine(id, one))
    try {
      await this.#append([...this.#strikes(), ...lines], true)
    } catch (error) {
      // Some of the lines may be in the file, although the caller treats them as not recorded.
      this.#unwritten = [...this.#unwritten, ...all.map(({ id }) => id)]
      throw error
    }
    this.#unwritten = []
    for (const { one, id } of all) {
      const ids = [...(this.#entries.get(one.resource)?.ids ?? []), id]
      this.#entries.set(one.resource, { ...one, ids })
    }
  }

  settle(resources: readonly string[]): Promise<Result<void, Fault>> {
    // Later debts go into a new batch, which is written after the settle line, so that this line does not strike them
    // out.
    this.#batch = undefined
    return this.#inTurn(async () => {
      const ids = resources.flatMap((name) => this.#entries.get(name)?.ids ?? [])
      if (ids.length === 0) return
      // The reload has succeeded, so the debt ends even if the write fails.
      for (const name of resources) this.#entries.delete(name)
      this.#unwritten = [...this.#unwritten, ...ids]
      await this.#strike()
    })
  }

  verify(): Promise<Result<void, Fault>> {
    return this.#inTurn(async () => {
      if (this.#unwritten.length > 0) await this.#strike()
      if (this.#entries.size === 0) return
      const found = statSync(this.path, { throwIfNoEntry: false })
      const isOurs = this.#handle === undefined || fstatSync(this.#handle.fd).ino === found?.ino
      if (found === undefined || found.size === 0 || !isOurs) await this.#append([], true)
    })
  }

  async close(): Promise<void> {
    await this.#turn
    await this.#handle?.close().catch(() => undefined)
    this.#handle = undefined
  }

  #strikes(): string[] {
    return this.#unwritten.length === 0 ? [] : [settleLine(this.#unwritten)]
  }

  async #strike(): Promise<void> {
    await this.#append(this.#strikes(), false)
    this.#unwritten = []
  }

  #inTurn(work: () => Promise<void>): Promise<Result<void, Fault>> {
    const done = this.#turn.then(work).then(
      () => ok(undefined),
      (error: unknown) =>
        err(ioFault(`cannot write the state file ${this.path}`, error, STATE_HINT)),
    )
    this.#turn = done
    return done
  }

  /** Writes the batch in one write and repeats the write while other processes keep replacing the file. */
  async #append(batch: readonly string[], sync: boolean): Promise<void> {
    let lines = batch
    for (let tries = 0; tries < REPLACED_MOST; tries++) {
      const handle = (this.#handle ??= await this.#open())
      const isNew = fstatSync(handle.fd).size === 0
      await this.#write(handle, isNew ? [HEADER, ...this.#lines(), ...batch] : lines, sync)
      const { ino, size } = fstatSync(handle.fd)
      if (this.#isCurrent(ino)) {
        if (size > this.#compactAt) await this.#compact(handle)
        return
      }
      // Another process has compacted the file, or somebody has removed it: write to the new file.
      await handle.close()
      this.#handle = undefined
      lines = [...this.#lines(), ...batch]
    }
    throw new Error('another process keeps replacing the file')
  }

  async #write(handle: FileHandle, lines: readonly string[], sync: boolean): Promise<void> {
    // Starts on a new line, in case the previous line is incomplete. The write is synchronous, since a few hundred
    // bytes take less time than a round trip through the thread pool.
    writeFileSync(handle.fd, `\n${lines.join('\n')}\n`)
    if (sync) await syncData(handle.fd)
  }

  #isCurrent(inode: number): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.ino === inode
  }

  #lines(): string[] {
    return [...this.#entries.values()].map((owed) => oweLine(owed.ids.at(-1) as string, owed))
  }

  async #open(): Promise<FileHandle> {
    try {
      return await open(this.path, APPEND, MODE)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      ensureDir(this.dir)
      return await open(this.path, APPEND, MODE)
    } finally {
      await syncDir(this.dir) // so that the file name survives a power cut
    }
  }

  /**
   * Replaces the file with one that contains only the current debts. Meanwhile another process may append to the old
   * file. If that write ends after our second read of the old file, it also ends after the rename, so the other process
   * sees the new inode and writes again. If that write ends earlier, our second read finds the lines and copies them.
   * Duplicate lines are harmless. Since the new file must not exist yet, only one process can compact at a time.
   */
  async #compact(old: FileHandle): Promise<void> {
    const path = `${this.path}.new`
    const fresh = await open(path, 'ax+', MODE).catch(() => undefined)
    if (fresh === undefined) {
      removeAbandoned(path)
      return
    }
    try {
      const before = await readAll(old)
      const owed = [...parseJournal(before.toString('utf8')).entries.values()]
      const lines = owed.flatMap((one) => one.ids.map((id) => oweLine(id, one)))
      await this.#write(fresh, [HEADER, ...lines], true)
      // Another process may have compacted the file since the check in #append.
      if (!this.#isCurrent(fstatSync(old.fd).ino)) {
        await fresh.close()
        return await unlink(path)
      }
      await rename(path, this.path)
      this.#handle = fresh
      const since = (await readAll(old)).subarray(before.length)
      if (since.length > 0) await fresh.appendFile(`\n${since.toString('utf8')}\n`)
      await fresh.datasync()
      await syncDir(this.dir)
      await old.close()
      this.#compactAt = Math.max(COMPACT_AT, 2 * (await fresh.stat()).size)
    } catch (error) {
      if (this.#handle !== fresh) {
        await fresh.close().catch(() => undefined)
        await unlink(path).catch(() => undefined)
        // The batch itself has been written. The compaction, which may have lacked disk space, is retried later.
        this.#compactAt *= 2
        return
      }
      throw error
    }
  }
}

/** Reads the whole file by position, since the handle's own position is at the end of the file. */
async function readAll(handle: FileHandle): Promise<Buffer> {
  const { size } = await handle.stat()
  const bytes = Buffer.alloc(size)
  let at = 0
  while (at < size) {
    const { bytesRead } = await handle.read(bytes, at, size - at, at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return bytes.subarray(0, at)
}
