// Follows a store as the program does, and reduces its events to the tree that a template would see.
import type { Fault } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import { reduce } from '../../src/core/mirror.ts'
import type { Settings } from '../../src/core/settings.ts'
import type { Store, StoreEvent } from '../../src/core/store.ts'
import { emptyTree, type Tree } from '../../src/core/tree.ts'
import { follow } from '../../src/feeds/follow.ts'
import { openStore } from '../../src/stores/registry.ts'
import { ABORTED, until, within } from './until.ts'

/** Opens the store of these settings. Throws the fault if that fails. */
export async function storeOf(settings: Settings): Promise<Store> {
  const opened = await openStore(settings)
  if (!opened.ok) throw new Error(`${opened.error.message}; ${opened.error.hint ?? ''}`)
  return opened.value
}

export class Watched {
  tree: Tree = emptyTree
  /** The kinds of all events so far, including `broken`. */
  readonly kinds: (StoreEvent['kind'] | 'broken')[] = []
  readonly faults: Fault[] = []
  /** Errors other than faults that the store's code has thrown. */
  readonly bugs: string[] = []
  readonly #abort = new AbortController()
  readonly #done: Promise<void>
  #error: unknown

  private constructor(
    store: Store,
    readonly prefixes: readonly Key[],
  ) {
    this.#done = this.#run(store).catch((error: unknown) => {
      this.#error = error
    })
  }

  static async open(settings: Settings, prefixes: readonly Key[]): Promise<Watched> {
    return new Watched(await storeOf(settings), prefixes)
  }

  /** Waits for the first snapshot. */
  async live(): Promise<this> {
    await this.#wait('a first snapshot', () => this.kinds.includes('snapshot'))
    return this
  }

  /** Waits until the connection to the store has broken more than `before` times. */
  async broken(before = 0): Promise<void> {
    await this.#wait('the store is broken', () => this.faults.length > before)
  }

  /**
   * Waits until the tree has exactly these keys and values. An error names the wrong keys, but shows only the lengths
   * of their values.
   */
  async converges(expected: ReadonlyMap<string, string>): Promise<void> {
    try {
      await this.#wait('the keys of the store', () => this.#equals(expected))
    } catch (error) {
      throw new Error(`${String(error)}\n${this.#difference(expected)}`, { cause: error })
    }
  }

  /** Aborts the watch and waits until the generator has returned. Throws the generator's error, if any. */
  async close(): Promise<void> {
    this.#abort.abort()
    await within('the watch ends when aborted', this.#done, ABORTED)
    if (this.#error !== undefined) throw this.#error as Error
  }

  async #run(store: Store): Promise<void> {
    const { signal } = this.#abort
    // The backoff is short, so that tests need not wait for it.
    const backoff = { first: 20, most: 200 }
    for await (const step of follow(store, this.prefixes, { signal, backoff })) {
      if (step.kind === 'broken') {
        this.kinds.push('broken')
        this.faults.push(step.fault)
      } else if (step.kind === 'bug') {
        this.bugs.push(step.text)
      } else if (step.kind === 'store') {
        this.kinds.push(step.event.kind)
        this.tree = reduce(this.tree, step.event).tree
      }
    }
  }

  async #wait(what: string, condition: () => boolean): Promise<void> {
    await until(what, () => {
      if (this.#error !== undefined) throw this.#error as Error
      return condition()
    })
  }

  #equals(expected: ReadonlyMap<string, string>): boolean {
    if (this.tree.size !== expected.size) return false
    for (const [key, value] of expected) if (this.tree.get(key as Key) !== value) return false
    return true
  }

  #difference(expected: ReadonlyMap<string, string>): string {
    const here = new Map(this.tree.under('/'))
    const missing = [...expected.keys()].filter((key) => !here.has(key as Key))
    const extra = [...here.keys()].filter((key) => !expected.has(key))
    const other = [...expected].filter(([key, value]) => (here.get(key as Key) ?? value) !== value)
    const show = (list: readonly unknown[]): string =>
      `${list.length} (${list.slice(0, 5).join(', ')})`
    return [
      `keys missing: ${show(missing)}`,
      `keys too many: ${show(extra)}`,
      `wrong values: ${show(other.map(([key, value]) => `${key}: ${here.get(key as Key)?.length} characters for ${value.length}`))}`,
      `events: ${this.kinds.slice(-20).join(' ')}`,
      `faults: ${this.faults
        .map((fault) => fault.message)
        .slice(-3)
        .join('; ')}`,
    ].join('\n')
  }
}
