// Hold-downs over restarts: the held keys are recorded when they change, and all visible keys when the run ends. The
// next run starts with them. The views use a monotonic clock, the file does not.
import type { Clock } from '../core/clock.ts'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Gone } from '../core/hold-down.ts'
import type { Key } from '../core/key.ts'
import type { Tree } from '../core/tree.ts'
import type { HeldKeys } from '../state/held-keys.ts'
import type { Views } from './views.ts'

export class KeptKeys {
  /** Keys of an earlier run, in the time of the monotonic clock. */
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

  /** The first views of a run expect the keys that an earlier run saw last. */
  begin(views: Views): void {
    if (views.mayHold) views.expect(this.#former, this.clock.now())
    this.#former = new Map()
  }

  /** Keys may have vanished or come back. Writes in the background: a crash meanwhile costs a hold-down. */
  changed(views: Views): void {
    const gone = views.gone()
    if (gone.size > 0 || this.#kept > 0) void this.#write(gone)
  }

  /** The run ends. */
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
