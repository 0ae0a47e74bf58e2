// The keys that resources with a hold_down see, kept from run to run: one that vanishes shortly before a
// restart, or during it, counts as present until its time is over. One JSON file for each confdir.
import { readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Gone } from '../core/hold-down.ts'
import type { Key } from '../core/key.ts'
import { err, ok, type Result } from '../core/result.ts'
import { number, recordOf, shape, text } from '../core/shape.ts'
import { idOf, replaceFile, STATE_HINT } from './state-files.ts'

export class HeldKeys {
  readonly #path: string
  /** What is to be written next; undefined: nothing. */
  #next: ReadonlyMap<Key, Gone> | undefined
  /** As set last. */
  #kept: ReadonlyMap<Key, Gone> = new Map()
  #writing: Promise<Result<void, Fault>> | undefined

  /** @param keep false: nothing is written, as for -noop */
  constructor(
    stateDir: string,
    confdir: string,
    private readonly keep: boolean,
  ) {
    this.#path = join(stateDir, `held-keys-${idOf(confdir)}.json`)
  }

  /** Times are milliseconds since 1970. A file that cannot be understood is as good as none. */
  async all(): Promise<ReadonlyMap<Key, Gone>> {
    try {
      const keys: unknown = JSON.parse(await readFile(this.#path, 'utf8'))
      return new Map(areKeys(keys) ? (Object.entries(keys as object) as [Key, Gone][]) : [])
    } catch {
      return new Map()
    }
  }

  /** Replaces what was kept. Calls that come while one is written are answered by one more. */
  async set(keys: ReadonlyMap<Key, Gone>): Promise<Result<void, Fault>> {
    if (!this.keep) return ok(undefined)
    this.#kept = this.#next = keys
    this.#writing ??= this.#write()
    return this.#writing
  }

  async rewrite(): Promise<void> {
    if (this.#kept.size > 0) await this.set(this.#kept)
  }

  async #write(): Promise<Result<void, Fault>> {
    try {
      while (this.#next !== undefined) {
        const keys = this.#next
        this.#next = undefined
        if (keys.size > 0) {
          await replaceFile(this.#path, JSON.stringify(Object.fromEntries(keys)), false)
        } else await unlink(this.#path).catch(unlessMissing)
      }
      return ok(undefined)
    } catch (error) {
      return err(ioFault(`cannot write the state file ${this.#path}`, error, STATE_HINT))
    } finally {
      // At once: what is set from here on is not written by this one any more.
      this.#writing = undefined
    }
  }
}

const areKeys = recordOf(shape({ value: text, since: number }))

function unlessMissing(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error
}
