// The generated token of the status page, used if no token is configured. It is stored in the state directory, so that
// browsers keep their access after a restart.
import { randomBytes } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { replaceFile, STATE_HINT } from './state-files.ts'

export interface KeptToken {
  readonly token: string
  readonly path: string
}

/** Returns the stored token, or creates one. Replaces a token that other users could have read. */
export async function keptToken(stateDir: string): Promise<Result<KeptToken, Fault>> {
  const path = join(stateDir, 'http-token')
  try {
    const found = await stat(path).catch(() => undefined)
    const isPrivate = found !== undefined && (found.mode & 0o077) === 0
    const kept = isPrivate ? (await readFile(path, 'utf8')).trim() : ''
    if (kept !== '') return ok({ token: kept, path })
    const token = randomBytes(24).toString('base64url')
    await replaceFile(path, `${token}\n`, true)
    return ok({ token, path })
  } catch (error) {
    return err({ ...ioFault('cannot store a token for the status page', error), hint: STATE_HINT })
  }
}
