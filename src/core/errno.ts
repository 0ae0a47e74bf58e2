// What the operating system's error codes mean, in words, and what to do about each.
import { FaultError, type Fault } from './fault.ts'

const MEANING: Readonly<Record<string, readonly [meaning: string, hint: string]>> = {
  EACCES: [
    'permission denied',
    'Give the user that runs reconfd the right to it and to its directory, or run reconfd as root.',
  ],
  EPERM: [
    'operation not permitted',
    'Run reconfd as root or as the owner, and see whether the file is immutable (lsattr).',
  ],
  ENOENT: ['no such file or directory', 'Create the directory, or correct the path.'],
  EEXIST: ['something is in the way', 'Remove it, or correct the path.'],
  ENOTDIR: ['a part of the path is not a directory', 'Correct the path.'],
  EISDIR: ['it is a directory', 'Remove the directory, or correct the path.'],
  ENOTEMPTY: ['it is a directory', 'Remove the directory, or correct the path.'],
  ELOOP: ['its symbolic links go round in a circle', 'Correct the links.'],
  ENAMETOOLONG: ['the name is too long', 'Choose a shorter name.'],
  ENOSPC: ['no space left on the device', 'Free some space.'],
  EDQUOT: ['the disk quota is used up', 'Free some space or raise the quota.'],
  EROFS: [
    'the file system is read-only',
    'Remount it writable (`mount -o remount,rw`), name its folder in ReadWritePaths= of the systemd unit, or choose another path.',
  ],
  EBUSY: ['the file is in use, probably a mount point', 'Unmount it, or choose another path.'],
  EXDEV: ['it lies on another file system', 'Choose another path.'],
  ETXTBSY: ['the file is a program that is running', 'Stop the program, or choose another path.'],
  EMFILE: ['too many open files', 'Raise the limit (`ulimit -n`, LimitNOFILE=).'],
  ENFILE: ['too many open files on this machine', 'Raise fs.file-max.'],
  EADDRINUSE: ['something else listens there', 'Stop it, or choose another port.'],
  EADDRNOTAVAIL: ['this machine has no such address', 'See ip addr.'],
  EIO: ['the device reports an input/output error', 'Look into the kernel log (dmesg).'],
}

/** The `code` of a Node system error, such as `ENOENT`; '' when it is something else. */
export function errnoOf(error: unknown): string {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined
  return typeof code === 'string' ? code : ''
}

/**
 * A fault of kind `io` from a failed system call.
 * @param what what could not be done and to which path, such as `cannot write /etc/a.cfg`
 * @param error a fault that was thrown tells what is wrong by itself, and is returned as it is
 * @param hint when something better is known than what the code tells by itself
 */
export function ioFault(what: string, error: unknown, hint?: string): Fault {
  if (error instanceof FaultError) return error.fault
  const code = errnoOf(error)
  const [meaning, advice] = MEANING[code] ?? [
    error instanceof Error ? error.message : String(error),
    undefined,
  ]
  const tail = MEANING[code] === undefined ? meaning : `${meaning} (${code})`
  const told = hint ?? advice
  return { kind: 'io', message: `${what}: ${tail}`, ...(told === undefined ? {} : { hint: told }) }
}
