// Folders by descriptor. Anybody who can write to a folder can replace an entry, for example with a link, between two
// system calls. So each folder on a path is opened relative to its parent, links are followed by system/place.ts rather
// than by the kernel, and files are accessed relative to the descriptor of their folder. `/proc/self/fd/N/NAME`
// replaces openat(2), which Node lacks.
//
// Without /proc, paths are used, and a path on which others could replace a folder is refused.
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readlinkSync,
  statSync,
  type Stats,
} from 'node:fs'

/** The flag that opens a path without read permission (open(2)). Node does not define it. */
export const O_PATH = 0o10000000
const FOLDER = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW

let procfs: boolean | undefined
/** Whether /proc is mounted. Checked once. */
export const hasProc = (): boolean => (procfs ??= existsSync('/proc/self/fd'))

/** Open folders by device and inode, so that a hundred files in one folder share one descriptor. */
const open = new Map<string, Folder>()

/** An open folder. Renaming or replacing it on disk does not affect this object. */
export class Folder {
  #users = 1
  #stats: Stats

  private constructor(
    readonly fd: number,
    /** The path of the folder when it was opened, without links. For messages and commands. */
    readonly path: string,
    stats: Stats,
  ) {
    this.#stats = stats
  }

  /** The stats of the folder when it was last opened. */
  get stats(): Stats {
    return this.#stats
  }

  static root(): Folder {
    return Folder.#take(openSync('/', FOLDER), '/')
  }

  /**
   * Opens a folder in this one.
   * @throws system errors; ENOTDIR for a link, too
   */
  child(name: string): Folder {
    const path = this.path === '/' ? `/${name}` : `${this.path}/${name}`
    return Folder.#take(openSync(this.at(name), FOLDER), path)
  }

  /**
   * Opens a folder by its path if the path contains no link. Only then does the kernel report exactly this path for
   * the descriptor. Returns undefined if the path contains a link, or without /proc.
   * @throws system errors
   */
  static direct(path: string): Folder | undefined {
    if (!hasProc()) return undefined
    const fd = openSync(path, O_PATH | constants.O_DIRECTORY)
    if (readlinkSync(`/proc/self/fd/${fd}`) === path) return Folder.#take(fd, path)
    closeSync(fd)
    return undefined
  }

  static #take(fd: number, path: string): Folder {
    const stats = fstatSync(fd)
    const id = idOf(stats)
    const known = open.get(id)
    if (known !== undefined && known.path === path) {
      closeSync(fd)
      known.#users++
      known.#stats = stats
      return known
    }
    const folder = new Folder(fd, path, stats)
    if (known === undefined) open.set(id, folder)
    return folder
  }

  get id(): string {
    return idOf(this.stats)
  }

  /** The path of an entry, only for system calls; `.` is the folder itself. */
  at(name: string): string {
    return hasProc() ? `/proc/self/fd/${this.fd}/${name}` : `${this.path}/${name}`
  }

  close(): void {
    if (--this.#users > 0) return
    if (open.get(this.id) === this) open.delete(this.id)
    closeSync(this.fd)
  }
}

const idOf = ({ dev, ino }: Stats): string => `${dev}:${ino}`

let rootsOwner: number | undefined

/**
 * Whether a user is root or our own user. In a user namespace that does not map root, the owner of `/` counts as root.
 */
export const isTrusted = (uid: number): boolean =>
  uid === 0 || uid === process.geteuid?.() || uid === (rootsOwner ??= statSync('/').uid)

/** Whether group or others can write. Covers ACLs, whose mask appears as the group's permissions. */
export const isOpenToOthers = ({ mode }: Stats): boolean => (mode & 0o022) !== 0

const STICKY = 0o1000

/**
 * Returns the first folder of a path in which other users can replace the next folder of the path or, in the last
 * folder, any entry. Returns undefined if there is none. In a sticky folder, such as /tmp, users can replace only their
 * own folders.
 * @param path the folders of the path, the root first
 */
export function foreignIn<T extends { readonly stats: Stats }>(path: readonly T[]): T | undefined {
  return path.find(({ stats }, n) => {
    if (!isTrusted(stats.uid)) return true
    const next = path[n + 1]
    if (!isOpenToOthers(stats)) return false
    return next === undefined || (stats.mode & STICKY) === 0 || !isTrusted(next.stats.uid)
  })
}
