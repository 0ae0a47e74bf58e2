// V8's cache of compiled modules, where the runtime offers one (Node 22.1 and later): it saves a start a tenth of
// its time. What lies in it is run as code, so it is used only where nobody else can write. Node's own choice,
// a folder in /tmp, is no such place for root.
import { lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import nodeModule from 'node:module'
import { foreignIn } from './folder.ts'

type Enable = (folder: string) => unknown

/** Present from Node 22.1 on. @types/node is that of the oldest Node that is supported. */
const { enableCompileCache } = nodeModule as { enableCompileCache?: Enable }

/**
 * For all modules that are loaded from here on; what is new is written when the process ends. Without a state
 * directory, or with one that others may write to, nothing is cached.
 */
export function cacheCompiled(
  stateDir: string,
  enable: Enable | undefined = enableCompileCache,
): void {
  if (enable === undefined || 'bun' in process.versions) return
  try {
    const folder = join(realpathSync(stateDir), 'compile-cache')
    makeFolder(folder)
    if (isOurs(folder)) enable(folder)
  } catch {
    // The run does without.
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
