// Folders by descriptor. Whoever may write to a folder can put another one, or a link, in the place of a
// name between two looks at it. So each folder on the way to a file is opened from the one before,
// links are followed here and not by the kernel, and what is done to a file is done below the
// descriptor of its folder: `/proc/self/fd/N/NAME` serves as openat(2), which Node does not have.
//
// Without /proc names are all there is. They serve where nobody else can change one on the way, and
// everything else is refused.
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

/** Looks nothing up but the name: it needs no right to read the folder. Node lacks the constant. */
export const O_PATH = 0o10000000
const FOLDER = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW

let procfs: boolean | undefined
/** Whether descriptors have names. Asked once. */
export const hasProc = (): boolean => (procfs ??= existsSync('/proc/self/fd'))

/** By identity, those that are open: a hundred files in one folder take one descriptor for it. */
const open = new Map<string, Folder>()

/** An open folder; renaming or replacing it does not change which folder this is. */
export class Folder {
  #users = 1
  #stats: Stats

  private constructor(
    readonly fd: number,
    /** As it was called when it was opened, without links: for messages and commands. */
    readonly path: string,
    stats: Stats,
  ) {
    this.#stats = stats
  }

  /** As of the last look at it. */
  get stats(): Stats {
    return this.#stats
  }

  static root(): Folder {
    return Folder.#take(openSync('/', FOLDER), '/')
  }

  /**
   * A folder in this one.
   * @throws system errors; ENOTDIR for a link too
   */
  child(name: string): Folder {
    const path = this.path === '/' ? `/${name}` : `${this.path}/${name}`
    return Folder.#take(openSync(this.at(name), FOLDER), path)
  }

  /**
   * A folder by its path, if no link is on the way: then, and only then, the kernel calls what it has
   * opened by that very path. Undefined when there is one, and without /proc.
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

  /** The path of an entry, for system calls; `.` is the folder itself. */
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
 * Root and ourselves. Where root has no name, in a namespace that knows only its own users, the owner
 * of `/` is root.
 */
export const isTrusted = (uid: number): boolean =>
  uid === 0 || uid === process.geteuid?.() || uid === (rootsOwner ??= statSync('/').uid)

/** Group or others may write. An ACL that lets anybody write shows here as well: its mask is the group's. */
export const isOpenToOthers = ({ mode }: Stats): boolean => (mode & 0o022) !== 0

const STICKY = 0o1000

/**
 * The first folder of a way in which somebody else can put another entry in the place of the next one;
 * of the last folder, in the place of any. Undefined when there is none. In a sticky folder, such as
 * /tmp, nobody can replace a folder that is not his own.
 */
export function foreignIn<T extends { readonly stats: Stats }>(way: readonly T[]): T | undefined {
  return way.find(({ stats }, n) => {
    if (!isTrusted(stats.uid)) return true
    const next = way[n + 1]
    if (!isOpenToOthers(stats)) return false
    return next === undefined || (stats.mode & STICKY) === 0 || !isTrusted(next.stats.uid)
  })
}
