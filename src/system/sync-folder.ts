// Syncs folders, so that renames survive a power cut. All calls during a sync share the next one, so a batch of files
// in one folder costs two or three syncs.
import { closeSync, constants, fsync, openSync } from 'node:fs'
import { promisify } from 'node:util'

const syncFile = promisify(fsync)
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY

/** The newest sync of each folder, by path: the running one, or the one planned after it. */
const newest = new Map<string, Promise<void>>()
/** The planned sync of each folder, by path, until it begins. */
const planned = new Map<string, Promise<void>>()

/**
 * Resolves when all entries created, renamed or removed in the folder before this call are on disk. Rejects with system
 * errors.
 */
export function syncFolder(path: string): Promise<void> {
  const shared = planned.get(path)
  if (shared !== undefined) return shared
  const before = newest.get(path)
  const begin = (): Promise<void> => {
    planned.delete(path)
    return sync(path)
  }
  const own = (before === undefined ? begin() : before.then(begin, begin)).finally(() => {
    if (newest.get(path) === own) newest.delete(path)
  })
  newest.set(path, own)
  if (before !== undefined) planned.set(path, own)
  return own
}

async function sync(path: string): Promise<void> {
  const folder = openSync(path, FOLDER)
  await syncFile(folder).finally(() => closeSync(folder))
}
