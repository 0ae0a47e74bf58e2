// Reduces the event stream to the state of each store and resource. This is the only such reducer: the status, the
// report of a onetime run, the start-up notice, readiness and `check -validate` read its result. It has no clock;
// callers pass times, as milliseconds since the Unix epoch. Memory is bounded by the number of resources.
import type { Event, EventOf, Uses } from '../core/event.ts'
import type { ChildStatus, FullStatus, StoreStatus } from '../core/status.ts'
import { isoTime } from '../core/words.ts'
import { childAfter } from './child-record.ts'
import {
  configured,
  newResource,
  noteChange,
  noteEvent,
  restorePast,
  type ResourceProgress,
} from './resource-progress.ts'

export class Progress {
  #version = ''
  #uses: Uses | undefined
  #configuration: FullStatus['configuration']
  #child: ChildStatus | undefined
  readonly #stores = new Map<string, StoreStatus>()
  readonly #away = new Set<string>()
  readonly #resources = new Map<string, ReturnType<typeof newResource>>()
  readonly #runs = new Map<string, EventOf<'reload-started'>>()

  /** Version of reconfd; empty until the configuration has been read. */
  get version(): string {
    return this.#version
  }

  /** Present while an invalid configuration keeps the previous one in use. */
  get configuration(): FullStatus['configuration'] {
    return this.#configuration
  }

  /** The program of exec mode. */
  get child(): ChildStatus | undefined {
    return this.#child
  }

  /** The stores that each resource reads; undefined until the configuration has been read. */
  get uses(): Uses | undefined {
    return this.#uses
  }

  get stores(): ReadonlyMap<string, StoreStatus> {
    return this.#stores
  }

  get resources(): ReadonlyMap<string, ResourceProgress> {
    return this.#resources
  }

  /** Current runs of reload commands, by command. */
  get runs(): ReadonlyMap<string, EventOf<'reload-started'>> {
    return this.#runs
  }

  /** Stores without a reachable node. */
  get away(): ReadonlySet<string> {
    return this.#away
  }

  note(event: Event, time: number): void {
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
      case 'store-behind':
        return this.#noteLag(event, time)
      case 'changed':
      case 'files-changed':
        for (const [name, cause] of event.causes) noteChange(this.#of(name, time), cause, time)
        return
      case 'child-awaits':
      case 'child-started':
      case 'child-exited':
      case 'child-refused':
        this.#child = childAfter(this.#child, event, time)
        return
      case 'reload-started':
        this.#runs.set(event.command, event)
        break
      case 'reloaded':
      case 'reload-owed':
        this.#runs.delete(event.command)
        break
    }
    if ('resource' in event) noteEvent(this.#of(event.resource, time), event, time)
    else if ('command' in event)
      for (const name of event.resources) noteEvent(this.#of(name, time), event, time)
  }

  /** Adds the history that an earlier run recorded. */
  restore(previous: FullStatus): void {
    for (const history of previous.resources) {
      const one = this.#resources.get(history.name)
      if (one !== undefined) restorePast(one, history)
    }
  }

  #of(name: string, time: number): ReturnType<typeof newResource> {
    const known = this.#resources.get(name)
    if (known !== undefined) return known
    const one = newResource(name, time)
    // Late events about resources removed from conf.d are dropped.
    if (this.#uses === undefined || this.#uses.has(name)) this.#resources.set(name, one)
    return one
  }

  #load(uses: Uses, time: number): void {
    this.#uses = uses
    for (const name of this.#resources.keys()) if (!uses.has(name)) this.#resources.delete(name)
    for (const name of uses.keys()) configured(this.#of(name, time))
    const stores = new Set([...uses.values()].flat())
    for (const name of [...this.#stores.keys(), ...this.#away]) {
      if (stores.has(name.replace(/@.*/s, ''))) continue
      this.#stores.delete(name)
      this.#away.delete(name)
    }
    for (const name of stores) {
      if (this.#stores.has(name)) continue
      this.#stores.set(name, { name, state: 'waiting', since: isoTime(time) })
    }
  }

  #noteLag({ store: name, lag }: EventOf<'store-behind'>, time: number): void {
    const previous = this.#stores.get(name)
    if (previous?.state !== 'live' && previous?.state !== 'behind') return
    const state = lag === undefined ? 'live' : 'behind'
    const since = previous.state === state ? previous.since : isoTime(time)
    this.#stores.set(name, {
      ...withoutLag(previous),
      state,
      since,
      ...(lag === undefined ? {} : { lag }),
    })
  }

  #noteStore(event: EventOf<'store-live' | 'store-stale'>, time: number): void {
    const { store: name, node } = event
    if (event.kind === 'store-live') {
      this.#away.delete(name)
      const { keys } = event
      this.#stores.set(name, { name, state: 'live', since: isoTime(time), node, keys })
      return
    }
    // With a delay of 0, the next node is tried immediately, so the store does not count as unreachable yet.
    if (event.retryIn > 0) this.#away.add(name)
    const previous = this.#stores.get(name)
    const state = event.known ? 'stale' : 'waiting'
    // A failed retry does not change the time at which the outage began.
    const since = previous?.state === state ? previous.since : isoTime(time)
    const keys = previous?.keys === undefined ? {} : { keys: previous.keys }
    this.#stores.set(name, { name, state, since, node, ...keys, fault: event.fault })
  }
}

const withoutLag = ({ lag: _lag, ...rest }: StoreStatus): StoreStatus => rest
