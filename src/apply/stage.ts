// Stage: the new content, written and synced in a hidden file beside the destination.
// The small calls are synchronous: each takes microseconds, and a trip through the thread pool
// many times that, all of it between a changed key and its reload. What waits for the disk (the
// syncs) is not.
import {
  closeSync,
  fchownSync,
  fstatSync,
  fsync,
  openSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { readdir, unlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import { basename, dirname, join } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Target } from '../core/plan.ts'
import { makeDirs, removeDirs } from './dirs.ts'
import { linkFault, resolveDest } from './observe.ts'

export interface Staged {
  /** The hidden file: `.haproxy.cfg.reconfd-<pid>-<n>`. Mode 0600 until the swap. */
  readonly path: string
  /** What it is to replace: the destination, or where its symbolic link leads. */
  readonly target: string
  readonly next: Target
  /** Open for reading and writing until `release`. */
  readonly fd: number
  /** Resolves when the content is safe on disk. Never rejects. */
  readonly synced: Promise<Result<void, Fault>>
  /** The folders that were made for it, the outermost first. */
  readonly madeDirs: readonly string[]
}

export interface StageOptions {
  /** Under the name that is kept. */
  readonly keep?: boolean
  /** False: a destination that is a symbolic link is refused. */
  readonly followSymlinks?: boolean
  /** Missing folders above it are made. */
  readonly mkdirs?: boolean
}

const NAME_MAX = 255
const LEFTOVER = /^\.(.*)\.reconfd-(\d+)-\d+$/

let counter = 0
const inFlight = new Set<string>()

/** A new hidden name beside a file. */
export function stagedPath(target: string): string {
  const suffix = `.reconfd-${process.pid}-${++counter}`
  let name = `.${basename(target)}`
  while (Buffer.byteLength(name + suffix) > NAME_MAX) name = name.slice(0, -1)
  return join(dirname(target), name + suffix)
}

/** Where a staged file is kept with `-keep-stage-file`: one for each destination, replaced each time. */
export const keptPath = (target: string): string =>
  join(dirname(target), `.${basename(target)}.reconfd-staged`)

const sync = promisify(fsync)

/**
 * Writes the content beside the destination. The sync goes on behind: await `synced` before the swap.
 * On failure nothing is left.
 */
export function stage(
  dest: string,
  next: Target,
  { keep = false, followSymlinks = true, mkdirs = false }: StageOptions = {},
): Result<Staged, Fault> {
  let path = ''
  let target = dest
  let fd: number | undefined
  let madeDirs: readonly string[] = []
  try {
    const link = followSymlinks ? undefined : linkFault(dest)
    if (link !== undefined) return err(link)
    target = resolveDest(dest)
    const made = mkdirs ? makeDirs(dirname(target)) : ok([])
    if (!made.ok) return made
    madeDirs = made.value
    path = keep ? keptPath(target) : stagedPath(target)
    inFlight.add(path)
    fd = openNew(path)
    writeFileSync(fd, next.bytes)
    own(fd, next)
    const synced = sync(fd).then(
      () => ok(undefined),
      (error: unknown) => err(ioFault(`cannot write ${path} to disk`, error)),
    )
    return ok({ path, target, next, fd, synced, madeDirs })
  } catch (error) {
    if (fd !== undefined) {
      closeSync(fd)
      removeIfThere(path)
    }
    inFlight.delete(path)
    removeDirs(madeDirs)
    return err(stageFault(dest, target, next, error))
  }
}

/**
 * Exclusive. A name that is there gives way: the kept file of last time, or one left by a crashed
 * process with our pid (in a container always the same).
 */
function openNew(path: string): number {
  try {
    return openSync(path, 'wx+', 0o600)
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
    unlinkSync(path)
    return openSync(path, 'wx+', 0o600)
  }
}

/** Gives the file its owner. A setgid directory may have given it another group than ours. */
function own(fd: number, next: Target): void {
  if (next.uid === undefined && next.gid === undefined) return
  const now = fstatSync(fd)
  const uid = next.uid ?? now.uid
  const gid = next.gid ?? now.gid
  if (uid === now.uid && gid === now.gid) return
  try {
    fchownSync(fd, uid, gid)
  } catch (error) {
    throw new OwnerError(error)
  }
}

class OwnerError extends Error {
  constructor(override readonly cause: unknown) {
    super('chown')
  }
}

/** Why an owner could not be set, and what to do about it. */
export function ownerFault(dest: string, next: Target, error: unknown): Fault {
  const wanted = [
    ...(next.uid === undefined ? [] : [`user ${next.uid}`]),
    ...(next.gid === undefined ? [] : [`group ${next.gid}`]),
  ]
  return ioFault(
    `cannot give ${dest} to ${wanted.join(' and ')}`,
    error,
    'Run reconfd as root, or leave out uid, gid, owner and group and let its user own the file.',
  )
}

function stageFault(dest: string, target: string, next: Target, error: unknown): Fault {
  if (error instanceof OwnerError) return ownerFault(dest, next, error.cause)
  const code = errnoOf(error)
  const what = `cannot write ${dest}`
  const dir = dirname(target)
  if (code === 'ENOENT') {
    const hint = `The directory ${dir} has to be there: mkdir -p ${dir}, or mkdirs = true`
    return ioFault(what, error, hint)
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return ioFault(
      what,
      error,
      `The new file is made in ${dir} and renamed: the user that runs reconfd needs the right to write there.`,
    )
  }
  return ioFault(what, error)
}

/** Closes the file and, unless it is to be kept, removes its staged name if it is still there. */
export async function release(staged: Staged, keep: boolean): Promise<void> {
  // The sync may still be under way when another file of the resource has failed.
  await staged.synced
  closeSync(staged.fd)
  if (inFlight.delete(staged.path) && !keep) removeIfThere(staged.path)
}

/** The staged name has become the target's: there is nothing left to remove. */
export const moved = (staged: Staged): boolean => inFlight.delete(staged.path)

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Gone already, as it is after every swap; or the next sweep's business.
  }
}

/**
 * Removes the staged files that crashed runs left beside these destinations: ours by their name,
 * and of a process that is gone. Call it once at start (not with -noop). Never rejects.
 * @returns the paths that were removed
 */
export async function sweepStaged(dests: readonly string[]): Promise<readonly string[]> {
  const names = new Map<string, Set<string>>()
  for (const dest of dests) {
    const target = resolvedOr(dest)
    const dir = dirname(target)
    names.set(dir, (names.get(dir) ?? new Set()).add(basename(target)))
  }
  const removed: string[] = []
  for (const [dir, bases] of names) {
    for (const name of await readdir(dir).catch((): string[] => [])) {
      const match = LEFTOVER.exec(name)
      const path = join(dir, name)
      if (match === null || !bases.has(match[1] as string)) continue
      if (inFlight.has(path) || isAlive(Number(match[2]))) continue
      const gone = await unlink(path).then(
        () => true,
        () => false,
      )
      if (gone) removed.push(path)
    }
  }
  return removed
}

function resolvedOr(dest: string): string {
  try {
    return resolveDest(dest)
  } catch {
    return dest
  }
}

/** True when another process has this pid. Our own: only `inFlight` is ours, the rest is an earlier life's. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}
