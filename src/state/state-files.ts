// Names the files in the state directory and replaces them atomically. Files have mode 0600 and folders 0700, because
// some files contain values.
import { createHash } from 'node:crypto'
import {
  closeSync,
  fsync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  type Dirent,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { errnoOf } from '../core/errno.ts'
import { FaultError } from '../core/fault.ts'
import { isTrusted } from '../system/folder.ts'
import { foreignTo, locate, whyForeign } from '../system/place.ts'
import { syncFolder } from '../system/sync-folder.ts'
import { isLeftover, temporaryName } from '../system/temporary.ts'

/** The hint of faults about files in the state directory. */
export const STATE_HINT = 'set -state-dir to a directory that reconfd can write to'

/** A file name for a string of any length, such as a path: the first 12 hexadecimal digits of its SHA-256 hash. */
export const shortId = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 12)

const sync = promisify(fsync)

/**
 * Creates a folder and its parents. Does not use the option `recursive` of mkdir, which in Node 20 never returns for a
 * path below /proc.
 * @throws system errors
 */
export function ensureDir(dir: string): void {
  const parent = dirname(dir)
  try {
    mkdirSync(dir, { mode: 0o700 })
  } catch (error) {
    // The folder exists. Another reconfd may just have created it.
    if (errnoOf(error) === 'EEXIST') return
    if (errnoOf(error) !== 'ENOENT' || parent === dir) throw error
    ensureDir(parent)
    mkdirSync(dir, { mode: 0o700 })
  }
}

/** Syncs a folder, so that the names of its files survive a power cut. Ignores errors. */
export const syncDir = (dir: string): Promise<void> => syncFolder(dir).catch(() => undefined)

/**
 * Replaces a file atomically and creates missing folders. Only the syncs are asynchronous: the other calls take
 * microseconds, and a round trip through the thread pool takes many times that.
 * @param durable whether the file is synced before the promise resolves
 * @throws system errors; the old file is then unchanged
 */
export async function replaceFile(path: string, text: string, durable: boolean): Promise<void> {
  const dir = dirname(path)
  const next = join(dir, temporaryName(basename(path)))
  try {
    const file = create(next)
    try {
      writeFileSync(file, text)
      if (durable) await sync(file)
    } finally {
      closeSync(file)
    }
    renameSync(next, path)
  } catch (error) {
    rmSync(next, { force: true })
    throw error
  }
  if (durable) await syncDir(dir)
}

function create(path: string): number {
  try {
    return openSync(path, 'wx', 0o600)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    ensureDir(dirname(path))
    return openSync(path, 'wx', 0o600)
  }
}

/**
 * Returns a warning if other users can change the state directory, and thus the files that a rollback restores. Returns
 * undefined if they cannot.
 */
export function stateDirDoubt(dir: string): string | undefined {
  try {
    const place = locate({ dest: join(dir, '.reconfd') })
    const { folder, missing } = place
    const foreign = foreignTo(place)
    folder.close()
    if (missing.length > 0 || foreign === undefined) return undefined
    // The folders of an ordinary user are often writable for the user's own group, which has no other members.
    if (process.geteuid?.() !== 0 && isTrusted(foreign.stats.uid)) return undefined
    return `other users can change the state directory ${dir}, and thus the files that a rollback restores: ${whyForeign(foreign)}`
  } catch (error) {
    return error instanceof FaultError ? error.fault.message : undefined
  }
}

/** Age in milliseconds at which a leftover counts as abandoned if its name does not contain a process id. */
const DEAD_AFTER = 60_000

/**
 * Removes a short-lived file or folder that is older than a minute. This is for names that contain no process id: the
 * new file of a compaction, which serves as a lock, and the folder of a socket.
 * @returns whether it was removed
 */
export function removeAbandoned(path: string): boolean {
  try {
    if (Date.now() - statSync(path).mtimeMs < DEAD_AFTER) return false
    rmSync(path, { recursive: true })
    return true
  } catch {
    return false
  }
}

/**
 * Removes the leftovers of crashed processes from the state directory and its folders. Never throws.
 * @returns the removed paths
 */
export function sweepState(dir: string): readonly string[] {
  return entriesOf(dir).flatMap((entry) => {
    const path = join(dir, entry.name)
    if (/^c-\w{6}$|\.jsonl\.new$/.test(entry.name)) return removeAbandoned(path) ? [path] : []
    if (entry.isDirectory()) return sweepState(path)
    return isLeftover(entry.name) && removed(path) ? [path] : []
  })
}

function removed(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch {
    return false
  }
}

function entriesOf(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true })
  } catch {
    return []
  }
}
