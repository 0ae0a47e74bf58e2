// Writes files given on the command line, such as a report or a snapshot.
import { chmodSync, lstatSync, renameSync, unlinkSync } from 'node:fs'
import { open, stat, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { raise } from '../core/fault.ts'
import { foreignTo, locate, whyForeign } from './place.ts'
import { sweepFolder, temporaryName } from './temporary.ts'

const STREAM = /^\/(?:proc\/|dev\/(?:std|fd\/))/

/**
 * Writes a file atomically. A new file gets mode 0600, an existing one keeps its mode. Pipes, devices and standard
 * streams such as /dev/stdout are written to, never replaced.
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
      return await replace(folder.at(name), folder.at(temporaryName(name)), text)
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

async function replace(path: string, next: string, text: string): Promise<void> {
  const handle = await open(next, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    const former = lstatSync(path, { throwIfNoEntry: false })
    if (former?.isFile() === true) chmodSync(next, former.mode & 0o777)
    await handle.sync()
    renameSync(next, path)
  } catch (error) {
    unlinkSync(next)
    throw error
  } finally {
    await handle.close()
  }
}
