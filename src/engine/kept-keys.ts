// Saves the keys that a hold-down keeps, so that the next run keeps them too. The file is written whenever these keys
// change. At the end of a run, all keys visible to resources with a hold-down are saved, because some may vanish before
// the next run. Views use a monotonic clock; the file contains wall-clock times.
import type { Clock } from '../core/clock.ts'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Gone } from '../core/hold-down.ts'
import type { Key } from '../core/key.ts'
import type { Tree } from '../core/tree.ts'
import type { HeldKeys } from '../state/held-keys.ts'
import type { Views } from './views.ts'

export class KeptKeys {
  /** Keys saved by an earlier run, with times of the monotonic clock. */
  #former: ReadonlyMap<Key, Gone> = new Map()
  #kept = 0

  constructor(
    private readonly file: Pick<HeldKeys, 'all' | 'set'>,
    private readonly clock: Clock,
    private readonly emit: Emit,
  ) {}

  async load(): Promise<void> {
    const keys = await this.file.all()
    this.#kept = keys.size
    this.#former = shifted(keys, this.clock.now() - this.clock.time())
  }

  /** Passes the saved keys to the views. Call for the first views of a run. */
  begin(views: Views): void {
    if (views.mayHold) views.expect(this.#former, this.clock.now())
    this.#former = new Map()
  }

  /**
   * Call after keys vanished or returned. Does not wait for the write; a crash before the write loses the hold-down.
   */
  changed(views: Views): void {
    const gone = views.gone()
    if (gone.size > 0 || this.#kept > 0) void this.#write(gone)
  }

  /** Saves all visible keys. Call at the end of a run. */
  async end(views: Views, tree: Tree): Promise<void> {
    const keys = views.mayHold ? views.all(tree, this.clock.now()) : new Map<Key, Gone>()
    if (keys.size > 0 || this.#kept > 0) await this.#write(keys)
  }

  async #write(keys: ReadonlyMap<Key, Gone>): Promise<void> {
    this.#kept = keys.size
    const { clock, emit, file } = this
    warnIfFailed(emit, await file.set(shifted(keys, clock.time() - clock.now())))
  }
}

const shifted = (keys: ReadonlyMap<Key, Gone>, by: number): ReadonlyMap<Key, Gone> =>
  new Map([...keys].map(([key, { value, since }]) => [key, { value, since: since + by }]))
