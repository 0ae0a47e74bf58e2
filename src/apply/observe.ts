// What stands at a destination now. Reads only; a symbolic link is followed, or refused.
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  type Stats,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Observed } from '../core/plan.ts'

const MAX_LINKS = 40

/**
 * The file that is meant: where the symbolic link at `dest` leads, even when nothing is there yet
 * (a dangling link: its target is what will be made). The link itself always stays.
 * @throws system errors, ELOOP included
 */
export function resolveDest(dest: string): string {
  let path = dest
  for (let links = 0; links < MAX_LINKS; links++) {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return path
    // A relative link starts from where its directory really is.
    const dir = realpathSync(dirname(path))
    path = resolve(dir, readlinkSync(join(dir, basename(path))))
  }
  throw Object.assign(new Error('too many symbolic links'), { code: 'ELOOP' })
}

/** Why a destination that may not be a symbolic link is refused; undefined when it is none. */
export function linkFault(dest: string): Fault | undefined {
  if (lstatSync(dest, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined
  return {
    kind: 'io',
    message: `the destination ${dest} is a symbolic link, and follow_symlinks is false`,
    hint: 'Remove the link, set `dest` to where it leads, or leave out follow_symlinks.',
  }
}

/**
 * Content and metadata of a destination. Whatever is not a file or nothing is `unreadable`, and so
 * is a symbolic link that is not to be followed. Synchronous within: see stage.ts.
 */
export async function observe(dest: string, followSymlinks = true): Promise<Observed> {
  try {
    const link = followSymlinks ? undefined : linkFault(dest)
    if (link !== undefined) return { kind: 'unreadable', fault: link }
    // O_NONBLOCK: opening a named pipe must not wait for its other end.
    const fd = openSync(dest, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stats = fstatSync(fd)
      if (!stats.isFile()) return { kind: 'unreadable', fault: notAFile(dest, stats) }
      const bytes = readFileSync(fd)
      return { kind: 'file', bytes, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid }
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { kind: 'absent' }
    return { kind: 'unreadable', fault: ioFault(`cannot read the destination ${dest}`, error) }
  }
}

function notAFile(dest: string, stats: Stats): Fault {
  const what = stats.isDirectory() ? 'a directory' : 'a device, a socket or a pipe'
  return {
    kind: 'io',
    message: `the destination ${dest} is ${what}, not a file`,
    hint: `Remove it, or set \`dest\` to the path of a file${stats.isDirectory() ? ' in it' : ''}.`,
  }
}
