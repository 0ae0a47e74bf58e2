// Which files `-file` stands for at this moment, what they hold, and which places on disk decide
// that: the folders, and the name of every symbolic link on the way to a file.
import { readdir, readFile, readlink, realpath, stat } from 'node:fs/promises'
import { dirname, extname, join, parse, resolve, sep } from 'node:path'
import { FaultError } from '../../core/fault.ts'
import type { Glob } from '../../core/glob.ts'
import { compareText, type Key } from '../../core/key.ts'
import { extensions, parseKeys } from './parse.ts'

/** Folder to the names in it that matter; `all` for a folder that was itself asked for. */
export type Places = ReadonlyMap<string, ReadonlySet<string> | 'all'>

export interface Scan {
  /** In the order in which they are merged: a later one wins. */
  readonly files: readonly string[]
  readonly places: Places
}

/**
 * Finds the files. In a folder: those with a known extension and a matching name, in order of
 * their names, sub-folders included; names that begin with a dot are left out (editors' swap
 * files, and the hidden folders behind a ConfigMap). Throws a FaultError when a path is missing.
 */
export async function scan(targets: readonly string[], filter: Glob): Promise<Scan> {
  const files: string[] = []
  const places = new Map<string, Set<string> | 'all'>()
  const note = (path: string): void => {
    const names = places.get(dirname(path)) ?? new Set()
    if (names !== 'all') places.set(dirname(path), names.add(parse(path).base))
  }

  const folder = async (path: string, above: readonly string[]): Promise<void> => {
    const real = await realpath(path)
    if (above.includes(real)) return // a link to a folder that holds it
    places.set(real, 'all')
    const names = (await readdir(path)).filter((entry) => !entry.startsWith('.')).sort(compareText)
    for (const entry of names) {
      const inside = join(path, entry)
      const isKeysFile = extensions.has(extname(entry).toLowerCase()) && filter.test(entry)
      const found = await stat(inside).catch((error: unknown) => {
        if (isKeysFile) throw error
      })
      if (found?.isDirectory() === true) {
        await follow(inside, note)
        await folder(inside, [...above, real])
      } else if (isKeysFile) {
        await follow(inside, note)
        files.push(inside)
      }
    }
  }

  for (const target of targets) {
    try {
      const path = resolve(target)
      await follow(path, note)
      if ((await stat(path)).isDirectory()) await folder(path, [])
      else files.push(path)
    } catch (error) {
      throw unreadable(error, target)
    }
  }
  return { files, places }
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

/** A file's text and what it means: kept, so that an unchanged file is not parsed again. */
export type Parsed = Map<
  string,
  { readonly text: string; readonly entries: ReadonlyMap<Key, string> }
>

/** Reads the files and merges them, a later file over an earlier. Throws a FaultError. */
export async function readFiles(
  files: readonly string[],
  known: Parsed,
): Promise<Map<Key, string>> {
  const merged = new Map<Key, string>()
  for (const file of files) {
    const text = await readText(file)
    let parsed = known.get(file)
    if (parsed?.text !== text) {
      parsed = { text, entries: await parseKeys(file, text) }
      known.set(file, parsed)
    }
    for (const [key, value] of parsed.entries) merged.set(key, value)
  }
  for (const file of known.keys()) if (!files.includes(file)) known.delete(file)
  return merged
}

async function readText(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw unreadable(error, file)
  })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new FaultError({
      kind: 'store',
      message: 'the keys file is not UTF-8 text',
      hint: 'Save it as UTF-8; binary values can be written in base64 and decoded with base64Decode.',
      file,
      permanent: true,
    })
  }
}

function unreadable(error: unknown, path: string): FaultError {
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
