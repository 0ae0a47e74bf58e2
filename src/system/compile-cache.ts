// Where the compiled code of the program is kept: below the state directory, if nobody else can write there, since
// what lies there is run.
import { lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { foreignIn } from './folder.ts'
import { KEEP } from './keep.ts'

/**
 * For all modules that are loaded from here on. Without a state directory, or with one that others may write to,
 * nothing is kept.
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
    // There is no state directory, or it is full: the run does without.
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/** Whether nobody but us and root can write there, or put another folder in its place. */
function isOurs(folder: string): boolean {
  const paths = [folder]
  for (let path = folder; path !== '/'; path = dirname(path)) paths.unshift(dirname(path))
  return foreignIn(paths.map((path) => ({ stats: lstatSync(path) }))) === undefined
}
