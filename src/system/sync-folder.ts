// Makes the names in a folder survive a power cut. Whoever asks while a folder is being synced shares the next
// sync of it with all others that ask meanwhile, so a batch of files in one folder costs two syncs or three.
import { closeSync, constants, fsync, openSync } from 'node:fs'
import { promisify } from 'node:util'

const syncFile = promisify(fsync)
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY

/** By path: the sync that is under way, or the last one that is planned behind it. */
const newest = new Map<string, Promise<void>>()
/** By path: the sync that has not begun. */
const planned = new Map<string, Promise<void>>()

/** Resolves when what was done in the folder before this call is safe on disk. @throws system errors */
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
