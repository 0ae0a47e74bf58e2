// Resolves the symbolic links of paths and collects the places that determine the result: the folder of each file and
// of each link on its path.
import type { BigIntStats } from 'node:fs'
import { readlink } from 'node:fs/promises'
import { dirname, join, parse, resolve, sep } from 'node:path'

/** The relevant names in each folder, keyed by the folder; `all` for a folder passed to whole(). */
export type Places = ReadonlyMap<string, ReadonlySet<string> | 'all'>

/** Returns a string that identifies the state of a file: it differs after each replacement or change. */
export const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(':')

/**
 * Resolves links in one pass. Reads each link only once, so that all files behind it (a ConfigMap's `..data`) belong to
 * the same version.
 */
export class Links {
  readonly #known = new Map<string, Promise<string | undefined>>()
  readonly #places = new Map<string, Set<string> | 'all'>()

  /** The places of all paths resolved so far. */
  get places(): Places {
    return this.#places
  }

  /** Adds a folder with all its entries. */
  whole(folder: string): void {
    this.#places.set(folder, 'all')
  }

  /** Adds one entry of a folder. */
  note(path: string): void {
    const folder = dirname(path)
    const names = this.#places.get(folder) ?? new Set()
    if (names !== 'all') this.#places.set(folder, names.add(parse(path).base))
  }

  /** Resolves a path completely. Adds each link on it, and the file at its end, to the places. */
  async end(path: string, hops = 0): Promise<string> {
    const { root } = parse(path)
    let at = root
    const parts = path.slice(root.length).split(sep)
    for (const [index, part] of parts.entries()) {
      at = join(at, part)
      const to = await this.#read(at)
      if (to === undefined) continue
      this.note(at)
      if (hops > 40) return path // the links form a cycle, so stat() will fail with ELOOP
      return this.end(resolve(dirname(at), to, ...parts.slice(index + 1)), hops + 1)
    }
    this.note(path)
    return path
  }

  /** Returns the target of a link; undefined if the path is not a link. */
  #read(path: string): Promise<string | undefined> {
    let link = this.#known.get(path)
    if (link === undefined) {
      link = readlink(path).catch(() => undefined)
      this.#known.set(path, link)
    }
    return link
  }
}
