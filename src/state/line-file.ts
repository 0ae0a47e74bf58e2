// An append-only file of lines that several processes share, such as a onetime run and the daemon. No process loses
// a line of another: each only appends, and the comment on #compact explains why compaction is safe too. Opening
// writes nothing; the first append creates the file and its folder.
import { constants, fdatasync, fstatSync, statSync, writeFileSync } from 'node:fs'
import { open, rename, unlink, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { errnoOf } from '../core/errno.ts'
import { ensureDir, removeAbandoned, syncDir } from './state-files.ts'

/** The meaning of the lines, which the owner of the file supplies. */
export interface LineFormat {
  /** The first line of the file. */
  readonly header: string
  /** Returns lines for the entries in memory, at least for those missing from a file with this text. */
  readonly missing: (text: string) => readonly string[]
  /** Replays the text of the file and returns the lines that remain in a compacted file. */
  readonly remaining: (text: string) => readonly string[]
}

/** Size in bytes. The file is compacted if it exceeds this size and twice its size after the last compaction. */
const COMPACT_AT = 64 * 1024
/** Maximum number of attempts to write lines while other processes keep replacing the file. */
const REPLACED_MOST = 10
const MODE = 0o600
const syncData = promisify(fdatasync)
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_RDWR } = constants
const APPEND = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW

export class LineFile {
  readonly #dir: string
  #handle: FileHandle | undefined
  /** Whether the name of the open file survives a power cut. */
  #isNameSynced = false
  #compactAt: number

  /** @param isDamaged whether the file has invalid lines; the first append then compacts it, which drops them */
  constructor(
    private readonly path: string,
    private readonly format: LineFormat,
    isDamaged: boolean,
  ) {
    this.#dir = dirname(path)
    this.#compactAt = isDamaged ? 0 : COMPACT_AT
  }

  /** Whether the file exists, has content, and is the one to which this process appends. */
  get isInPlace(): boolean {
    const found = statSync(this.path, { throwIfNoEntry: false })
    if (found === undefined || found.size === 0) return false
    return this.#handle === undefined || fstatSync(this.#handle.fd).ino === found.ino
  }

  /**
   * Appends the lines in one write, and repeats the write while other processes keep replacing the file. A file that
   * is new, or was replaced, also gets the missing lines. Calls must not overlap.
   * @param sync whether the lines are on disk when the promise resolves
   * @throws system errors; some of the lines may then be in the file
   */
  async append(batch: readonly string[], sync: boolean): Promise<void> {
    for (let tries = 0; tries < REPLACED_MOST; tries++) {
      const handle = (this.#handle ??= await this.#open())
      const isNew = fstatSync(handle.fd).size === 0
      const lines = isNew || tries > 0 ? [...(await this.#missingIn(handle)), ...batch] : batch
      await this.#write(handle, isNew ? [this.format.header, ...lines] : lines, sync)
      const { ino, size } = fstatSync(handle.fd)
      if (this.#isCurrent(ino)) {
        if (size > this.#compactAt) await this.#compact(handle)
        return
      }
      // Another process has compacted the file, or somebody has removed it: write to the new file.
      await this.close()
    }
    throw new Error('another process keeps replacing the file')
  }

  async close(): Promise<void> {
    await this.#handle?.close().catch(() => undefined)
    this.#handle = undefined
  }

  async #missingIn(handle: FileHandle): Promise<readonly string[]> {
    return this.format.missing((await readAll(handle)).toString('utf8'))
  }

  async #write(handle: FileHandle, lines: readonly string[], sync: boolean): Promise<void> {
    // Starts on a new line, in case the previous line is incomplete. The write is synchronous, since a few hundred
    // bytes take less time than a round trip through the thread pool.
    writeFileSync(handle.fd, `\n${lines.join('\n')}\n`)
    if (!sync) return
    await syncData(handle.fd)
    if (!this.#isNameSynced) await syncDir(this.#dir)
    this.#isNameSynced = true
  }

  #isCurrent(inode: number): boolean {
    return statSync(this.path, { throwIfNoEntry: false })?.ino === inode
  }

  async #open(): Promise<FileHandle> {
    this.#isNameSynced = false
    try {
      return await open(this.path, APPEND, MODE)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      ensureDir(this.#dir)
      return await open(this.path, APPEND, MODE)
    }
  }

  /**
   * Replaces the file with one that contains only the remaining lines. Meanwhile another process may append to the old
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
      const { header, remaining } = this.format
      await this.#write(fresh, [header, ...remaining(before.toString('utf8'))], true)
      // Another process may have compacted the file since the check in append().
      if (!this.#isCurrent(fstatSync(old.fd).ino)) {
        await fresh.close()
        return await unlink(path)
      }
      await rename(path, this.path)
      this.#handle = fresh
      const since = (await readAll(old)).subarray(before.length)
      if (since.length > 0) await fresh.appendFile(`\n${since.toString('utf8')}\n`)
      await fresh.datasync()
      await syncDir(this.#dir)
      await old.close()
      this.#compactAt = Math.max(COMPACT_AT, 2 * (await fresh.stat()).size)
    } catch (error) {
      if (this.#handle !== fresh) {
        await fresh.close().catch(() => undefined)
        await unlink(path).catch(() => undefined)
        // The lines themselves have been written. The compaction, which may have lacked disk space, is retried later.
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
