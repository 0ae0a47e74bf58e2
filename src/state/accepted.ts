// Stores the hashes of the changes that were accepted while no daemon was running. The next run applies these changes,
// although they were held or rolled back. Each confdir has one file, a JSON object that maps resources to hashes.
import { readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { isRecordOf, isText } from '../core/shape.ts'
import { replaceFile, shortId, STATE_HINT } from './state-files.ts'

export class Accepted {
  readonly #path: string

  constructor(stateDir: string, confdir: string) {
    this.#path = join(stateDir, `accepted-${shortId(confdir)}.json`)
  }

  /** The hashes of the accepted content, by resource. Empty if the file is missing or damaged. */
  async all(): Promise<ReadonlyMap<string, string>> {
    try {
      const hashes: unknown = JSON.parse(await readFile(this.#path, 'utf8'))
      return new Map(areHashes(hashes) ? Object.entries(hashes as Record<string, string>) : [])
    } catch {
      return new Map()
    }
  }

  /** @param hash the hash of the whole content of the resource */
  async add(resource: string, hash: string): Promise<Result<void, Fault>> {
    return this.#set(new Map(await this.all()).set(resource, hash))
  }

  /** Removes an acceptance after its use, so that the next change must be accepted again. */
  async forget(resource: string): Promise<Result<void, Fault>> {
    const hashes = new Map(await this.all())
    return hashes.delete(resource) ? this.#set(hashes) : ok(undefined)
  }

  async #set(hashes: ReadonlyMap<string, string>): Promise<Result<void, Fault>> {
    try {
      if (hashes.size === 0) await unlink(this.#path)
      else await replaceFile(this.#path, JSON.stringify(Object.fromEntries(hashes)), true)
      return ok(undefined)
    } catch (error) {
      return err(ioFault(`cannot write the state file ${this.#path}`, error, STATE_HINT))
    }
  }
}

const areHashes = isRecordOf(isText)
