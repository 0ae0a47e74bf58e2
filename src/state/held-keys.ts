// Stores the keys that resources with a hold_down see, for the next run. So a key that vanishes shortly before or
// during a restart still counts as present until its hold-down ends. Each confdir has one JSON file.
import { readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Gone } from '../core/hold-down.ts'
import type { Key } from '../core/key.ts'
import { err, ok, type Result } from '../core/result.ts'
import { isNumber, isRecordOf, hasShape, isText } from '../core/shape.ts'
import { shortId, replaceFile, STATE_HINT } from './state-files.ts'

export class HeldKeys {
  readonly #path: string
  /** The keys to write next; undefined if no keys are waiting to be written. */
  #next: ReadonlyMap<Key, Gone> | undefined
  /** The keys passed to the last call of set(). */
  #kept: ReadonlyMap<Key, Gone> = new Map()
  #writing: Promise<Result<void, Fault>> | undefined

  /** @param keep whether to write the file; false with -noop */
  constructor(
    stateDir: string,
    confdir: string,
    private readonly keep: boolean,
  ) {
    this.#path = join(stateDir, `held-keys-${shortId(confdir)}.json`)
  }

  /** The stored keys. Empty if the file is missing or damaged. */
  async all(): Promise<ReadonlyMap<Key, Gone>> {
    try {
      const keys: unknown = JSON.parse(await readFile(this.#path, 'utf8'))
      return new Map(areKeys(keys) ? (Object.entries(keys as object) as [Key, Gone][]) : [])
    } catch {
      return new Map()
    }
  }

  /** Replaces the stored keys. All calls during a write share the next write. */
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
      // This runs synchronously after the last check of #next, so that a later call starts a new write.
      this.#writing = undefined
    }
  }
}

const areKeys = isRecordOf(hasShape({ value: isText, since: isNumber }))

function unlessMissing(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error
}
