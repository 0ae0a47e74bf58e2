// The place of a file: its open folder, and its name in that folder. A place is determined once for each step that
// touches the file. A symbolic link on the path is followed only if nobody but root and our own user can have created
// it or can replace it.
import { lstatSync, readlinkSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { FaultError, raise, type Fault } from '../core/fault.ts'
import { Folder, foreignIn, hasProc, isTrusted } from './folder.ts'
import { userOf } from './users.ts'

/** The rules for symbolic links on a path. */
export interface LinkRules {
  /** If false, a link at the path itself is refused. Default: true. */
  readonly followSymlinks?: boolean
  /** A folder above the path; links must not leave it. */
  readonly within?: string
}

export interface Destination extends LinkRules {
  /** An absolute, normalized path. */
  readonly dest: string
}

export interface Place {
  /** The innermost existing folder. */
  readonly folder: Folder
  /** Names of the missing folders below `folder`, the outermost first. */
  readonly missing: readonly string[]
  readonly name: string
  /** `dest`, or the target of a link at `dest`. For messages and commands. */
  readonly path: string
  /** The path of a link whose target folder is missing, if the path contains one. */
  readonly dangling?: string
}

export type ForeignFolder = Pick<Folder, 'path' | 'stats'>

const MAX_LINKS = 40

const partsOf = (path: string): string[] =>
  path.split('/').filter((part) => part !== '' && part !== '.')

const systemError = (code: string): Error => Object.assign(new Error(code), { code })

/**
 * Finds the place of a file, which need not exist. The caller must close the folder of the place.
 * @throws system errors, and FaultError for a refused link
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

/**
 * Handles the usual case, without links and missing folders, in a few system calls. Returns undefined in all other
 * cases.
 */
function locateDirect(dest: string): Place | undefined {
  let folder: Folder | undefined
  try {
    folder = Folder.direct(dirname(dest))
    if (folder === undefined) return undefined
    const name = basename(dest)
    const stats = lstatSync(folder.at(name), { throwIfNoEntry: false })
    if (stats?.isSymbolicLink() !== true) return { folder, missing: [], name, path: dest }
  } catch {
    // The walk reports the error.
  }
  folder?.close()
  return undefined
}

/** Returns the first folder on the path that other users can change; undefined if there is none. */
export function foreignTo({ folder }: Pick<Place, 'folder'>): ForeignFolder | undefined {
  const walk = new Walk()
  try {
    return walk.foreign(folder)
  } catch {
    // The folder was removed after it was opened.
    return folder
  } finally {
    walk.close()
  }
}

/**
 * Returns the fault if a symbolic link on the path of the destination is refused; undefined if all links are accepted.
 */
export function linkFault(destination: Destination): Fault | undefined {
  try {
    locate(destination).folder.close()
  } catch (error) {
    if (error instanceof FaultError) return error.fault
  }
  return undefined
}

/** Walks a path from the root, folder by folder. */
class Walk {
  /** The current folder and all above it, the root first. */
  readonly #way = [Folder.root()]
  #links = 0
  /** The last link to a folder, and the number of remaining parts that come from it. */
  #link = { path: '', parts: 0 }
  /** The folder that is returned to the caller, who closes it. */
  #kept: Folder | undefined

  to({ dest, followSymlinks = true, within = '' }: Destination): Place {
    let missing = this.#enter(partsOf(within))
    // Below a missing folder there are no links.
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

  /** The first folder on the path of `end` that other users can change. */
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
      raise(
        'io',
        `${path} cannot be reached safely: ${whyForeign(foreign)}, and /proc is not mounted`,
        {
          hint: 'mount /proc, or make the folder and its parents owned by root and writable only by root',
        },
      )
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

  /** Enters these folders, one inside the other. @returns the names of the missing folders */
  #enter(folders: readonly string[]): string[] {
    let parts = [...folders]
    this.#link = { path: '', parts: 0 }
    for (let part = parts[0]; part !== undefined; part = parts[0]) {
      if (part === '..') this.#leave()
      else if (!this.#enterOne(part)) {
        const link = this.#linkAt(part)
        if (link === undefined) {
          // A `..` below a missing folder cannot be resolved.
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

  /** Returns false if the folder is missing or is a link. */
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

  /** Returns the parts of a link's target. Goes back to the root if the target is absolute. */
  #follow(target: string): string[] {
    if (target.startsWith('/')) while (this.#way.length > 1) this.#leave()
    return partsOf(target)
  }

  /**
   * Returns the target of a link; undefined if the entry is not a link. @throws FaultError if the link must not be
   * followed
   */
  #linkAt(name: string, dest?: string, follow = true): string | undefined {
    const stats = lstatSync(this.#top.at(name), { throwIfNoEntry: false })
    if (stats?.isSymbolicLink() !== true) return undefined
    if (!follow) {
      raise('io', `the destination ${dest} is a symbolic link, and follow_symlinks is false`, {
        hint: 'remove the link, set `dest` to its target, or remove follow_symlinks = false',
      })
    }
    const foreign = foreignIn(this.#way)
    if (foreign !== undefined || !isTrusted(stats.uid)) {
      const owner = userOf(stats.uid)
      const link = `the symbolic link ${this.#top.path}/${name}`
      const message =
        foreign === undefined
          ? `${link} is not followed: it belongs to ${owner}`
          : `${link} of ${owner} is not followed: ${whyForeign(foreign)}`
      raise('io', message, {
        hint: 'replace the link in the path with its target, or make the link and the folders above it owned by root and writable only by root',
      })
    }
    if (++this.#links > MAX_LINKS) throw systemError('ELOOP')
    return readlinkSync(this.#top.at(name))
  }
}

const leadsOut = (dest: string, within: string): never =>
  raise('io', `${dest} leaves ${within} through a symbolic link`, {
    hint: 'remove the link or correct the key: a key cannot choose a file outside the fixed folder of `dest`',
  })

/** Describes why others can change a folder, such as `/srv/app belongs to user 1000 (app)`. */
export const whyForeign = ({ path, stats }: ForeignFolder): string =>
  isTrusted(stats.uid)
    ? `${path} can be changed by other users (mode ${(stats.mode & 0o7777).toString(8)})`
    : `${path} belongs to ${userOf(stats.uid)}`
