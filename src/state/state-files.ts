// What all files in the state directory have in common: names, folders that are made on the way, and
// replacement as a whole. They are 0600 in a directory of 0700: some hold the contents of files.
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf } from '../core/errno.ts'

/** What to do when a file in the state directory cannot be written. */
export const STATE_HINT = 'Choose a directory that reconfd can write to with -state-dir.'

/** A short name for something of any length, such as a path. */
export const idOf = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 12)

/** Not mkdir's own `recursive`: below /proc that of Node 20 tries for ever. */
export async function makeDirs(dir: string): Promise<void> {
  const parent = dirname(dir)
  const found = await stat(dir).catch(() => undefined)
  if (found !== undefined) return
  if (parent !== dir) await makeDirs(parent)
  await mkdir(dir, { mode: 0o700 }).catch((error: unknown) => {
    // Another reconfd has been quicker.
    if (errnoOf(error) !== 'EEXIST') throw error
  })
}

/** Makes the names in a directory survive a power cut; where that cannot be done, it is not. */
export async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}

/**
 * Replaces a file as a whole, its folders made where they are missing.
 * @param durable it is safe on disk when this resolves
 * @throws system errors; then the old file is as it was
 */
export async function replaceFile(path: string, text: string, durable: boolean): Promise<void> {
  const dir = dirname(path)
  const next = `${path}.${randomBytes(4).toString('hex')}`
  await makeDirs(dir)
  try {
    const handle = await open(next, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      if (durable) await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(next, path)
  } catch (error) {
    await unlink(next).catch(() => undefined)
    throw error
  }
  if (durable) await syncDir(dir)
}
