// The place of a file: its folder, open, and its name in it. Found once for each step that touches the
// file. A symbolic link on the way is followed only if nobody but root and us can have made it, and
// nobody else can replace it.
import { lstatSync, readlinkSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { FaultError, raise, type Fault } from '../core/fault.ts'
import { Folder, foreignIn, hasProc, isTrusted } from './folder.ts'
import { userOf } from './users.ts'

/** Which symbolic links may lead to what a path means. */
export interface LinkRules {
  /** False: a link at the path itself is refused. Default true. */
  readonly followSymlinks?: boolean
  /** A folder above it that no link may lead out of. */
  readonly within?: string
}

export interface Destination extends LinkRules {
  /** Absolute and normalised. */
  readonly dest: string
}

export interface Place {
  /** The innermost folder that is there. */
  readonly folder: Folder
  /** Folders that are missing below it, the outermost first. */
  readonly missing: readonly string[]
  readonly name: string
  /** As `dest`; where a link at `dest` leads, if there is one. For messages and commands. */
  readonly path: string
  /** A link to a folder that is not there, if one is on the way. */
  readonly dangling?: string
}

export type ForeignFolder = Pick<Folder, 'path' | 'stats'>

const MAX_LINKS = 40

const partsOf = (path: string): string[] =>
  path.split('/').filter((part) => part !== '' && part !== '.')

const systemError = (code: string): Error => Object.assign(new Error(code), { code })

/**
 * Finds the place of a file, which need not be there. The caller closes its folder.
 * @throws system errors, and FaultError for a link that is refused
 */
export function locate(destination: Destination): Place {
  const direct = locateDirect(destination.dest)
  if (direct !== undefined) return direct
  const walk = new Walk()
  try {
    return walk.to(destination)
  } finally {
    walk.close()
  }
}

/** The same in a few calls, where there is no link and nothing is missing, as it is mostly. */
function locateDirect(dest: string): Place | undefined {
  let folder: Folder | undefined
  try {
    folder = Folder.direct(dirname(dest))
    if (folder === undefined) return undefined
    const name = basename(dest)
    const stats = lstatSync(folder.at(name), { throwIfNoEntry: false })
    if (stats?.isSymbolicLink() !== true) return { folder, missing: [], name, path: dest }
  } catch {
    // The walk finds out what it is.
  }
  folder?.close()
  return undefined
}

/** The first folder on the way to a place that others can change; undefined when there is none. */
export function foreignTo({ folder }: Pick<Place, 'folder'>): ForeignFolder | undefined {
  const walk = new Walk()
  try {
    return walk.foreign(folder)
  } catch {
    // It is not there any more.
    return folder
  } finally {
    walk.close()
  }
}

/** Why a destination is refused because of a symbolic link; undefined when it is not. */
export function linkFault(destination: Destination): Fault | undefined {
  try {
    locate(destination).folder.close()
  } catch (error) {
    if (error instanceof FaultError) return error.fault
  }
  return undefined
}

class Walk {
  readonly #way = [Folder.root()]
  #links = 0
  /** The last link to a folder, and how many of the parts that are left come from it. */
  #link = { path: '', parts: 0 }
  /** Given to the caller. */
  #kept: Folder | undefined

  to({ dest, followSymlinks = true, within = '' }: Destination): Place {
    let missing = this.#enter(partsOf(within))
    // What is missing cannot be a link, and neither can anything below it.
    const id = missing.length > 0 ? undefined : this.#top.id
    let parts = [...missing, ...partsOf(dest.slice(within.length))]
    let isLinked = false
    for (;;) {
      const name = parts.at(-1)
      if (name === undefined || name === '..') throw systemError('EISDIR')
      missing = this.#enter(parts.slice(0, -1))
      const target = missing.length > 0 ? undefined : this.#linkAt(name, dest, followSymlinks)
      if (target === undefined) {
        const isInside = id === undefined || this.#way.some((folder) => folder.id === id)
        if (!isInside) leadsOut(dest, within)
        const real = [this.#top.path, ...missing, name].join('/').replace(/^\/\//, '/')
        return this.#place(missing, name, isLinked ? real : dest)
      }
      parts = this.#follow(target)
      isLinked = true
    }
  }

  /** Whoever can put another folder on this way has to go through one of his own. */
  foreign(end: Folder): ForeignFolder | undefined {
    const missing = this.#enter(partsOf(end.path))
    const foreign = foreignIn(this.#way)
    if (foreign !== undefined) return { path: foreign.path, stats: foreign.stats }
    return missing.length > 0 || this.#top.id !== end.id ? end : undefined
  }

  close(): void {
    for (const folder of this.#way) if (folder !== this.#kept) folder.close()
  }

  get #top(): Folder {
    return this.#way.at(-1) as Folder
  }

  #place(missing: readonly string[], name: string, path: string): Place {
    const foreign = hasProc() ? undefined : foreignIn(this.#way)
    if (foreign !== undefined) {
      raise('io', `${path} cannot be reached safely: ${whose(foreign)}, and /proc is not there`, {
        hint: 'Mount /proc, or let the folder and those above it belong to root, writable for nobody else.',
      })
    }
    this.#kept = this.#top
    const { parts, path: link } = this.#link
    return {
      folder: this.#top,
      missing,
      name,
      path,
      ...(missing.length > 0 && parts > 0 ? { dangling: link } : {}),
    }
  }

  /** Goes into folder after folder. @returns those that are missing */
  #enter(folders: readonly string[]): string[] {
    let parts = [...folders]
    this.#link = { path: '', parts: 0 }
    for (let part = parts[0]; part !== undefined; part = parts[0]) {
      if (part === '..') this.#leave()
      else if (!this.#enterOne(part)) {
        const link = this.#linkAt(part)
        if (link === undefined) {
          // Below a missing folder `..` is missing as well.
          if (parts.includes('..')) throw systemError('ENOENT')
          return parts
        }
        const path = `${this.#top.path}/${part}`
        const inner = this.#follow(link)
        this.#link = { path, parts: inner.length }
        parts = [...inner, ...parts.slice(1)]
        continue
      }
      parts = parts.slice(1)
      if (this.#link.parts > 0) this.#link.parts--
    }
    return []
  }

  /** False when it is missing, or a link. */
  #enterOne(part: string): boolean {
    try {
      this.#way.push(this.#top.child(part))
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || (code === 'ENOTDIR' && this.#isLink(part))) return false
      throw error
    }
  }

  #isLink(name: string): boolean {
    const stats = lstatSync(this.#top.at(name), { throwIfNoEntry: false })
    return stats?.isSymbolicLink() === true
  }

  #leave(): void {
    if (this.#way.length > 1) this.#way.pop()?.close()
  }

  /** Where a link leads, as parts to go on with. */
  #follow(target: string): string[] {
    if (target.startsWith('/')) while (this.#way.length > 1) this.#leave()
    return partsOf(target)
  }

  /** The target of a link that may be followed; undefined when there is none. */
  #linkAt(name: string, dest?: string, follow = true): string | undefined {
    const stats = lstatSync(this.#top.at(name), { throwIfNoEntry: false })
    if (stats?.isSymbolicLink() !== true) return undefined
    if (!follow) {
      raise('io', `the destination ${dest} is a symbolic link, and follow_symlinks is false`, {
        hint: 'Remove the link, set `dest` to where it leads, or leave out follow_symlinks.',
      })
    }
    const foreign = foreignIn(this.#way)
    if (foreign !== undefined || !isTrusted(stats.uid)) {
      const owner = userOf(stats.uid)
      const link = `the symbolic link ${this.#top.path}/${name}`
      const message =
        foreign === undefined
          ? `${link} is not followed: it belongs to ${owner}`
          : `${link} of ${owner} is not followed: ${whose(foreign)}`
      raise('io', message, {
        hint: 'Name the place where the link leads, or let the link and the folders above it belong to root, writable for nobody else.',
      })
    }
    if (++this.#links > MAX_LINKS) throw systemError('ELOOP')
    return readlinkSync(this.#top.at(name))
  }
}

const leadsOut = (dest: string, within: string): never =>
  raise('io', `${dest} leads out of ${within} by a symbolic link`, {
    hint: 'A key cannot choose a file outside of the folder that `dest` begins with: remove the link, or correct the key.',
  })

/** Why a folder is not ours alone, such as `/srv/app belongs to user 1000 (app)`. */
export const whose = ({ path, stats }: ForeignFolder): string =>
  isTrusted(stats.uid)
    ? `${path} may be changed by other users (mode ${(stats.mode & 0o7777).toString(8)})`
    : `${path} belongs to ${userOf(stats.uid)}`
