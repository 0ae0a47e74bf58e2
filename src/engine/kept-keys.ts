// Hold-downs over restarts: what the views hold is written down when it changes, and at the end all that they
// see; the next run begins with that. The clock of the views is monotonic, that of the file is not.
import type { Clock } from '../core/clock.ts'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Gone } from '../core/hold-down.ts'
import type { Key } from '../core/key.ts'
import type { Tree } from '../core/tree.ts'
import type { HeldKeys } from '../state/held-keys.ts'
import type { Views } from './views.ts'

export class KeptKeys {
  /** Of an earlier run, in the time of the monotonic clock. */
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

  /** The first views of a run expect what the last ones of an earlier run have seen. */
  begin(views: Views): void {
    if (views.mayHold) views.expect(this.#former, this.clock.now())
    this.#former = new Map()
  }

  /** Something may have vanished, or come back. Not waited for: a crash meanwhile costs a hold-down. */
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
