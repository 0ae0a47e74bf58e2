// The journal of owed reloads: one append-only file of JSON lines for each confdir. A reload is recorded
// before the swap and struck out after it has succeeded, so a crash forgets none.
//
//     {"journal":1}
//     {"owe":{"id":"9f2c-1","resource":"haproxy.toml","since":1760000000000,"commands":["..."]}}
//     {"settle":["9f2c-1"]}
//
// Several processes may share the file (a onetime run beside the daemon). Each only appends, and
// settles only ids that it has read or written, so none strikes out what another has just owed.
// Opening writes nothing. What makes compaction safe beside it is in #compact.
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
  parse,
  settleLine,
  type Entry,
  type Owed,
  type Parsed,
} from './journal-lines.ts'
import { idOf, makeDirs, removeAbandoned, STATE_HINT, syncDir } from './state-files.ts'

export type { Owed }

export interface Journal {
  /** By the resource's name, as of now. */
  readonly owed: ReadonlyMap<string, Owed>
  /** Adds or replaces; resolves when it is safe on disk. */
  owe(entries: readonly Owed[]): Promise<Result<void, Fault>>
  /** Strikes out; not synced, since a power cut only makes a reload run once more. */
  settle(resources: readonly string[]): Promise<Result<void, Fault>>
  /** Writes what is owed once more if the file was removed, and what could not be struck out before. */
  verify(): Promise<Result<void, Fault>>
  close(): Promise<void>
}

export interface OpenedJournal {
  readonly journal: Journal
  /** `missing`: there was no file. Otherwise what is wrong with it, for the operator. */
  readonly damage?: 'missing' | { readonly message: string }
}

/** The file is compacted when it has grown beyond this, in bytes, and twice what is owed. */
const COMPACT_AT = 64 * 1024
/** How often a batch is written again because the file was replaced meanwhile. */
const REPLACED_MOST = 10
const MODE = 0o600
const syncData = promisify(fdatasync)
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants
const APPEND = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW

/** Where the journal of a confdir is. */
export function journalPath(stateDir: string, confdir: string): string {
  return join(stateDir, `owed-${idOf(confdir)}.jsonl`)
}

/** Reads what is owed. The directory and the file are made when the first reload is owed. */
export async function openJournal(
  stateDir: string,
  confdir: string,
): Promise<Result<OpenedJournal, Fault>> {
  const path = journalPath(stateDir, confdir)
  try {
    const text = await readFile(path, 'utf8')
    const found = parse(text)
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

/** For a run without reloads: it owes none, and strikes out none that another run owes. */
export const noJournal: Journal = {
  owed: new Map(),
  owe: async () => ok(undefined),
  settle: async () => ok(undefined),
  verify: async () => ok(undefined),
  close: async () => undefined,
}

interface Batch {
  readonly owed: Owed[]
  /** Resolves when all of it is safe on disk. */
  readonly written: Promise<Result<void, Fault>>
}

class FileJournal implements Journal {
  #entries: Map<string, Entry>
  #handle: FileHandle | undefined
  /** Tells our ids from those of other processes and of earlier lives. */
  readonly #self = randomBytes(6).toString('hex')
  #counter = 0
  /** Ids that are struck out in memory and not yet in the file, because a write has failed. */
  #unwritten: readonly string[] = []
  #compactAt = COMPACT_AT
  /** The work under way: one piece after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  /** What is to be owed with the next write, as long as that has not begun. */
  #batch: Batch | undefined

  constructor(
    private readonly dir: string,
    private readonly path: string,
    found: Parsed,
  ) {
    this.#entries = found.entries
    // The next write leaves out what cannot be read.
    if (found.damage !== undefined) this.#compactAt = 0
  }

  get owed(): ReadonlyMap<string, Owed> {
    return this.#entries
  }

  /** All that is owed while something is written before it goes into one write, and one sync. */
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
      // Some of the lines may be in the file, for debts that were refused.
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
    // What is owed from here on is written behind it: it is not to be struck out as well.
    this.#batch = undefined
    return this.#inTurn(async () => {
      const ids = resources.flatMap((name) => this.#entries.get(name)?.ids ?? [])
      if (ids.length === 0) return
      // Struck out in memory whatever becomes of the write: the reload has succeeded.
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

  /** One write for the batch. It starts on a new line, so that a torn one before it harms nothing. */
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
      // Another process has compacted the file, or somebody has removed it: write to the new one.
      await handle.close()
      this.#handle = undefined
      lines = [...this.#lines(), ...batch]
    }
    throw new Error('it is replaced again and again')
  }

  async #write(handle: FileHandle, lines: readonly string[], sync: boolean): Promise<void> {
    // Synchronous, as a few hundred bytes take microseconds and the thread pool more; the sync is not.
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
      makeDirs(this.dir)
      return await open(this.path, APPEND, MODE)
    } finally {
      await syncDir(this.dir) // the name is to survive a power cut too
    }
  }

  /**
   * Replaces the file by one that holds only what is owed. Beside it another process may append to
   * the old one. If that ends after our second look at the old file, then it ends after the rename,
   * and #append of that process sees the new inode and writes again; if before, our second look
   * finds it and carries it over. A line may thus be there twice, which changes nothing. The
   * exclusive name lets one process compact at a time.
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
      const owed = [...parse(before.toString('utf8')).entries.values()]
      const lines = owed.flatMap((one) => one.ids.map((id) => oweLine(id, one)))
      await this.#write(fresh, [HEADER, ...lines], true)
      // Since the look in #append another process may have put its own compaction here.
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
        // The batch itself is written: a compaction that has no room is tried again later.
        this.#compactAt *= 2
        return
      }
      throw error
    }
  }
}

/** The whole file, read by position: the handle is open for appending. */
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
