// Folders above a destination: made where `mkdirs` asks for it, and removed again when the file that
// they were made for does not come into place after all.
import { chmodSync, mkdirSync, rmdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'

const DIR_MODE = 0o755

/**
 * Makes a folder and those above it, 0755 whatever the umask, owned by the effective user. Not mkdir's
 * own `recursive`: below /proc that of Node 20 tries for ever, and it does not tell all that it made.
 * @returns the folders made, the outermost first; when one cannot be made, none is left
 */
export function makeDirs(dir: string): Result<readonly string[], Fault> {
  const made: string[] = []
  let at = dir
  try {
    const missing: string[] = []
    for (; statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at)) {
      missing.unshift(at)
    }
    for (at of missing) if (makeDir(at)) made.push(at)
    return ok(made)
  } catch (error) {
    removeDirs(made)
    const hint =
      errnoOf(error) === 'EEXIST' ? 'It is a symbolic link that leads nowhere.' : undefined
    return err(ioFault(`cannot make the folder ${at}`, error, hint))
  }
}

/** False when another resource has been quicker. */
function makeDir(path: string): boolean {
  try {
    mkdirSync(path, DIR_MODE)
    chmodSync(path, DIR_MODE)
    return true
  } catch (error) {
    // A dangling link is in the way for mkdir, and nothing for stat.
    if (errnoOf(error) === 'EEXIST' && isDirectory(path)) return false
    throw error
  }
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** Removes folders that were made, the innermost first; one that is in use by now stays. */
export function removeDirs(made: readonly string[]): void {
  for (const path of made.toReversed()) {
    try {
      rmdirSync(path)
    } catch {
      return
    }
  }
}
