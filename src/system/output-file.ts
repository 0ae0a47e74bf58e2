// Writes files given on the command line, such as a report or a snapshot.
import { chmodSync, lstatSync, renameSync, unlinkSync, type Stats } from 'node:fs'
import { open, stat, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { raise } from '../core/fault.ts'
import { isTrusted, type Folder } from './folder.ts'
import { foreignTo, locate, whyForeign } from './place.ts'
import { sweepFolder, temporaryName } from './temporary.ts'

const STREAM = /^\/(?:proc\/|dev\/(?:std|fd\/))/

/**
 * Writes a file atomically. A new file gets mode 0600. An existing one keeps its mode, unless another user may have
 * created it in a folder such as /tmp. Pipes, devices and standard streams such as /dev/stdout are written to, never
 * replaced.
 * @throws system errors, and FaultError for a pipe or device that other users could have put there
 */
export async function writeOutput(path: string, text: string): Promise<void> {
  const dest = resolve(path)
  const found = await stat(dest).catch(() => undefined)
  const isStream = found?.isFile() === false || STREAM.test(dest)
  const place = locate({ dest })
  const { folder, name, missing } = place
  try {
    if (missing.length > 0) throw Object.assign(new Error(), { code: 'ENOENT' })
    if (!isStream) {
      sweepFolder(folder, new Set([name]))
      return await replace(folder, name, text)
    }
    const foreign = foreignTo(place)
    if (foreign !== undefined) {
      const hint = 'choose a file in a folder that only reconfd can write to'
      raise('io', `${path} is not a regular file, and ${whyForeign(foreign)}`, { hint })
    }
    await writeFile(dest, text)
  } finally {
    folder.close()
  }
}

async function replace(folder: Folder, name: string, text: string): Promise<void> {
  const next = folder.at(temporaryName(name))
  const handle = await open(next, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    const former = lstatSync(folder.at(name), { throwIfNoEntry: false })
    if (former?.isFile() === true && !isPlanted(folder, former)) {
      chmodSync(next, former.mode & 0o777)
    }
    await handle.sync()
    renameSync(next, folder.at(name))
  } catch (error) {
    unlinkSync(next)
    throw error
  } finally {
    await handle.close()
  }
}

/** Whether another user may have created the file, in order to read the new content. */
const isPlanted = (folder: Folder, { uid }: Stats): boolean =>
  (folder.stats.mode & 0o002) !== 0 && !isTrusted(uid)
