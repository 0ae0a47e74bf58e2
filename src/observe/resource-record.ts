// What the status board keeps of one resource: its problems, its past, what its last render looked up.
// Times are milliseconds since 1970.
import { lookUpOf } from '../core/catalog.ts'
import type { Event } from '../core/event.ts'
import { briefly } from '../core/fault.ts'
import type { Reads } from '../core/reader.ts'
import type {
  Change,
  ReadNames,
  Reload,
  ResourceHistory,
  State,
  StoreStatus,
} from '../core/status.ts'

const CHANGES_KEPT = 20
/** Of each kind of read. */
const READS_NAMED = 100

interface Problem {
  readonly since: number
  readonly why: string
}

export class ResourceRecord {
  #failed: Problem | undefined
  #held: Problem | undefined
  #awaits: Problem | undefined
  /** Why the newest reload has not succeeded yet. Whether one is owed is for the journal to say. */
  #reload: string | undefined
  #noWayBack = ''
  /** Since when it has had no problem of its own; undefined before it was first looked at. */
  #good: number | undefined
  #reads: readonly Reads[] = []
  /** Those of Consul that its templates look into by name. */
  datacenters: ReadonlySet<string> = new Set()
  /** The newest first. */
  #changes: readonly Change[] = []
  #lastReload: Reload | undefined
  readonly #hashes = new Map<string, string>()

  /** @param known since when */
  constructor(
    readonly name: string,
    private readonly known: number,
  ) {}

  changed(change: Change): void {
    this.#changes = [change, ...this.#changes].slice(0, CHANGES_KEPT)
  }

  rendered(reads: readonly Reads[]): void {
    this.#reads = reads
    const looked = reads.flatMap(({ needs }) => [...(needs?.trees ?? []), ...(needs?.names ?? [])])
    const own = looked.map((key) => key.replace(/^\/[^/]+:(?=\/)/, ''))
    this.datacenters = new Set(own.flatMap((key) => lookUpOf(key)?.dc ?? []))
  }

  /** @param hash undefined when the destination was removed */
  found(dest: string, hash: string | undefined): void {
    if (hash === undefined) this.#hashes.delete(dest)
    else this.#hashes.set(dest, hash)
  }

  applied(time: number): void {
    if (this.#failed !== undefined || this.#held !== undefined) this.#good = time
    this.#good ??= time
    this.#failed = this.#held = this.#awaits = undefined
  }

  failed(why: string, time: number): void {
    this.#failed = { since: this.#failed?.since ?? time, why }
    this.#held = this.#awaits = undefined
  }

  /** The newest content was rejected; what is in place is the last good one. */
  rolledBack(event: Extract<Event, { kind: 'rolled-back' }>, time: number): void {
    const { files, fault } = event
    for (const [dest, hash] of files) this.found(dest, hash ?? undefined)
    const dests = [...files.keys()].join(', ')
    this.failed(
      `rolled back: ${briefly(fault)}\n` +
        `the last good content of ${dests} is in place; the rejected one is not tried again until it changes, ` +
        `or reconfd accept ${this.name}`,
      time,
    )
  }

  /** Its reload failed too often, and there is nothing to go back to. */
  noWayBack(event: Extract<Event, { kind: 'rollback-impossible' }>, time: number): void {
    const { dests, fault, retryIn } = event
    this.#noWayBack = `there is no earlier good content of ${dests.join(', ')} to go back to; `
    this.#reload = `failed${nextTry(retryIn, time)}: ${briefly(fault)}`
  }

  /** For another resource of its group. */
  waits({ for: other, because }: Extract<Event, { kind: 'waits' }>, time: number): void {
    const why = `its files stay as they are: ${other}, of the same group, `
    if (because === 'waiting') this.#await(`${why}waits`, time)
    else if (because === 'failed') this.failed(`${why}has failed`, time)
    else this.#hold(`${why}is held`, time)
  }

  /** For something it has come to look up. */
  awaits({ store, keys, more }: Extract<Event, { kind: 'awaits' }>, time: number): void {
    const rest = more > 0 ? ` and ${more} more` : ''
    this.#await(`for the first reading of ${keys.join(', ')}${rest} from ${store}`, time)
  }

  #await(why: string, time: number): void {
    this.#awaits = { since: this.#awaits?.since ?? time, why }
  }

  held({ dest, reason, vanished, more }: Extract<Event, { kind: 'held' }>, time: number): void {
    const rest = more > 0 ? ` and ${more} more` : ''
    const gone = vanished.length === 0 ? '' : `; vanished: ${vanished.join(', ')}${rest}`
    this.#hold(`${dest} stays as it is: ${reason}${gone}`, time)
  }

  #hold(why: string, time: number): void {
    this.#held = { since: this.#held?.since ?? time, why }
    this.#failed = this.#awaits = undefined
  }

  reloading(command: string): void {
    this.#reload ??= `runs: ${command}`
  }

  reloaded(event: Extract<Event, { kind: 'reloaded' | 'reload-owed' }>, time: number): void {
    const { command, result } = event
    const succeeded = event.kind === 'reloaded'
    if (result !== undefined) {
      const { exitCode, signal, timedOut, duration } = result
      const at = isoTime(time)
      this.#lastReload = { at, command, succeeded, exitCode, signal, timedOut, duration }
    }
    if (event.kind === 'reload-owed') {
      const { attempts, fault, retryIn } = event
      this.#reload = `try ${attempts} failed${nextTry(retryIn, time)}: ${briefly(fault)}`
    } else {
      this.#reload = undefined
      this.#noWayBack = ''
      this.#good = time
    }
  }

  /** Takes up what a former daemon knew of its past. */
  restore({ changes, lastReload }: ResourceHistory): void {
    this.#changes = [...this.#changes, ...changes].slice(0, CHANGES_KEPT)
    this.#lastReload ??= lastReload
  }

  /**
   * @param stores those that it reads
   * @param owed since when the journal knows a reload of it that is due
   */
  history(stores: readonly StoreStatus[], owed: number | undefined): ResourceHistory {
    const [lastChange] = this.#changes
    const { since, ...state } = this.#state(stores, owed)
    return {
      name: this.name,
      ...state,
      since: isoTime(since),
      ...(owed === undefined ? {} : { owedSince: isoTime(owed) }),
      ...(lastChange === undefined ? {} : { lastChange }),
      ...(this.#lastReload === undefined ? {} : { lastReload: this.#lastReload }),
      hashes: Object.fromEntries(this.#hashes),
      ...(this.#reads.length === 0 ? {} : { reads: namesOf(this.#reads) }),
      changes: this.#changes,
    }
  }

  #owedWhy(): string {
    return `${this.#noWayBack}reload ${this.#reload ?? 'is due'}`
  }

  /** Of several problems the worst. */
  #state(
    stores: readonly StoreStatus[],
    owed: number | undefined,
  ): { state: State; since: number; why?: string } {
    if (this.#failed !== undefined) {
      const { since, why } = this.#failed
      const reload = owed === undefined ? '' : `\n${this.#owedWhy()}`
      return { state: 'failed', since, why: why + reload }
    }
    if (this.#held !== undefined) return { state: 'held', ...this.#held }
    if (owed !== undefined) {
      return { state: 'owed', since: owed, why: this.#owedWhy() }
    }
    const away = stores.find(({ state }) => state !== 'live')
    const why = away?.fault === undefined ? {} : { why: briefly(away.fault) }
    if (this.#awaits !== undefined) {
      const told = [this.#awaits.why, ...(why.why === undefined ? [] : [why.why])]
      return { state: 'waiting', since: this.#awaits.since, why: told.join('; ') }
    }
    const changes = stores.map(({ since }) => Date.parse(since))
    if (this.#good === undefined) {
      const since = Math.min(this.known, ...changes)
      return { state: 'waiting', since, why: 'not looked at yet', ...why }
    }
    if (away !== undefined) return { state: 'stale', since: Date.parse(away.since), ...why }
    return { state: 'in sync', since: Math.max(this.#good, ...changes) }
  }
}

const nextTry = (retryIn: number | null, time: number): string =>
  retryIn === null ? '' : `, next try at ${isoTime(time + retryIn).slice(0, 19)}Z`

export const isoTime = (time: number): string => new Date(time).toISOString()

/** The first reads of all templates of a resource, each once, sorted. */
function namesOf(reads: readonly Reads[]): ReadNames {
  let more = 0
  const merged = (of: (one: Reads) => ReadonlySet<string>): string[] => {
    const names = new Set<string>()
    for (const one of reads) {
      for (const name of of(one)) {
        if (names.size < READS_NAMED) names.add(name)
        else if (!names.has(name)) more++
      }
    }
    return [...names].sort()
  }
  const names = {
    keys: merged(({ keys }) => keys),
    trees: merged(({ trees }) => trees),
    listings: merged(({ listings }) => listings),
    patterns: merged(({ patterns }) => patterns),
    files: merged(({ files }) => files),
  }
  return { ...names, more }
}
