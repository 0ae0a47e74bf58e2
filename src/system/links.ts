// Where paths lead at this moment, and the places on disk that decide it: the folder of each file, and that of
// each symbolic link on the way to it.
import type { BigIntStats } from 'node:fs'
import { readlink } from 'node:fs/promises'
import { dirname, join, parse, resolve, sep } from 'node:path'

/** Folder to the names in it that matter; `all` for a folder that was itself asked for. */
export type Places = ReadonlyMap<string, ReadonlySet<string> | 'all'>

/** Which file on disk this is, and as of when. */
export const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(':')

/**
 * One look at the links. Each is read once, so that all files that are reached by it (a ConfigMap's `..data`)
 * are those of one moment.
 */
export class Links {
  readonly #known = new Map<string, Promise<string | undefined>>()
  readonly #places = new Map<string, Set<string> | 'all'>()

  /** Of all ways that were asked for. */
  get places(): Places {
    return this.#places
  }

  /** Everything in this folder matters. */
  whole(folder: string): void {
    this.#places.set(folder, 'all')
  }

  /** One name in a folder matters. */
  note(path: string): void {
    const folder = dirname(path)
    const names = this.#places.get(folder) ?? new Set()
    if (names !== 'all') this.#places.set(folder, names.add(parse(path).base))
  }

  /** The path without links; notes every link on the way, and the end. */
  async end(path: string, hops = 0): Promise<string> {
    const { root } = parse(path)
    let at = root
    const parts = path.slice(root.length).split(sep)
    for (const [index, part] of parts.entries()) {
      at = join(at, part)
      const to = await this.#read(at)
      if (to === undefined) continue
      this.note(at)
      if (hops > 40) return path // a circle: stat() says ELOOP
      return this.end(resolve(dirname(at), to, ...parts.slice(index + 1)), hops + 1)
    }
    this.note(path)
    return path
  }

  /** Undefined for what is no link. */
  #read(path: string): Promise<string | undefined> {
    let link = this.#known.get(path)
    if (link === undefined) {
      link = readlink(path).catch(() => undefined)
      this.#known.set(path, link)
    }
    return link
  }
}
