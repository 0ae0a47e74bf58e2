// Small looks at files that may not be there.
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The text of a file; undefined if it is missing or not a regular file. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Differs after each replacement and write; undefined if the file is missing. */
export function stampOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats && `${stats.ino} ${stats.size} ${stats.mtimeMs}`
}

export const linesOf = (path: string): string[] => (textOf(path) ?? '').split('\n').slice(0, -1)
export const firstLine = (text = 'nothing'): string => text.slice(0, 40).split('\n')[0] ?? ''

export function socketsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => lstatSync(join(folder, name)).isSocket())
  } catch {
    return []
  }
}
