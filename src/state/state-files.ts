// What all files in the state directory have in common: names, folders that are made on the way, and
// replacement as a whole. They are 0600 in a directory of 0700: some hold the contents of files.
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
import { foreignTo, locate, whose } from '../system/place.ts'
import { syncFolder } from '../system/sync-folder.ts'
import { isLeftover, temporaryName } from '../system/temporary.ts'

/** What to do when a file in the state directory cannot be written. */
export const STATE_HINT = 'Choose a directory that reconfd can write to with -state-dir.'

/** A short name for something of any length, such as a path. */
export const idOf = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 12)

const sync = promisify(fsync)

/** Not mkdir's own `recursive`: below /proc that of Node 20 tries for ever. @throws system errors */
export function makeDirs(dir: string): void {
  const parent = dirname(dir)
  try {
    mkdirSync(dir, { mode: 0o700 })
  } catch (error) {
    // Another reconfd may have been quicker.
    if (errnoOf(error) === 'EEXIST') return
    if (errnoOf(error) !== 'ENOENT' || parent === dir) throw error
    makeDirs(parent)
    mkdirSync(dir, { mode: 0o700 })
  }
}

/** Makes the names in a directory survive a power cut; where that cannot be done, it is not. */
export const syncDir = (dir: string): Promise<void> => syncFolder(dir).catch(() => undefined)

/**
 * Replaces a file as a whole, its folders made where they are missing. Only the syncs wait for the disk;
 * the other calls take microseconds, and a trip through the thread pool many times that.
 * @param durable it is safe on disk when this resolves
 * @throws system errors; then the old file is as it was
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
    makeDirs(dirname(path))
    return openSync(path, 'wx', 0o600)
  }
}

/**
 * What an operator should know of the state directory: whoever can write there decides which files a
 * rollback brings back, and with which content.
 */
export function stateDirDoubt(dir: string): string | undefined {
  try {
    const place = locate({ dest: join(dir, '.reconfd') })
    const { folder, missing } = place
    const foreign = foreignTo(place)
    folder.close()
    if (missing.length > 0 || foreign === undefined) return undefined
    // The group of an ordinary user's folders is mostly his own.
    if (process.geteuid?.() !== 0 && isTrusted(foreign.stats.uid)) return undefined
    return `others can change the state directory ${dir}, and so choose what a rollback brings back: ${whose(foreign)}`
  } catch (error) {
    return error instanceof FaultError ? error.fault.message : undefined
  }
}

/** Milliseconds after which something is dead whose name does not say who made it. */
const DEAD_AFTER = 60_000

/**
 * Removes a file or a folder that was meant to be there for a moment, once that is over. Some have a
 * name of their own: the one that is a lock, and the folder of a socket, whose path has to be short.
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
 * Removes what crashed processes have left in the state directory and its folders. Never throws.
 * @returns the paths that were removed
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
