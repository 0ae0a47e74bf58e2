// Swap: the staged file takes the destination's place by rename. Where that is impossible (a
// bind-mounted file), the content is written into it, verified, and put back on failure.
import { closeSync, constants, fstatSync, readFileSync, unlinkSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Observed, Target } from '../core/plan.ts'
import { err, ok, type Result } from '../core/result.ts'
import { foreignTo, locate, whose, type Destination } from '../system/place.ts'
import { syncFolder } from '../system/sync-folder.ts'
import { keepAttributes, remember } from './attributes.ts'
import { setMetadata } from './metadata.ts'
import { openThere, unfit } from './observe.ts'
import { draft, fill } from './stage.ts'
import { Replaced, type Staged } from './staged.ts'

const IN_PLACE = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * Renames the staged file over its target.
 * @param dest as the resource calls it, for messages
 */
export async function swap(dest: string, staged: Staged): Promise<Result<void, Fault>> {
  if (staged.isInPlace) return writeInPlace(dest, staged)
  try {
    // A check may have changed it.
    setMetadata(staged.fd, dest, staged.next)
    staged.move()
    remember(staged)
    return ok(undefined)
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'EBUSY' || code === 'EXDEV') return writeInPlace(dest, staged)
    if (error instanceof Replaced) return err(replacedFault(dest, staged))
    if (code === 'ENOENT') {
      return err(ioFault(`cannot replace ${dest}: the staged file ${staged.path} is gone`, error))
    }
    return err(ioFault(`cannot replace ${dest}`, error))
  }
}

function replacedFault(dest: string, { path, place }: Staged): Fault {
  const message = `cannot replace ${dest}: the staged file ${path} was replaced by another one`
  const foreign = foreignTo(place)
  return {
    kind: 'io',
    message: foreign === undefined ? message : `${message}, and ${whose(foreign)}`,
    hint: 'Find out who writes to that folder; the file is tried again.',
  }
}

/** For a file that cannot be renamed over: never the first choice, since a reader may see half of it. */
async function writeInPlace(dest: string, staged: Staged): Promise<Result<void, Fault>> {
  const what = `cannot write into ${dest} (it is a mount point and cannot be replaced)`
  const { folder, name } = staged.place
  let handle: FileHandle | undefined
  let former: Target | undefined
  try {
    handle = await open(folder.at(name), IN_PLACE)
    const stats = await handle.stat()
    const fault = unfit(dest, stats, staged.place)
    if (fault !== undefined) return err(fault)
    const { mode, uid, gid } = stats
    former = { bytes: await handle.readFile(), mode: mode & 0o7777, uid, gid }
    await become(handle, dest, staged.next)
    return ok(undefined)
  } catch (error) {
    if (handle === undefined || former === undefined) return err(ioFault(what, error))
    const restored = await become(handle, dest, former).then(
      () => 'the old content was put back',
      () => 'PUTTING BACK THE OLD CONTENT FAILED TOO',
    )
    return err(ioFault(`${what}; ${restored}`, error))
  } finally {
    await handle?.close().catch(() => undefined)
  }
}

async function become(handle: FileHandle, dest: string, next: Target): Promise<void> {
  await overwrite(handle, next.bytes)
  setMetadata(handle.fd, dest, next)
}

/** Writes, syncs, reads back and compares. */
async function overwrite(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let at = 0
  while (at < bytes.length) {
    at += (await handle.write(bytes, at, bytes.length - at, at)).bytesWritten
  }
  await handle.truncate(bytes.length)
  await handle.sync()
  const back = Buffer.alloc(bytes.length + 1)
  let read = 0
  for (;;) {
    const { bytesRead } = await handle.read(back, read, back.length - read, read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  if (Buffer.compare(back.subarray(0, read), bytes) !== 0) {
    throw new Error('what was read back is not what was written')
  }
}

/** Sets owner and mode of a file whose content is right. */
export function repairMetadata(destination: Destination, next: Target): Result<void, Fault> {
  const { dest } = destination
  const what = `cannot set mode and owner of ${dest}`
  try {
    const place = locate(destination)
    try {
      const fd = openThere(place, constants.O_RDONLY)
      try {
        const fault = unfit(dest, fstatSync(fd), place)
        if (fault !== undefined) return err(fault)
        // They are for this content, and not for what somebody may have put in its place.
        if (Buffer.compare(readFileSync(fd), next.bytes) !== 0) {
          return err({ kind: 'io', message: `${what}: it has changed meanwhile` })
        }
        setMetadata(fd, dest, next)
        return ok(undefined)
      } finally {
        closeSync(fd)
      }
    } finally {
      place.folder.close()
    }
  } catch (error) {
    return err(ioFault(what, error))
  }
}

/** Removes a file; a symbolic link at `dest` stays. One that is gone already is well. */
export function remove(destination: Destination): Result<void, Fault> {
  try {
    const { folder, missing, name } = locate(destination)
    try {
      if (missing.length === 0) unlinkSync(folder.at(name))
      return ok(undefined)
    } finally {
      folder.close()
    }
  } catch (error) {
    return errnoOf(error) === 'ENOENT'
      ? ok(undefined)
      : err(ioFault(`cannot remove ${destination.dest}`, error))
  }
}

/**
 * Brings back what stood at the destination before. It goes the same way as a new file, so a
 * reader sees one or the other.
 */
export async function restore(
  destination: Destination,
  previous: Observed,
): Promise<Result<void, Fault>> {
  const { dest } = destination
  if (previous.kind === 'unreadable') return err(previous.fault)
  if (previous.kind === 'absent') return remove(destination)
  const made = draft(destination, previous)
  if (!made.ok) return made
  const staged = made.value
  try {
    await keepAttributes([staged])
    const filled = fill(staged, dest)
    if (!filled.ok) return filled
    const synced = await staged.synced
    return synced.ok ? await swap(dest, staged) : synced
  } finally {
    await staged.release()
  }
}

/** Makes renames durable: one sync for each folder, shared with other placements. */
export async function syncDirs(targets: readonly string[]): Promise<Result<void, Fault>> {
  const dirs = new Set(targets.map((target) => dirname(target)))
  const synced = await Promise.all([...dirs].map(syncDir))
  return synced.find(({ ok }) => !ok) ?? ok(undefined)
}

/** Some file systems cannot sync a folder; one may be writable but unreadable, or gone. */
async function syncDir(dir: string): Promise<Result<void, Fault>> {
  try {
    await syncFolder(dir)
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EACCES', 'ENOENT', 'ENOTDIR'].includes(errnoOf(error))) {
      return err(ioFault(`cannot write the directory ${dir} to disk`, error))
    }
  }
  return ok(undefined)
}
