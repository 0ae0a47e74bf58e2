// What stands at a destination now. Reads only; which symbolic links are followed is in system/place.ts.
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Desired, Observed } from '../core/plan.ts'
import { isOpenToOthers, isTrusted } from '../system/folder.ts'
import { foreignTo, locate, whose, type LinkRules, type Place } from '../system/place.ts'
import { userOf } from '../system/users.ts'

/** In bytes. Whoever owns a folder could otherwise fill our memory. */
const LARGEST = 512 * 1024 * 1024

export interface ObserveRules extends LinkRules {
  /** What a new file is to have; the rest it gets from the one that is there. */
  readonly desired?: Pick<Desired, 'uid' | 'mode'>
}

/**
 * Content and metadata of a destination. Whatever is not a file or nothing is `unreadable`, and so
 * is a symbolic link that is not to be followed. Synchronous within: see stage.ts.
 */
export async function observe(dest: string, rules: ObserveRules = {}): Promise<Observed> {
  let place: Place | undefined
  try {
    place = locate({ ...rules, dest })
    if (place.missing.length > 0) return { kind: 'absent' }
    const fd = openThere(place, constants.O_RDONLY)
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
    return { kind: 'unreadable', fault: ioFault(`cannot read the destination ${dest}`, error) }
  } finally {
    place?.folder.close()
  }
}

/**
 * Opens what stands at a place. A link that has come there since is an error (ELOOP), and a named pipe
 * does not wait for its other end.
 */
export const openThere = ({ folder, name }: Place, access: number): number =>
  openSync(folder.at(name), access | constants.O_NONBLOCK | constants.O_NOFOLLOW)

/** Why what was opened is not taken for the file of a destination. */
export function unfit(dest: string, stats: Stats, place: Place): Fault | undefined {
  if (!stats.isFile()) return notAFile(dest, stats)
  if (stats.size > LARGEST) {
    return refused(dest, 'is larger than 512 MiB', 'Remove it, or set `dest` to another path.')
  }
  if (stats.nlink === 1) return undefined
  const around = place.folder.stats
  const isOfFolder = stats.uid === around.uid && !isOpenToOthers(around)
  const foreign = isOfFolder ? undefined : foreignTo(place)
  if (foreign === undefined) return undefined
  return refused(
    dest,
    `is a hard link to a file with other names, and ${whose(foreign)}`,
    'Remove the link: it may lead to a file of somebody else.',
  )
}

/** Why a new file, which may hold what others may not see, does not get owner and mode of the one that is there. */
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
    `belongs to ${userOf(uid)}, and everybody may put files into ${folder.path}`,
    'Remove the file, set `owner` and `mode`, or choose a folder that is not open to everybody.',
  )
}

const refused = (dest: string, what: string, hint: string): Fault => ({
  kind: 'io',
  message: `the destination ${dest} ${what}`,
  hint,
})

function notAFile(dest: string, stats: Stats): Fault {
  const what = stats.isDirectory() ? 'a directory' : 'a device, a socket or a pipe'
  return {
    kind: 'io',
    message: `the destination ${dest} is ${what}, not a file`,
    hint: `Remove it, or set \`dest\` to the path of a file${stats.isDirectory() ? ' in it' : ''}.`,
  }
}
