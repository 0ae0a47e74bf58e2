// The status board: the progress of a run as `reconfd status`, `reconfd why` and the status page show it.
import { lookUpOf } from '../core/catalog.ts'
import type { Event } from '../core/event.ts'
import type { Reads } from '../core/reader.ts'
import { worstFirst, type FullStatus } from '../core/status.ts'
import { isoTime } from '../core/words.ts'
import { Progress } from './progress.ts'
import { historyOf } from './resource-status.ts'

/** Which resources owe a reload, and since when, by the journal. */
export type Owed = ReadonlyMap<string, { readonly since: number }>

export class StatusBoard {
  /** Called after every event. */
  changed: () => void = () => undefined
  readonly #progress = new Progress()

  constructor(
    private readonly pid: number,
    private readonly started: number,
  ) {}

  get progress(): Pick<Progress, 'uses' | 'resources' | 'away' | 'child'> {
    return this.#progress
  }

  note(event: Event, time: number): void {
    this.#progress.note(event, time)
    this.changed()
  }

  /** Adds what an earlier daemon knew of the past of the resources. */
  restore(former: FullStatus): void {
    this.#progress.restore(former)
  }

  /**
   * The status as of now.
   * @param sizes how many keys each store has, where that is known
   */
  status(owed: Owed, now: number, sizes: ReadonlyMap<string, number> = new Map()): FullStatus {
    const { version, configuration, uses, stores, child, resources } = this.#progress
    const histories = [...resources.values()].map((one) => {
      const used = uses?.get(one.name) ?? []
      // A datacenter that it looks into is told of as a store of its own, once it was away.
      const parts = datacentersIn(one.reads ?? []).flatMap((dc) =>
        used.map((name) => `${name}@${dc}`),
      )
      const read = [...used, ...parts].flatMap((name) => stores.get(name) ?? [])
      return historyOf(one, read, owed.get(one.name)?.since)
    })
    return {
      version,
      pid: this.pid,
      started: isoTime(this.started),
      at: isoTime(now),
      stores: [...stores.values()].map((store) => {
        const keys = sizes.get(store.name)
        return keys === undefined ? store : { ...store, keys }
      }),
      ...(configuration === undefined ? {} : { configuration }),
      ...(child === undefined ? {} : { child }),
      resources: worstFirst(histories),
    }
  }
}

/** The datacenters of Consul that were looked into by name. */
function datacentersIn(reads: readonly Reads[]): readonly string[] {
  const keys = reads.flatMap(({ needs }) => [...(needs?.trees ?? []), ...(needs?.names ?? [])])
  const own = keys.map((key) => key.replace(/^\/[^/]+:(?=\/)/, ''))
  return [...new Set(own.flatMap((key) => lookUpOf(key)?.dc ?? []))]
}
