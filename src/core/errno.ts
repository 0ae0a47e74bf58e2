// Messages and hints for the error codes of the operating system.
import { FaultError, type Fault } from './fault.ts'

const MEANING: Readonly<Record<string, readonly [meaning: string, hint: string]>> = {
  EACCES: [
    'permission denied',
    'grant the user that runs reconfd access to the path and to its folder, or run reconfd as root',
  ],
  EPERM: [
    'operation not permitted',
    'run reconfd as root or as the owner, and check whether the file is immutable (lsattr)',
  ],
  ENOENT: ['no such file or directory', 'create the missing folder, or correct the path'],
  EEXIST: ['the path already exists', 'remove it, or correct the path'],
  ENOTDIR: ['a part of the path is not a folder', 'correct the path'],
  EISDIR: ['it is a folder', 'remove the folder, or correct the path'],
  ENOTEMPTY: ['it is a folder', 'remove the folder, or correct the path'],
  ELOOP: ['its symbolic links form a loop', 'correct the links'],
  ENAMETOOLONG: ['the name is too long', 'choose a shorter name'],
  ENOSPC: ['no space left on the device', 'free some space'],
  EDQUOT: ['the disk quota is used up', 'free some space or raise the quota'],
  EROFS: [
    'the file system is read-only',
    'remount it writable (`mount -o remount,rw`), add its folder to ReadWritePaths= of the systemd unit, or choose another path',
  ],
  EBUSY: ['the file is in use, probably a mount point', 'unmount it, or choose another path'],
  EXDEV: ['it is on another file system', 'choose another path'],
  ETXTBSY: ['the file is a running program', 'stop the program, or choose another path'],
  EMFILE: ['too many open files', 'raise the limit (`ulimit -n`, LimitNOFILE=)'],
  ENFILE: ['too many open files on this machine', 'raise the kernel parameter fs.file-max'],
  EADDRINUSE: [
    'the address is already in use',
    'stop the program that uses it, or choose another port',
  ],
  EADDRNOTAVAIL: ['this machine does not have the address', 'check the output of: ip addr'],
  EIO: ['the device reports an input/output error', 'check the kernel log (dmesg)'],
}

/** The `code` of a Node system error, such as `ENOENT`; '' for other errors. */
export function errnoOf(error: unknown): string {
  const code = error instanceof Error ? (error as Error & { code?: unknown }).code : undefined
  return typeof code === 'string' ? code : ''
}

/**
 * Builds a fault of kind `io` from a failed system call.
 * @param what the failed operation with its path, such as `cannot write /etc/a.cfg`
 * @param error the thrown error; if it is a FaultError, its own fault is returned
 * @param hint used instead of the hint of the error code
 */
export function ioFault(what: string, error: unknown, hint?: string): Fault {
  if (error instanceof FaultError) return error.fault
  const code = errnoOf(error)
  const [meaning, advice] = MEANING[code] ?? [
    error instanceof Error ? error.message : String(error),
    undefined,
  ]
  const tail = MEANING[code] === undefined ? meaning : `${meaning} (${code})`
  const best = hint ?? advice
  return { kind: 'io', message: `${what}: ${tail}`, ...(best === undefined ? {} : { hint: best }) }
}
