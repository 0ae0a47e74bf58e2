// Creates missing folders above a destination if `mkdirs` is set. Removes them again if the file is not placed.
import { chmodSync, mkdirSync, rmdirSync } from 'node:fs'
import { errnoOf, ioFault } from '../core/errno.ts'
import { raise, type Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Folder } from '../system/folder.ts'
import { locate, type Place } from '../system/place.ts'

const DIR_MODE = 0o755

/** A place whose folder exists. */
export interface MadePlace {
  readonly place: Place
  /** The paths of the created folders, the outermost first. */
  readonly made: readonly string[]
}

/**
 * Creates the missing folders of a place with mode 0755, whatever the umask, owned by the effective user. On failure,
 * removes the folders that it has created and closes the place.
 */
export function makeMissingDirs(place: Place): Result<MadePlace, Fault> {
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
        : `create the target of the symbolic link ${place.dangling}, or remove the link`
    return err(ioFault(`cannot create the folder ${path}`, error, hint))
  }
}

/** Returns false if the folder already exists, for example because it was created for another resource. */
function makeDir(folder: Folder, name: string): boolean {
  try {
    mkdirSync(folder.at(name), DIR_MODE)
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  }
}

/** Sets the mode. Throws if the parent's owner has replaced the new folder. */
function secure(folder: Folder): void {
  if (folder.stats.uid !== process.geteuid?.()) raise('io', `${folder.path} was replaced`)
  if ((folder.stats.mode & 0o7777) !== DIR_MODE) chmodSync(folder.at('.'), DIR_MODE)
}

/** Removes created folders, the innermost first. Stops at the first folder that is not empty. */
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
