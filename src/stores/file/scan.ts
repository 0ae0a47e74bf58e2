// Which files `-file` stands for at this moment, and which places on disk decide that: the folders, and the
// name of every symbolic link on the way to a file.
import type { BigIntStats } from 'node:fs'
import { readdir, readlink, realpath, stat } from 'node:fs/promises'
import { dirname, extname, join, parse, resolve, sep } from 'node:path'
import { FaultError } from '../../core/fault.ts'
import { compareText } from '../../core/key.ts'
import { extensions } from './parse.ts'

/** Folder to the names in it that matter; `all` for a folder that was itself asked for. */
export type Places = ReadonlyMap<string, ReadonlySet<string> | 'all'>

export interface Scan {
  /** In the order in which they are merged: a later one wins. */
  readonly files: readonly string[]
  readonly places: Places
  /** Which files on disk these are, and as of when: another one once any of them is another. */
  readonly stamp: string
}

/**
 * Finds the files. In a folder: those with a known extension and a matching name, in order of
 * their names, sub-folders included; names that begin with a dot are left out (editors' swap
 * files, and the hidden folders behind a ConfigMap). Throws a FaultError when a path is missing.
 */
export async function scan(targets: readonly string[], filter: RegExp): Promise<Scan> {
  const files: string[] = []
  const stamps: string[] = []
  const places = new Map<string, Set<string> | 'all'>()
  const note = (path: string): void => {
    const names = places.get(dirname(path)) ?? new Set()
    if (names !== 'all') places.set(dirname(path), names.add(parse(path).base))
  }

  const take = (file: string, { dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): void => {
    files.push(file)
    stamps.push([file, dev, ino, size, mtimeNs, ctimeNs].join(':'))
  }

  const folder = async (path: string, above: readonly string[]): Promise<void> => {
    const real = await realpath(path)
    if (above.includes(real)) return // a link to a folder that holds it
    places.set(real, 'all')
    const names = (await readdir(path)).filter((entry) => !entry.startsWith('.')).sort(compareText)
    for (const entry of names) {
      const inside = join(path, entry)
      const isKeysFile = extensions.has(extname(entry).toLowerCase()) && filter.test(entry)
      const found = await stat(inside, { bigint: true }).catch((error: unknown) => {
        if (isKeysFile) throw error
      })
      if (found?.isDirectory() === true) {
        await follow(inside, note)
        await folder(inside, [...above, real])
      } else if (found !== undefined && isKeysFile) {
        await follow(inside, note)
        take(inside, found)
      }
    }
  }

  for (const target of targets) {
    try {
      const path = resolve(target)
      await follow(path, note)
      const found = await stat(path, { bigint: true })
      if (found.isDirectory()) await folder(path, [])
      else take(path, found)
    } catch (error) {
      throw unreadable(error, target)
    }
  }
  return { files, places, stamp: stamps.join('\n') }
}

/** Calls `note` for every symbolic link on the way to a path, and for its end. */
async function follow(path: string, note: (path: string) => void, hops = 0): Promise<void> {
  const { root } = parse(path)
  let at = root
  const parts = path.slice(root.length).split(sep)
  for (const [index, part] of parts.entries()) {
    at = join(at, part)
    const to = await readlink(at).catch(() => undefined)
    if (to === undefined) continue
    note(at)
    if (hops > 40) return // a circle: stat() says ELOOP
    return follow(resolve(dirname(at), to, ...parts.slice(index + 1)), note, hops + 1)
  }
  note(path)
}

export function unreadable(error: unknown, path: string): FaultError {
  const { code = 'unknown error', path: place } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new FaultError({
      kind: 'store',
      message: 'the keys file does not exist',
      hint: 'Create it, or name another with -file.',
      file: place ?? path,
      permanent: true,
    })
  }
  return new FaultError({
    kind: 'store',
    message: `the keys file cannot be read (${code})`,
    hint: 'Let the user that runs reconfd read it, and enter the folders above it.',
    file: place ?? path,
    permanent: true,
  })
}
