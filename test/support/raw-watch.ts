// One watch of a store, event by event, without the retries of `follow`.
import { FaultError, type Fault } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import type { Result } from '../../src/core/result.ts'
import type { Demand, Store, StoreEvent } from '../../src/core/store.ts'
import { ABORTED, within } from './until.ts'

export class RawWatch {
  /** The notices so far. */
  readonly notices: string[] = []
  /** The messages of the parts that the store has refused, by directory, according to the last event. */
  refused: Readonly<Record<Key, string>> = {}
  readonly #abort = new AbortController()
  readonly #events: AsyncIterator<StoreEvent>

  constructor(opened: Result<Store, Fault>, prefixes: readonly Key[], demand?: Demand) {
    if (!opened.ok) throw new FaultError(opened.error)
    const { value: store } = opened
    const node = store.nodes[0] as string
    const { signal } = this.#abort
    this.#events = store.watch(node, prefixes, signal, { demand })[Symbol.asyncIterator]()
  }

  /**
   * Returns the next event, with maps as plain objects and sets as sorted lists. Throws a FaultError if the watch
   * breaks.
   */
  async next(): Promise<object> {
    const step = await within('an event of the store', this.#events.next())
    if (step.done === true) return { kind: 'end' }
    const { value } = step
    for (const { message } of value.notices ?? []) this.notices.push(message)
    const refused = [...(value.known?.refused ?? [])]
    this.refused = Object.fromEntries(refused.map(([dir, { message }]) => [dir, message]))
    return value.kind === 'snapshot'
      ? { kind: 'snapshot', entries: Object.fromEntries(value.entries) }
      : { kind: 'delta', put: Object.fromEntries(value.put), del: [...value.del].sort() }
  }

  /** Returns the fault that breaks the watch. Throws if an event arrives instead. */
  async fault(): Promise<Fault> {
    try {
      const event = await this.next()
      throw new Error(`an event in place of a fault: ${JSON.stringify(event)}`)
    } catch (error) {
      if (error instanceof FaultError) return error.fault
      throw error
    }
  }

  /** Aborts the watch and waits until it has ended. */
  async end(): Promise<void> {
    this.#abort.abort()
    await within('the watch ends when aborted', Promise.resolve(this.#events.return?.()), ABORTED)
  }
}
