// The status board: a listener of the event stream that keeps what `reconfd status` and `reconfd why`
// tell. It has no clock: times come in, as milliseconds since 1970. What it keeps is bounded by the
// number of resources.
import type { Event, Uses } from '../core/event.ts'
import { briefly } from '../core/fault.ts'
import { worstFirst, type FullStatus, type StoreStatus } from '../core/status.ts'
import { isoTime, ResourceRecord } from './resource-record.ts'

/** Which resources owe a reload, and since when, by the journal. */
export type Owed = ReadonlyMap<string, { readonly since: number }>

export class StatusBoard {
  /** Called when something has become another. */
  changed: () => void = () => undefined
  #version = ''
  #uses: Uses = new Map()
  #isLoaded = false
  readonly #stores = new Map<string, StoreStatus>()
  #configuration: FullStatus['configuration']
  readonly #records = new Map<string, ResourceRecord>()

  constructor(
    private readonly pid: number,
    private readonly started: number,
  ) {}

  /** Takes in what has happened. */
  note(event: Event, time: number): void {
    this.#take(event, time)
    this.changed()
  }

  #take(event: Event, time: number): void {
    switch (event.kind) {
      case 'started':
        this.#version = event.version
        return this.#load(event.uses, time)
      case 'generation-loaded':
        this.#configuration = undefined
        return this.#load(event.uses, time)
      case 'generation-kept': {
        const since = this.#configuration?.since ?? isoTime(time)
        this.#configuration = { since, faults: event.faults }
        return
      }
      case 'store-live':
      case 'store-stale':
        return this.#noteStore(event, time)
      case 'changed':
      case 'files-changed':
        for (const [name, cause] of event.causes) {
          this.#record(name, time).changed({ at: isoTime(time), ...cause })
        }
        return
      case 'rendered':
        return this.#record(event.resource, time).rendered(event.reads)
      case 'in-sync':
        return this.#record(event.resource, time).found(event.dest, event.hash)
      case 'written': {
        const hash = event.why === 'remove' ? undefined : event.hash
        return this.#record(event.resource, time).found(event.dest, hash)
      }
      case 'applied':
        return this.#record(event.resource, time).applied(time)
      case 'failed': {
        const why = `${event.at} failed: ${briefly(event.fault)}`
        return this.#record(event.resource, time).failed(why, time)
      }
      case 'rolled-back':
        return this.#record(event.resource, time).rolledBack(event, time)
      case 'rollback-impossible':
        return this.#record(event.resource, time).noWayBack(event, time)
      case 'awaits':
        return this.#record(event.resource, time).awaits(event, time)
      case 'waits':
        return this.#record(event.resource, time).waits(event, time)
      case 'held':
        return this.#record(event.resource, time).held(event, time)
      case 'reload-started':
        for (const name of event.resources) this.#record(name, time).reloading(event.command)
        return
      case 'reloaded':
      case 'reload-owed':
        for (const name of event.resources) this.#record(name, time).reloaded(event, time)
        return
    }
  }

  /** Takes up what a former daemon knew of the past of the resources. */
  restore(former: FullStatus): void {
    for (const history of former.resources) this.#records.get(history.name)?.restore(history)
  }

  /**
   * The status as of now.
   * @param sizes how many keys each store has, where that is known
   */
  status(owed: Owed, now: number, sizes: ReadonlyMap<string, number> = new Map()): FullStatus {
    const resources = [...this.#records.values()].map((record) => {
      const used = this.#uses.get(record.name) ?? []
      // A datacenter that it looks into is told of as a store of its own, while it is not as it should be.
      const parts = used.flatMap((name) => [...record.datacenters].map((dc) => `${name}@${dc}`))
      const stores = [...used, ...parts].flatMap((name) => this.#stores.get(name) ?? [])
      return record.history(stores, owed.get(record.name)?.since)
    })
    const stores = [...this.#stores.values()].map((store) => {
      const keys = sizes.get(store.name)
      return keys === undefined ? store : { ...store, keys }
    })
    return {
      version: this.#version,
      pid: this.pid,
      started: isoTime(this.started),
      at: isoTime(now),
      stores,
      ...(this.#configuration === undefined ? {} : { configuration: this.#configuration }),
      resources: worstFirst(resources),
    }
  }

  #record(name: string, time: number): ResourceRecord {
    const known = this.#records.get(name)
    if (known !== undefined) return known
    const record = new ResourceRecord(name, time)
    // Work for a resource that was removed from conf.d may end late: that is not kept.
    if (!this.#isLoaded || this.#uses.has(name)) this.#records.set(name, record)
    return record
  }

  #load(uses: Uses, time: number): void {
    this.#uses = uses
    this.#isLoaded = true
    for (const name of this.#records.keys()) if (!uses.has(name)) this.#records.delete(name)
    for (const name of uses.keys()) this.#record(name, time)
    const stores = new Set([...uses.values()].flat())
    for (const name of this.#stores.keys()) {
      if (!stores.has(name.replace(/@.*/s, ''))) this.#stores.delete(name)
    }
    for (const name of stores) {
      if (this.#stores.has(name)) continue
      this.#stores.set(name, { name, state: 'waiting', since: isoTime(time) })
    }
  }

  #noteStore(event: Extract<Event, { kind: 'store-live' | 'store-stale' }>, time: number): void {
    const { store: name, node } = event
    if (event.kind === 'store-live') {
      const { keys } = event
      this.#stores.set(name, { name, state: 'live', since: isoTime(time), node, keys })
      return
    }
    const former = this.#stores.get(name)
    const state = event.known ? 'stale' : 'waiting'
    // One that is tried again and again has been away since the first time.
    const since = former?.state === state ? former.since : isoTime(time)
    const keys = former?.keys === undefined ? {} : { keys: former.keys }
    this.#stores.set(name, { name, state, since, node, ...keys, fault: event.fault })
  }
}
