// Names and atomic replacement of the files in the state directory. Files have mode 0600 and folders 0700, because some
// files contain values.
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
export const STATE_HINT = 'Choose a directory that reconfd can write to with -state-dir.'

/** A file name for a text of any length, such as a path: 12 hexadecimal digits of its SHA-256. */
export const shortId = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 12)

const sync = promisify(fsync)

/**
 * Creates a directory and its parents. Node 20's own `recursive` never returns below /proc.
 * @throws system errors
 */
export function ensureDir(dir: string): void {
  const parent = dirname(dir)
  try {
    mkdirSync(dir, { mode: 0o700 })
  } catch (error) {
    // It exists, perhaps created by another reconfd.
    if (errnoOf(error) === 'EEXIST') return
    if (errnoOf(error) !== 'ENOENT' || parent === dir) throw error
    ensureDir(parent)
    mkdirSync(dir, { mode: 0o700 })
  }
}

/** Syncs a directory, so that its names survive a power cut. Ignores errors. */
export const syncDir = (dir: string): Promise<void> => syncFolder(dir).catch(() => undefined)

/**
 * Replaces a file atomically, and creates missing folders. Only the syncs are asynchronous: the other calls take
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
 * A warning if other users can change the state directory, and with it what a rollback restores. Undefined if they
 * cannot.
 */
export function stateDirDoubt(dir: string): string | undefined {
  try {
    const place = locate({ dest: join(dir, '.reconfd') })
    const { folder, missing } = place
    const foreign = foreignTo(place)
    folder.close()
    if (missing.length > 0 || foreign === undefined) return undefined
    // An ordinary user's folders are often group-writable, for a group without other members.
    if (process.geteuid?.() !== 0 && isTrusted(foreign.stats.uid)) return undefined
    return `other users can change the state directory ${dir}, and with it what a rollback restores: ${whyForeign(foreign)}`
  } catch (error) {
    return error instanceof FaultError ? error.fault.message : undefined
  }
}

/** Age in milliseconds at which a leftover counts as abandoned if its name does not contain a process id. */
const DEAD_AFTER = 60_000

/**
 * Removes a short-lived file or folder that is older than a minute. Needed for those with fixed or short names: the
 * file that serves as a lock, and the folder of a socket.
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
