// Which files `-file` stands for at this moment, and which places on disk decide that: the folders, and the
// name of every symbolic link on the way to a file.
import type { BigIntStats } from 'node:fs'
import { readdir, readlink, stat } from 'node:fs/promises'
import { dirname, extname, join, parse, resolve, sep } from 'node:path'
import { FaultError } from '../../core/fault.ts'
import type { Glob } from '../../core/glob.ts'
import { compareText } from '../../core/key.ts'
import { extensions } from './parse.ts'

/** Folder to the names in it that matter; `all` for a folder that was itself asked for. */
export type Places = ReadonlyMap<string, ReadonlySet<string> | 'all'>

export interface Found {
  /** As it was asked for: for messages, and for its extension. */
  readonly path: string
  /** Where that leads. */
  readonly real: string
}

export interface Scan {
  /** In the order in which they are merged: a later one wins. */
  readonly files: readonly Found[]
  readonly places: Places
  /** Which files on disk these are, and as of when: another one once any of them is another. */
  readonly stamp: string
}

/**
 * Finds the files. In a folder: those with a known extension and a matching name, in order of
 * their names, sub-folders included; names that begin with a dot are left out (editors' swap
 * files, and the hidden folders behind a ConfigMap). Throws a FaultError when a path is missing.
 */
export async function scan(targets: readonly string[], filter: Glob): Promise<Scan> {
  const files: Found[] = []
  const stamps: string[] = []
  const places = new Map<string, Set<string> | 'all'>()
  const links = new Links((path) => {
    const names = places.get(dirname(path)) ?? new Set()
    if (names !== 'all') places.set(dirname(path), names.add(parse(path).base))
  })

  const take = (file: Found, { dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): void => {
    files.push(file)
    stamps.push([file.path, dev, ino, size, mtimeNs, ctimeNs].join(':'))
  }

  const folder = async ({ path, real }: Found, above: readonly string[]): Promise<void> => {
    if (above.includes(real)) return // a link to a folder that holds it
    places.set(real, 'all')
    const names = (await readdir(real)).filter((entry) => !entry.startsWith('.')).sort(compareText)
    for (const entry of names) {
      const inside = { path: join(path, entry), real: await links.end(join(real, entry)) }
      const isKeysFile = extensions.has(extname(entry).toLowerCase()) && filter.test(entry)
      const found = await stat(inside.real, { bigint: true }).catch((error: unknown) => {
        if (isKeysFile) throw unreadable(error, inside.path)
      })
      if (found?.isDirectory() === true) await folder(inside, [...above, real])
      else if (found !== undefined && isKeysFile) take(inside, found)
    }
  }

  for (const target of targets) {
    try {
      const path = resolve(target)
      const file = { path, real: await links.end(path) }
      const found = await stat(file.real, { bigint: true })
      if (found.isDirectory()) await folder(file, [])
      else take(file, found)
    } catch (error) {
      throw error instanceof FaultError ? error : unreadable(error, target)
    }
  }
  return { files, places, stamp: stamps.join('\n') }
}

/**
 * Where paths lead. Each symbolic link is read once, so that all files that are reached by it (a ConfigMap's
 * `..data`) are those of one moment.
 */
class Links {
  readonly #known = new Map<string, Promise<string | undefined>>()

  /** @param note told of every link on a way, and of its end */
  constructor(private readonly note: (path: string) => void) {}

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

/** @param file as it was asked for; where its links led is told besides */
export function unreadable(error: unknown, file: string): FaultError {
  const { code = 'unknown error', path: real } = error as NodeJS.ErrnoException
  const leads = real === undefined || real === resolve(file) ? '' : `, it leads to ${real}`
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new FaultError({
      kind: 'store',
      message: `the keys file does not exist${leads}`,
      hint: 'Create it, or name another with -file.',
      file,
      permanent: true,
    })
  }
  return new FaultError({
    kind: 'store',
    message: `the keys file cannot be read (${code})${leads}`,
    hint: 'Let the user that runs reconfd read it, and enter the folders above it.',
    file,
    permanent: true,
  })
}
