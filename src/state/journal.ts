// The journal of owed reloads: one append-only file of JSON lines for each confdir. A reload is
// written down before the swap and struck out after it has succeeded, so a crash forgets none.
//
//     {"owe":{"id":"9f2c-1","resource":"haproxy.toml","since":1760000000000,"attempts":0,"commands":["..."]}}
//     {"settle":["9f2c-1"]}
//
// Several processes may share the file (a onetime run beside the daemon). Each only appends, and
// settles only ids that it has read or written, so none strikes out what another has just owed.
// Nothing is ever written by opening. What makes compaction safe beside it is in #compact.
import { randomBytes } from 'node:crypto'
import { constants, fstatSync, statSync, writeFileSync } from 'node:fs'
import { open, readFile, rename, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { idOf, makeDirs, removeAbandoned, syncDir } from './state-files.ts'
import {
  oweLine,
  parse,
  settleLine,
  type Entry,
  type OwedReload,
  type Parsed,
} from './journal-lines.ts'

export type { OwedReload }

export interface OwedJournal {
  /** By the resource's name. A new map after each change. */
  all(): ReadonlyMap<string, OwedReload>
  /** Adds or replaces; resolves when it is safe on disk. */
  owe(entries: readonly OwedReload[]): Promise<Result<void, Fault>>
  /** Strikes out; not synced, since a power cut only makes a reload run once more. */
  settle(resources: readonly string[]): Promise<Result<void, Fault>>
  close(): Promise<void>
  /** What the operator should know of the file as it was found, such as lines that are not readable. */
  readonly notice?: string
}

/** The file is compacted when it has grown beyond this, in bytes, and twice what is owed. */
const COMPACT_AT = 64 * 1024
/** How often a batch is written again because the file was replaced meanwhile. */
const REPLACED_MOST = 10
const MODE = 0o600
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants
const APPEND = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW
const HINT = 'Choose a directory that reconfd can write to with -state-dir.'

/** Where the journal of a confdir is. */
export function owedPath(stateDir: string, confdir: string): string {
  return join(stateDir, `owed-${idOf(confdir)}.jsonl`)
}

/** Reads what is owed. The directory and the file are made when the first reload is owed. */
export async function openOwed(
  stateDir: string,
  confdir: string,
): Promise<Result<OwedJournal, Fault>> {
  const path = owedPath(stateDir, confdir)
  try {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return ''
      throw error
    })
    return ok(new FileJournal(stateDir, path, parse(text)))
  } catch (error) {
    return err(ioFault(`cannot read the state file ${path}`, error, HINT))
  }
}

class FileJournal implements OwedJournal {
  readonly notice?: string
  #entries: ReadonlyMap<string, Entry>
  #handle: FileHandle | undefined
  /** Tells our ids from those of other processes and of earlier lives. */
  readonly #self = randomBytes(6).toString('hex')
  #counter = 0
  #compactAt = COMPACT_AT
  /** The work under way: one piece after the other. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly dir: string,
    private readonly path: string,
    found: Parsed,
  ) {
    this.#entries = found.entries
    if (found.unreadable > 0) {
      // They are told once: the next write leaves them out.
      this.#compactAt = 0
      this.notice = `${found.unreadable} unreadable line(s) in the state file ${path} were passed over; a reload that was owed may be forgotten`
    }
  }

  all(): ReadonlyMap<string, OwedReload> {
    return new Map([...this.#entries].map(([name, { owed }]) => [name, owed]))
  }

  owe(entries: readonly OwedReload[]): Promise<Result<void, Fault>> {
    return this.#inTurn(async () => {
      const next = new Map(this.#entries)
      const lines: string[] = []
      for (const owed of entries) {
        const id = `${this.#self}-${++this.#counter}`
        next.set(owed.resource, { owed, ids: [...(next.get(owed.resource)?.ids ?? []), id] })
        lines.push(oweLine(id, owed))
      }
      await this.#append(lines, true)
      this.#entries = next
    })
  }

  settle(resources: readonly string[]): Promise<Result<void, Fault>> {
    return this.#inTurn(async () => {
      const next = new Map(this.#entries)
      const ids = resources.flatMap((name) => next.get(name)?.ids ?? [])
      if (ids.length === 0) return
      for (const name of resources) next.delete(name)
      // Struck out in memory whatever becomes of the write: the reload has succeeded.
      this.#entries = next
      await this.#append([settleLine(ids)], false)
    })
  }

  async close(): Promise<void> {
    await this.#turn
    await this.#handle?.close().catch(() => undefined)
    this.#handle = undefined
  }

  #inTurn(work: () => Promise<void>): Promise<Result<void, Fault>> {
    const done = this.#turn.then(work).then(
      () => ok(undefined),
      (error: unknown) => err(ioFault(`cannot write the state file ${this.path}`, error, HINT)),
    )
    this.#turn = done
    return done
  }

  /** One write for the batch. It starts on a new line, so that a torn one before it harms nothing. */
  async #append(batch: readonly string[], sync: boolean): Promise<void> {
    let lines = batch
    for (let tries = 0; tries < REPLACED_MOST; tries++) {
      const handle = (this.#handle ??= await this.#open())
      await this.#write(handle, lines, sync)
      const { ino, size } = fstatSync(handle.fd)
      if (this.#isCurrent(ino)) {
        if (size > this.#compactAt) await this.#compact(handle)
        return
      }
      // Another process has compacted the file, or somebody has removed it: again, into the new one.
      await handle.close()
      this.#handle = undefined
      lines = [...this.#lines(), ...batch]
    }
    throw new Error('it is replaced again and again')
  }

  async #write(handle: FileHandle, lines: readonly string[], sync: boolean): Promise<void> {
    // Synchronous, as a few hundred bytes take microseconds and the thread pool more; the sync is not.
    writeFileSync(handle.fd, `\n${lines.join('\n')}\n`)
    if (sync) await handle.datasync()
  }

  #isCurrent(inode: number): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.ino === inode
  }

  #lines(): string[] {
    return [...this.#entries.values()].map(({ owed, ids }) => oweLine(ids.at(-1) as string, owed))
  }

  async #open(): Promise<FileHandle> {
    try {
      return await open(this.path, APPEND, MODE)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      await makeDirs(this.dir)
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
      const lines = owed.flatMap(({ owed, ids }) => ids.map((id) => oweLine(id, owed)))
      await this.#write(fresh, lines, true)
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
