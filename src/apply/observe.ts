// Reads the current content and metadata of a destination. system/place.ts decides which symbolic links to follow.
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Desired, Observed } from '../core/plan.ts'
import { isOpenToOthers, isTrusted } from '../system/folder.ts'
import { foreignTo, locate, whyForeign, type LinkRules, type Place } from '../system/place.ts'
import { userOf } from '../system/users.ts'

/** Maximum size in bytes. Without a limit, the owner of a folder could exhaust our memory. */
const LARGEST = 512 * 1024 * 1024

export interface ObserveRules extends LinkRules {
  /** Metadata set by the resource; a new file inherits all other metadata from the existing file. */
  readonly desired?: Pick<Desired, 'uid' | 'mode'>
}

/**
 * Reads content and metadata of a destination. Anything other than a regular file or a missing path is `unreadable`,
 * and so is a symbolic link that must not be followed. The system calls are synchronous, for the reason given in
 * stage.ts.
 */
export async function observe(dest: string, rules: ObserveRules = {}): Promise<Observed> {
  let place: Place | undefined
  try {
    place = locate({ ...rules, dest })
    if (place.missing.length > 0) return { kind: 'absent' }
    const fd = openDestination(place, constants.O_RDONLY)
    try {
      const stats = fstatSync(fd)
      const fault = unfit(dest, stats, place) ?? planted(dest, stats, place, rules)
      if (fault !== undefined) return { kind: 'unreadable', fault }
      const bytes = readFileSync(fd)
      return { kind: 'file', bytes, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid }
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { kind: 'absent' }
    // Sockets cannot be opened.
    if (errnoOf(error) === 'ENXIO') return { kind: 'unreadable', fault: notAFile(dest) }
    return { kind: 'unreadable', fault: ioFault(`cannot read the destination ${dest}`, error) }
  } finally {
    place?.folder.close()
  }
}

/**
 * Opens the file at a place. Throws ELOOP if a link has replaced the file in the meantime. Does not block on a named
 * pipe.
 */
export const openDestination = ({ folder, name }: Place, access: number): number =>
  openSync(folder.at(name), access | constants.O_NONBLOCK | constants.O_NOFOLLOW)

/** Returns the reason why an open file is not accepted as the destination; undefined if it is accepted. */
export function unfit(dest: string, stats: Stats, place: Place): Fault | undefined {
  if (!stats.isFile()) return notAFile(dest, stats.isDirectory())
  if (stats.size > LARGEST) {
    return refused(dest, 'is larger than 512 MiB', 'remove it, or set `dest` to another path')
  }
  if (stats.nlink === 1) return undefined
  const around = place.folder.stats
  const isOfFolder = stats.uid === around.uid && !isOpenToOthers(around)
  const foreign = isOfFolder ? undefined : foreignTo(place)
  if (foreign === undefined) return undefined
  return refused(
    dest,
    `is a hard link to a file with other names, and ${whyForeign(foreign)}`,
    'remove the link: the file may belong to somebody else',
  )
}

/**
 * The reason not to inherit owner and mode from the existing file. In a folder that everybody can write to, another
 * user could create that file in order to read the new content.
 */
function planted(
  dest: string,
  { uid }: Stats,
  { folder }: Place,
  { desired }: ObserveRules,
): Fault | undefined {
  if (desired === undefined || uid === desired.uid) return undefined
  if (desired.uid !== undefined && desired.mode !== undefined) return undefined
  const isOpenToAll = (folder.stats.mode & 0o002) !== 0
  if (!isOpenToAll || isTrusted(uid) || uid === folder.stats.uid) return undefined
  return refused(
    dest,
    `belongs to ${userOf(uid)}, and everybody can create files in ${folder.path}`,
    'remove the file, set `owner` and `mode`, or choose a folder that is not open to everybody',
  )
}

const refused = (dest: string, what: string, hint: string): Fault => ({
  kind: 'io',
  message: `the destination ${dest} ${what}`,
  hint,
})

function notAFile(dest: string, isFolder = false): Fault {
  const what = isFolder ? 'a folder' : 'a device, a socket or a pipe'
  return {
    kind: 'io',
    message: `the destination ${dest} is ${what}, not a file`,
    hint: `remove it, or set \`dest\` to the path of a file${isFolder ? ' in it' : ''}`,
  }
}
