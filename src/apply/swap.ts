// Swap: the staged file takes the destination's place by rename. Where that is impossible (a
// bind-mounted file), the content is written into it, verified, and put back on failure.
import {
  chmodSync,
  chownSync,
  fchmodSync,
  linkSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Observed, Target } from '../core/plan.ts'
import { err, ok, type Result } from '../core/result.ts'
import { keepAttributes, remember } from './attributes.ts'
import { resolveDest } from './observe.ts'
import { moved, ownerFault, release, stage, stagedPath, type Staged } from './stage.ts'

/**
 * Gives the staged file its mode and renames it over its target.
 * @param dest as the resource calls it, for messages
 * @param keep the staged name stays too, as a second link to the new file
 */
export async function swap(
  dest: string,
  staged: Staged,
  keep = false,
): Promise<Result<void, Fault>> {
  try {
    if (staged.next.mode !== 0o600) fchmodSync(staged.fd, staged.next.mode)
    renameOver(staged, keep)
    remember(staged)
    return ok(undefined)
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'EBUSY' || code === 'EXDEV') return writeInPlace(dest, staged)
    if (code === 'ENOENT') {
      return err(ioFault(`cannot replace ${dest}: the staged file ${staged.path} is gone`, error))
    }
    return err(ioFault(`cannot replace ${dest}`, error))
  }
}

function renameOver(staged: Staged, keep: boolean): void {
  const second = keep ? secondName(staged) : undefined
  try {
    renameSync(second ?? staged.path, staged.target)
    if (second === undefined) moved(staged)
  } catch (error) {
    if (second !== undefined) unlinkSync(second)
    throw error
  }
}

/** A second name for the staged file; undefined on a file system without hard links: nothing is kept. */
function secondName(staged: Staged): string | undefined {
  const second = stagedPath(staged.target)
  try {
    linkSync(staged.path, second)
    return second
  } catch {
    return undefined
  }
}

/** For a file that cannot be renamed over: never the first choice, since a reader may see half of it. */
async function writeInPlace(dest: string, staged: Staged): Promise<Result<void, Fault>> {
  const what = `cannot write into ${dest} (it is a mount point and cannot be replaced)`
  let handle: FileHandle | undefined
  let former: Target | undefined
  try {
    handle = await open(staged.target, 'r+')
    const { mode, uid, gid } = await handle.stat()
    former = { bytes: await handle.readFile(), mode: mode & 0o7777, uid, gid }
    await become(handle, staged.next)
    return ok(undefined)
  } catch (error) {
    if (handle === undefined || former === undefined) return err(ioFault(what, error))
    const restored = await become(handle, former).then(
      () => 'the old content was put back',
      () => 'PUTTING BACK THE OLD CONTENT FAILED TOO',
    )
    return err(ioFault(`${what}; ${restored}`, error))
  } finally {
    await handle?.close().catch(() => undefined)
  }
}

/** The owner before the mode: chown clears setuid bits. */
async function become(handle: FileHandle, { bytes, ...next }: Target): Promise<void> {
  await overwrite(handle, bytes)
  const now = await handle.stat()
  const { uid = now.uid, gid = now.gid, mode } = next
  if (uid !== now.uid || gid !== now.gid) await handle.chown(uid, gid)
  if (mode !== (now.mode & 0o7777) || uid !== now.uid) await handle.chmod(mode)
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

/** Sets owner and mode of a file whose content is right. The owner first: chown clears setuid bits. */
export function setMetadata(dest: string, next: Target): Result<void, Fault> {
  try {
    const now = statSync(dest)
    const { uid = now.uid, gid = now.gid, mode } = next
    if (uid !== now.uid || gid !== now.gid) chownSync(dest, uid, gid)
    if (mode !== (now.mode & 0o7777) || uid !== now.uid) chmodSync(dest, mode)
    return ok(undefined)
  } catch (error) {
    if (errnoOf(error) === 'EPERM') return err(ownerFault(dest, next, error))
    return err(ioFault(`cannot set mode and owner of ${dest}`, error))
  }
}

/** Removes a file; a symbolic link at `dest` stays. One that is gone already is well. */
export function remove(dest: string): Result<void, Fault> {
  try {
    unlinkSync(resolveDest(dest))
    return ok(undefined)
  } catch (error) {
    return errnoOf(error) === 'ENOENT'
      ? ok(undefined)
      : err(ioFault(`cannot remove ${dest}`, error))
  }
}

/**
 * Brings back what stood at the destination before. It goes the same way as a new file, so a
 * reader sees one or the other.
 */
export async function restore(dest: string, previous: Observed): Promise<Result<void, Fault>> {
  if (previous.kind === 'unreadable') return err(previous.fault)
  if (previous.kind === 'absent') return remove(dest)
  const staged = stage(dest, previous)
  if (!staged.ok) return staged
  await keepAttributes([staged.value])
  const synced = await staged.value.synced
  const swapped = synced.ok ? await swap(dest, staged.value) : synced
  await release(staged.value, false)
  return swapped
}

/** Makes renames durable: one sync for each directory. */
export async function syncDirs(targets: readonly string[]): Promise<Result<void, Fault>> {
  const dirs = new Set(targets.map((target) => dirname(target)))
  for (const dir of dirs) {
    try {
      const handle = await open(dir, 'r')
      await handle.sync().finally(() => handle.close())
    } catch (error) {
      // Some file systems cannot sync a directory, one may be writable but unreadable, or gone.
      if (!['EINVAL', 'ENOTSUP', 'EACCES', 'ENOENT'].includes(errnoOf(error))) {
        return err(ioFault(`cannot write the directory ${dir} to disk`, error))
      }
    }
  }
  return ok(undefined)
}
