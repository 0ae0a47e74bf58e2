// Finds the files given by `-file`, and the places on disk that determine which files these are: the folders, and
// every symbolic link on the path to a file.
import type { BigIntStats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'
import { FaultError } from '../../core/fault.ts'
import type { Glob } from '../../core/glob.ts'
import { compareText } from '../../core/key.ts'
import { Links, stampOf, type Places } from '../../system/links.ts'
import { extensions } from './parse.ts'

export interface Found {
  /** The path before links are resolved, for messages and for the extension. */
  readonly path: string
  /** The path after links are resolved. */
  readonly real: string
}

export interface Scan {
  /** In merge order: later files override earlier ones. */
  readonly files: readonly Found[]
  readonly places: Places
  /** Identifies the state of all files: differs after any file has been replaced or changed. */
  readonly stamp: string
}

/**
 * Finds the files. In a folder and its subfolders, takes the files that have a known extension and a matching name,
 * sorted by name. Ignores names with a leading dot, such as editors' swap files and the hidden folders of a ConfigMap.
 * Throws a FaultError if a path is missing.
 */
export async function scan(targets: readonly string[], filter: Glob): Promise<Scan> {
  const files: Found[] = []
  const stamps: string[] = []
  const links = new Links()

  const take = (file: Found, stats: BigIntStats): void => {
    files.push(file)
    stamps.push(`${file.path}:${stampOf(stats)}`)
  }

  const folder = async ({ path, real }: Found, above: readonly string[]): Promise<void> => {
    if (above.includes(real)) return // a link to one of the folders above it
    links.whole(real)
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
  return { files, places: links.places, stamp: stamps.join('\n') }
}

/** @param file the path as configured; if the path is a link, the message also states the target */
export function unreadable(error: unknown, file: string): FaultError {
  const { code = 'unknown error', path: real } = error as NodeJS.ErrnoException
  const target = real === undefined || real === resolve(file) ? undefined : real
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new FaultError({
      kind: 'store',
      message:
        target === undefined
          ? 'the keys file does not exist'
          : `the keys file is a link to ${target}, which does not exist`,
      hint: 'create the file, or correct -file or -replay',
      file,
      permanent: true,
    })
  }
  return new FaultError({
    kind: 'store',
    message: `the keys file${target === undefined ? '' : `, a link to ${target},`} cannot be read (${code})`,
    hint: "give reconfd's user permission to read the file and to access the folders above it",
    file,
    permanent: true,
  })
}
