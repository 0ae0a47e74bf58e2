// The status board: a listener of the event stream that keeps what `reconfd status` and `reconfd why`
// tell. It has no clock: times come in, as milliseconds since 1970. What it keeps is bounded by the
// number of resources.
import type { Event } from '../core/event.ts'
import { worstFirst, type FullStatus, type StoreStatus } from '../core/status.ts'
import { briefly, isoTime, ResourceRecord } from './resource-record.ts'

/** Which resources owe a reload, and since when, by the journal. */
export type Owed = ReadonlyMap<string, { readonly since: number }>

/** Of a change. */
const FILES_NAMED = 10

export class StatusBoard {
  /** Called when something has become another. */
  changed: () => void = () => undefined
  #version = ''
  #store: StoreStatus | undefined
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
        return this.#load(event.backend, event.names, time)
      case 'generation-loaded':
        this.#configuration = undefined
        return this.#load(event.backend, event.names, time)
      case 'generation-kept': {
        const since = this.#configuration?.since ?? isoTime(time)
        this.#configuration = { since, faults: event.faults }
        return
      }
      case 'store-live':
      case 'store-stale':
        return this.#noteStore(event, time)
      case 'changed':
        for (const [name, cause] of event.causes) {
          this.#record(name).changed({
            at: isoTime(time),
            keys: cause.keys,
            files: [],
            more: cause.more,
          })
        }
        return
      case 'files-changed': {
        const files = event.files.slice(0, FILES_NAMED)
        const more = event.files.length - files.length
        for (const name of event.resources) {
          this.#record(name).changed({ at: isoTime(time), keys: [], files, more })
        }
        return
      }
      case 'rendered':
        return this.#record(event.resource).rendered(event.reads)
      case 'in-sync':
        return this.#record(event.resource).found(event.dest, event.hash)
      case 'written': {
        const hash = event.why === 'remove' ? undefined : event.hash
        return this.#record(event.resource).found(event.dest, hash)
      }
      case 'applied':
        return this.#record(event.resource).applied(time)
      case 'failed': {
        const why = `${event.at} failed: ${briefly(event.fault)}`
        return this.#record(event.resource).failed(why, time)
      }
      case 'rolled-back': {
        const why = 'rolled back: the reload did not succeed with the new files'
        return this.#record(event.resource).failed(why, time)
      }
      case 'waits':
        return this.#record(event.resource).waits(event, time)
      case 'held':
        return this.#record(event.resource).held(event, time)
      case 'reload-started':
        for (const name of event.resources) this.#record(name).reloading(event.command)
        return
      case 'reloaded':
      case 'reload-owed':
        for (const name of event.resources) this.#record(name).reloaded(event, time)
        return
    }
  }

  /** Takes up what a former daemon knew of the past of the resources. */
  restore(former: FullStatus): void {
    for (const history of former.resources) this.#records.get(history.name)?.restore(history)
  }

  /**
   * The status as of now.
   * @param keys how many the store has, where that is known
   */
  status(owed: Owed, now: number, keys?: number): FullStatus {
    const store = this.#store && { ...this.#store, ...(keys === undefined ? {} : { keys }) }
    const resources = [...this.#records.values()].map((record) =>
      record.history(store, owed.get(record.name)?.since),
    )
    return {
      version: this.#version,
      pid: this.pid,
      started: isoTime(this.started),
      at: isoTime(now),
      stores: store === undefined ? [] : [store],
      ...(this.#configuration === undefined ? {} : { configuration: this.#configuration }),
      resources: worstFirst(resources),
    }
  }

  #record(name: string): ResourceRecord {
    let record = this.#records.get(name)
    if (record === undefined) {
      record = new ResourceRecord(name)
      this.#records.set(name, record)
    }
    return record
  }

  #load(backend: string, names: readonly string[], time: number): void {
    const kept = new Set(names)
    for (const name of this.#records.keys()) if (!kept.has(name)) this.#records.delete(name)
    for (const name of names) this.#record(name)
    if (this.#store?.name === backend) return
    this.#store = { name: backend, state: 'waiting', since: isoTime(time) }
  }

  #noteStore(event: Extract<Event, { kind: 'store-live' | 'store-stale' }>, time: number): void {
    const { store: name, node } = event
    if (event.kind === 'store-live') {
      this.#store = { name, state: 'live', since: isoTime(time), node, keys: event.keys }
      return
    }
    const former = this.#store?.name === name ? this.#store : undefined
    const state = event.known ? 'stale' : 'waiting'
    // One that is tried again and again has been away since the first time.
    const since = former?.state === state ? former.since : isoTime(time)
    const keys = former?.keys === undefined ? {} : { keys: former.keys }
    this.#store = { name, state, since, node, ...keys, fault: event.fault }
  }
}
