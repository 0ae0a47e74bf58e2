// Owner and mode of an open file. Set through its descriptor, since its name may be that of another file
// by now; the owner first, as chown clears setuid bits.
import { fchmodSync, fchownSync, fstatSync } from 'node:fs'
import { ioFault } from '../core/errno.ts'
import { FaultError, type Fault } from '../core/fault.ts'
import type { Target } from '../core/plan.ts'

type Metadata = Pick<Target, 'mode' | 'uid' | 'gid'>

/** Gives a file its owner. A setgid folder may have given it another group than ours. */
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
 * Gives a file its owner and its mode.
 * @throws system errors, and FaultError when the owner cannot be set
 */
export function setMetadata(fd: number, dest: string, next: Metadata): void {
  setOwner(fd, dest, next)
  if ((fstatSync(fd).mode & 0o7777) !== next.mode) fchmodSync(fd, next.mode)
}

/** Why an owner could not be set, and what to do about it. */
function ownerFault(dest: string, { uid, gid }: Metadata, error: unknown): Fault {
  const wanted = [
    ...(uid === undefined ? [] : [`user ${uid}`]),
    ...(gid === undefined ? [] : [`group ${gid}`]),
  ]
  return ioFault(
    `cannot give ${dest} to ${wanted.join(' and ')}`,
    error,
    'Run reconfd as root, or leave out uid, gid, owner and group and let its user own the file.',
  )
}
