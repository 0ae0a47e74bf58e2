// Held changes that were accepted while no daemon ran: the next run lets them through. One file for
// each confdir, a JSON array of the names of resources.
import { readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { idOf, replaceFile } from './state-files.ts'

export class Accepted {
  readonly #path: string

  constructor(stateDir: string, confdir: string) {
    this.#path = join(stateDir, `accepted-${idOf(confdir)}.json`)
  }

  /** The resources whose next change is to pass. A file that cannot be understood is as good as none. */
  async all(): Promise<ReadonlySet<string>> {
    try {
      const names = JSON.parse(await readFile(this.#path, 'utf8')) as unknown
      if (!Array.isArray(names)) return new Set()
      return new Set(names.filter((name) => typeof name === 'string'))
    } catch {
      return new Set()
    }
  }

  async add(resource: string): Promise<Result<void, Fault>> {
    return this.#set(new Set(await this.all()).add(resource))
  }

  /** It has passed: the next change has to be accepted anew. */
  async forget(resource: string): Promise<Result<void, Fault>> {
    const names = new Set(await this.all())
    return names.delete(resource) ? this.#set(names) : ok(undefined)
  }

  async #set(names: ReadonlySet<string>): Promise<Result<void, Fault>> {
    try {
      if (names.size === 0) await unlink(this.#path)
      else await replaceFile(this.#path, JSON.stringify([...names]), true)
      return ok(undefined)
    } catch (error) {
      const hint = 'Choose a directory that reconfd can write to with -state-dir.'
      return err(ioFault(`cannot write the state file ${this.#path}`, error, hint))
    }
  }
}
