// Keeps the compiled code of the program below the state directory, but only if nobody else can write there, because
// the code is executed.
import { lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { foreignIn } from './folder.ts'
import { KEEP } from './keep.ts'

/**
 * Keeps the compiled code of all modules loaded from now on. Does nothing without a state directory, or if others can
 * write to it.
 */
export function keepCompiled(stateDir: string): void {
  const keep = (globalThis as { readonly [KEEP]?: (folder: string) => void })[KEEP]
  if (keep === undefined) return
  try {
    const parent = realpathSync(stateDir)
    const folder = join(parent, 'compiled')
    if (!isOurs(parent)) return
    makeFolder(folder)
    if (isOurs(folder)) keep(folder)
  } catch {
    // The state directory is missing or its disk is full. The run works without the cache.
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Whether only our user and root can write to the folder or replace it. */
function isOurs(folder: string): boolean {
  const paths = [folder]
  for (let path = folder; path !== '/'; path = dirname(path)) paths.unshift(dirname(path))
  return foreignIn(paths.map((path) => ({ stats: lstatSync(path) }))) === undefined
}
