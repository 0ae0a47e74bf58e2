// Stores strings by name, each in its own file. They are useful after a restart, but not essential.
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { shortId, replaceFile, STATE_HINT } from './state-files.ts'

export class Notes {
  readonly #dir: string

  /** @param kind first part of the folder's name, such as `haproxy` */
  constructor(stateDir: string, confdir: string, kind: string) {
    this.#dir = join(stateDir, `${kind}-${shortId(confdir)}`)
  }

  /** Undefined if the file is missing or cannot be read. */
  async get(name: string): Promise<string | undefined> {
    return readFile(this.#path(name), 'utf8').catch(() => undefined)
  }

  async set(name: string, text: string): Promise<Result<void, Fault>> {
    const path = this.#path(name)
    try {
      await replaceFile(path, text, false)
      return ok(undefined)
    } catch (error) {
      return err(ioFault(`cannot write the state file ${path}`, error, STATE_HINT))
    }
  }

  async delete(name: string): Promise<Result<void, Fault>> {
    const path = this.#path(name)
    try {
      await rm(path, { force: true })
      return ok(undefined)
    } catch (error) {
      return err(ioFault(`cannot remove the state file ${path}`, error, STATE_HINT))
    }
  }

  #path(name: string): string {
    return join(this.#dir, `${shortId(name)}.json`)
  }
}
