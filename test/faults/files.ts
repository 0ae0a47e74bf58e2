// Helpers for files that may be missing.
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Returns the text of a file; undefined if it cannot be read. */
export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Returns a stamp that changes with each replacement and write; undefined if the file is missing. */
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
