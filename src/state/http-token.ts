// The token of the status page, where none is set: made once and kept in the state directory, so that a
// browser that was given it stays welcome over a restart.
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

/** The token of a state directory. One that others could have read is replaced. */
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
    return err({ ...ioFault('cannot keep a token for the status page', error), hint: STATE_HINT })
  }
}
