// Sets the owner and mode of an open file through its descriptor, because its name could meanwhile refer to another
// file. The owner is set first, because chown clears the setuid bits.
import { fchmodSync, fchownSync, fstatSync } from 'node:fs'
import { ioFault } from '../core/errno.ts'
import { FaultError, type Fault } from '../core/fault.ts'
import type { Target } from '../core/plan.ts'

type Metadata = Pick<Target, 'mode' | 'uid' | 'gid'>

/**
 * Sets the owner. Even a file that we created may belong to another group, because its folder is setgid.
 * @throws FaultError if the owner cannot be set
 */
export function setOwner(fd: number, dest: string, next: Metadata): void {
  const now = fstatSync(fd)
  const { uid = now.uid, gid = now.gid } = next
  if (uid === now.uid && gid === now.gid) return
  try {
    fchownSync(fd, uid, gid)
  } catch (error) {
    throw new FaultError(ownerFault(dest, next, error))
  }
}

/**
 * Sets owner and mode.
 * @throws system errors, and FaultError if the owner cannot be set
 */
export function setMetadata(fd: number, dest: string, next: Metadata): void {
  setOwner(fd, dest, next)
  if ((fstatSync(fd).mode & 0o7777) !== next.mode) fchmodSync(fd, next.mode)
}

function ownerFault(dest: string, { uid, gid }: Metadata, error: unknown): Fault {
  const wanted = [
    ...(uid === undefined ? [] : [`user ${uid}`]),
    ...(gid === undefined ? [] : [`group ${gid}`]),
  ]
  return ioFault(
    `cannot change the owner of ${dest} to ${wanted.join(' and ')}`,
    error,
    `run reconfd as root, or let the file belong to reconfd's user: remove uid, gid, owner and group, and chown an existing file`,
  )
}
