// Folders above a destination: made where `mkdirs` asks for it, and removed again when the file that
// they were made for does not come into place after all.
import { chmodSync, mkdirSync, rmdirSync } from 'node:fs'
import { errnoOf, ioFault } from '../core/errno.ts'
import { raise, type Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Folder } from '../system/folder.ts'
import { locate, type Place } from '../system/place.ts'

const DIR_MODE = 0o755

/** A place whose folder is there, and which folders were made for it, the outermost first. */
export interface MadePlace {
  readonly place: Place
  readonly made: readonly string[]
}

/**
 * Makes the folders that are missing at a place, 0755 whatever the umask, owned by the effective user.
 * When one cannot be made, none is left, and the place is closed.
 */
export function makeDirs(place: Place): Result<MadePlace, Fault> {
  const made: string[] = []
  let { folder } = place
  let path = folder.path
  try {
    for (const name of place.missing) {
      path = `${folder.path === '/' ? '' : folder.path}/${name}`
      if (place.dangling !== undefined) throw Object.assign(new Error(), { code: 'EEXIST' })
      const isNew = makeDir(folder, name)
      const inner = folder.child(name)
      if (isNew) made.push(path)
      folder.close()
      folder = inner
      if (isNew) secure(inner)
    }
    return ok({ place: { ...place, folder, missing: [] }, made })
  } catch (error) {
    folder.close()
    removeDirs(made)
    const hint =
      place.dangling === undefined
        ? undefined
        : `${place.dangling} is a symbolic link that leads nowhere.`
    return err(ioFault(`cannot make the folder ${path}`, error, hint))
  }
}

/** False when another resource has been quicker. */
function makeDir(folder: Folder, name: string): boolean {
  try {
    mkdirSync(folder.at(name), DIR_MODE)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  }
}

/** The owner of the folder around it may have put another one in its place. */
function secure(folder: Folder): void {
  if (folder.stats.uid !== process.geteuid?.()) raise('io', `${folder.path} was replaced`)
  if ((folder.stats.mode & 0o7777) !== DIR_MODE) chmodSync(folder.at('.'), DIR_MODE)
}

/** Removes folders that were made, the innermost first; one that is in use by now stays. */
export function removeDirs(made: readonly string[]): void {
  for (const path of made.toReversed()) {
    try {
      const { folder, name } = locate({ dest: path, followSymlinks: false })
      try {
        rmdirSync(folder.at(name))
      } finally {
        folder.close()
      }
    } catch {
      return
    }
  }
}
