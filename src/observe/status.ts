// The status board: builds the status for `reconfd status`, `reconfd why` and the status page.
import { lookUpOf } from '../core/catalog.ts'
import type { Event } from '../core/event.ts'
import type { Reads } from '../core/reads.ts'
import { worstFirst, type FullStatus } from '../core/status.ts'
import { isoTime } from '../core/words.ts'
import { Progress } from './progress.ts'
import { historyOf } from './resource-status.ts'

/** The resources that owe a reload, with the time since which the reload is owed, from the journal. */
export type OwedReloads = ReadonlyMap<string, { readonly since: number }>

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

  /** Adds the history that an earlier run recorded. */
  restore(previous: FullStatus): void {
    this.#progress.restore(previous)
  }

  /**
   * Builds the current status.
   * @param sizes number of keys in each store, where known
   */
  status(
    owed: OwedReloads,
    now: number,
    sizes: ReadonlyMap<string, number> = new Map(),
  ): FullStatus {
    const { version, configuration, uses, stores, child, resources } = this.#progress
    const histories = [...resources.values()].map((one) => {
      const used = uses?.get(one.name) ?? []
      // A remote datacenter has its own store entry once it has been unreachable.
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

/** The Consul datacenters that were looked up by name. */
function datacentersIn(reads: readonly Reads[]): readonly string[] {
  const keys = reads.flatMap(({ needs }) => [...(needs?.trees ?? []), ...(needs?.names ?? [])])
  const own = keys.map((key) => key.replace(/^\/[^/]+:(?=\/)/, ''))
  return [...new Set(own.flatMap((key) => lookUpOf(key)?.dc ?? []))]
}
