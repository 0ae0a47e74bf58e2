// Writes and syncs the new content in a hidden file beside the destination. Only the syncs are asynchronous: the other
// calls take microseconds, and a round trip through the thread pool takes many times that.
import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Target } from '../core/plan.ts'
import { err, ok, type Result } from '../core/result.ts'
import { O_PATH, type Folder } from '../system/folder.ts'
import { locate, type Destination, type Place } from '../system/place.ts'
import { privateFolder, temporaryName } from '../system/temporary.ts'
import { makeMissingDirs, removeDirs } from './dirs.ts'
import { setOwner } from './metadata.ts'
import { openNew, Staged } from './staged.ts'

/** Maximum number of names to try for a hidden file. */
const TRIES = 100

/**
 * Creates an empty hidden file for a destination. On failure, nothing is left behind.
 * @param mkdirs whether missing folders above the destination are created
 */
export function draft(
  destination: Destination,
  next: Target,
  mkdirs = false,
): Result<Staged, Fault> {
  const { dest } = destination
  let place: Place | undefined
  let staged: Staged | undefined
  let madeDirs: readonly string[] = []
  try {
    place = locate(destination)
    if (place.missing.length > 0) {
      if (!mkdirs) throw Object.assign(new Error(), { code: 'ENOENT' })
      const made = makeMissingDirs(place)
      if (!made.ok) return made
      ;({ place, made: madeDirs } = made.value)
    }
    staged = createBeside(place, next, madeDirs) ?? createApart(place, next)
    if (!staged.isInPlace) setOwner(staged.fd, dest, next)
    return ok(staged)
  } catch (error) {
    if (staged === undefined) place?.folder.close()
    else staged.discard()
    removeDirs(madeDirs)
    return err(stageFault(dest, place, error))
  }
}

/** Writes the content of a draft and starts its sync: await `synced` before the swap. */
export function fill(staged: Staged, dest: string): Result<Staged, Fault> {
  try {
    staged.fill()
    return ok(staged)
  } catch (error) {
    return err(stageFault(dest, staged.place, error))
  }
}

/** Creates a hidden file with its content. On failure, nothing is left behind. */
export function stage(
  destination: Destination,
  next: Target,
  mkdirs = false,
): Result<Staged, Fault> {
  const made = draft(destination, next, mkdirs)
  if (!made.ok) return made
  const filled = fill(made.value, destination.dest)
  if (!filled.ok) {
    made.value.discard()
    removeDirs(made.value.madeDirs)
  }
  return filled
}

/**
 * Copies content and metadata of a staged file to a second one in a private folder.
 * @throws system errors and FaultError
 */
export function copyApart({ place, next }: Staged): Staged {
  const copy = createApart(locate({ dest: place.path, followSymlinks: false }), next)
  copy.fill()
  return copy
}

/** Creates the file beside its destination. Returns undefined for a mount point in a folder that is not writable. */
function createBeside(place: Place, next: Target, madeDirs: readonly string[]): Staged | undefined {
  try {
    const { name, fd } = newFile(place.folder, place.name)
    return new Staged({ folder: place.folder, name }, place, next, fd, madeDirs)
  } catch (error) {
    const isDenied = ['EROFS', 'EACCES', 'EPERM'].includes(errnoOf(error))
    if (isDenied && isMountPoint(place)) return undefined
    throw error
  }
}

/** Creates the file in a private folder. */
function createApart(place: Place, next: Target): Staged {
  const own = privateFolder(0o711)
  let folder: Folder | undefined
  try {
    ;({ folder } = locate({ dest: join(own.path, place.name) }))
    const { name, fd } = newFile(folder, place.name)
    try {
      setOwner(fd, place.path, next)
    } catch {
      // Only checks read this file. The swap sets the owner of the destination, which is written in place.
    }
    return new Staged({ folder, name }, place, next, fd, [], own)
  } catch (error) {
    folder?.close()
    own.remove()
    throw error
  }
}

function newFile(folder: Folder, base: string): { readonly name: string; readonly fd: number } {
  for (let tries = 1; ; tries++) {
    const name = temporaryName(base)
    try {
      return { name, fd: openNew({ folder, name }) }
    } catch (error) {
      // If the name is taken, another one is tried.
      if (errnoOf(error) !== 'EEXIST' || tries === TRIES) throw error
    }
  }
}

/** Compares mount ids without following a link. */
function isMountPoint({ folder, name }: Place): boolean {
  let fd: number | undefined
  try {
    fd = openSync(folder.at(name), O_PATH | constants.O_NOFOLLOW)
    return mountOf(fd) !== mountOf(folder.fd)
  } catch {
    return false
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

const mountOf = (fd: number): string | undefined =>
  /^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]

function stageFault(dest: string, place: Place | undefined, error: unknown): Fault {
  const code = errnoOf(error)
  const what = `cannot write ${dest}`
  const dir = dirname(place?.path ?? dest)
  if (code === 'ENOENT') {
    const hint =
      place?.missing.length === 0
        ? `choose another folder: no file can be created in ${dir}`
        : `the folder ${dir} is missing: run mkdir -p ${dir}, or set mkdirs = true`
    return ioFault(what, error, hint)
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return ioFault(
      what,
      error,
      `give reconfd's user write permission for the folder ${dir}: new files are created there and renamed`,
    )
  }
  return ioFault(what, error)
}
