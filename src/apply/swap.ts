// Renames the staged file over the destination. If the destination cannot be replaced (a bind-mounted file), writes the
// content into it, verifies it, and restores the previous content on failure.
import { closeSync, constants, fstatSync, readFileSync, unlinkSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Observed, Target } from '../core/plan.ts'
import { err, ok, type Result } from '../core/result.ts'
import { foreignTo, locate, whyForeign, type Destination } from '../system/place.ts'
import { syncFolder } from '../system/sync-folder.ts'
import { keepAttributes, remember } from './attributes.ts'
import { setMetadata } from './metadata.ts'
import { openDestination, unfit } from './observe.ts'
import { draft, fill } from './stage.ts'
import { Replaced, type Staged } from './staged.ts'

const IN_PLACE = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * Renames the staged file over its target.
 * @param dest the destination as configured, for messages
 */
export async function swap(dest: string, staged: Staged): Promise<Result<void, Fault>> {
  if (staged.isInPlace) return writeInPlace(dest, staged)
  try {
    // A check may have changed the mode or the owner.
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
  const message = `cannot replace ${dest}: the staged file ${path} was replaced by another file`
  const foreign = foreignTo(place)
  return {
    kind: 'io',
    message: foreign === undefined ? message : `${message}, and ${whyForeign(foreign)}`,
    hint: 'find out what else writes to that folder; reconfd will retry the file',
  }
}

/** Only for files that cannot be replaced by a rename, because a reader may see a partially written file. */
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
    await writeTarget(handle, dest, staged.next)
    return ok(undefined)
  } catch (error) {
    if (handle === undefined || former === undefined) return err(ioFault(what, error))
    const restored = await writeTarget(handle, dest, former).then(
      () => 'the previous content was restored',
      () => 'RESTORING THE PREVIOUS CONTENT FAILED, TOO',
    )
    return err(ioFault(`${what}; ${restored}`, error))
  } finally {
    await handle?.close().catch(() => undefined)
  }
}

async function writeTarget(handle: FileHandle, dest: string, next: Target): Promise<void> {
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
    throw new Error('the content read back differs from the content written')
  }
}

/** Sets owner and mode of a file whose content is already up to date. */
export function repairMetadata(destination: Destination, next: Target): Result<void, Fault> {
  const { dest } = destination
  const what = `cannot set mode and owner of ${dest}`
  try {
    const place = locate(destination)
    try {
      const fd = openDestination(place, constants.O_RDONLY)
      try {
        const fault = unfit(dest, fstatSync(fd), place)
        if (fault !== undefined) return err(fault)
        // Mode and owner are meant for this content only, and the file may have changed in the meantime.
        if (Buffer.compare(readFileSync(fd), next.bytes) !== 0) {
          return err({ kind: 'io', message: `${what}: its content has changed in the meantime` })
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

/** Removes a file. If `dest` is a symbolic link that is followed, the link stays. A missing file is a success. */
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
 * Restores the previous content of a destination, or removes the file if there was none. Uses the same steps as for a
 * new file, so that a reader sees either the old or the new content, never a mixture.
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

/** Syncs the folders of these files, each only once. Concurrent placements share these syncs. */
export async function syncDirs(targets: readonly string[]): Promise<Result<void, Fault>> {
  const dirs = new Set(targets.map((target) => dirname(target)))
  const synced = await Promise.all([...dirs].map(syncDir))
  return synced.find(({ ok }) => !ok) ?? ok(undefined)
}

/** Ignores a folder that is unreadable or removed, or whose file system cannot sync folders. */
async function syncDir(dir: string): Promise<Result<void, Fault>> {
  try {
    await syncFolder(dir)
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EACCES', 'ENOENT', 'ENOTDIR'].includes(errnoOf(error))) {
      return err(ioFault(`cannot write the folder ${dir} to disk`, error))
    }
  }
  return ok(undefined)
}
