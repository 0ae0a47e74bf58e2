// Combines the services of all sources with the results of their checks, and tells the keeper which entries
// the store has to hold. Level-triggered: every change rebuilds the whole set from the current state.
import { Checker } from './checks/checker.ts'
import type { RunInContainer } from './checks/probe.ts'
import type { EmitRegister } from './event.ts'
import type { Wants } from './keeper.ts'
import type { Entry, Registry } from './registries/registry.ts'
import { nameOf, type Check, type Service, type Source, type Wanted } from './service.ts'

export interface RegistrarOptions {
  readonly registry: Pick<Registry, 'entryOf' | 'makes'>
  /** On every service. */
  readonly tags: readonly string[]
  readonly emit: EmitRegister
  readonly exec?: RunInContainer
  readonly want: (wants: Wants) => void
}

/** A service for the status. */
export interface Known {
  readonly service: Service
  readonly entry: Entry
  readonly state: 'checking' | 'healthy' | 'unhealthy'
}

interface Held {
  readonly entry: Entry
  readonly wanted: Wanted
  /** Absent: it is healthy for as long as it is wanted. */
  readonly checker?: Checker
}

export class Registrar {
  readonly #sets = new Map<Source, readonly Wanted[]>()
  #held = new Map<string, Held>()
  /** Reported reasons why services cannot be registered, by service. */
  #ignored = new Map<string, string>()
  readonly #entries = new WeakMap<Service, Entry | string>()

  constructor(
    private readonly sources: readonly Source[],
    private readonly options: RegistrarOptions,
  ) {}

  /** Replaces everything that a source wants. */
  set(source: Source, wanted: readonly Wanted[]): void {
    this.#sets.set(source, wanted)
    const held = new Map<string, Held>()
    const ignored = new Map<string, string>()
    for (const one of this.sources.flatMap((each) => this.#sets.get(each) ?? [])) {
      const entry = this.#entryOf(one.service)
      const why =
        typeof entry === 'string'
          ? entry
          : held.has(entry.key)
            ? `another service has the key ${entry.key}`
            : undefined
      if (typeof entry === 'string' || why !== undefined) this.#ignore(one, why ?? '', ignored)
      else held.set(entry.key, this.#hold(entry, one))
    }
    for (const [key, { checker }] of this.#held) {
      if (held.get(key)?.checker !== checker) checker?.stop()
    }
    this.#held = held
    this.#ignored = ignored
    this.#publish()
  }

  get known(): readonly Known[] {
    return [...this.#held.values()].map(({ entry, checker }) => {
      const state = checker?.state ?? 'healthy'
      const isKnown = state === 'healthy' || state === 'unhealthy'
      return { service: entry.service, entry, state: isKnown ? state : 'checking' }
    })
  }

  /** As they would be written, whatever their health. */
  get entries(): readonly Entry[] {
    return [...this.#held.values()].map(({ entry }) => entry)
  }

  stop(): void {
    for (const { checker } of this.#held.values()) checker?.stop()
  }

  #publish(): void {
    const entries = new Map<string, Entry>()
    const undecided = new Set<string>()
    for (const [key, { entry, checker }] of this.#held) {
      const state = checker?.state ?? 'healthy'
      if (state === 'healthy') entries.set(key, entry)
      else if (state === 'undecided') undecided.add(key)
    }
    const complete = this.sources.every((source) => this.#sets.has(source))
    this.options.want({ entries, undecided, complete })
  }

  #entryOf(service: Service): Entry | string {
    const known = this.#entries.get(service)
    if (known !== undefined) return known
    const tags = [...new Set([...service.tags, ...this.options.tags])]
    const made = this.options.registry.entryOf({ ...service, tags })
    const entry = made.ok ? made.value : made.error
    this.#entries.set(service, entry)
    return entry
  }

  #hold(entry: Entry, wanted: Wanted): Held {
    const before = this.#held.get(entry.key)
    const check = this.#checkFor(wanted)
    if (check === undefined) return { entry, wanted }
    const isSame =
      before?.wanted.life === wanted.life &&
      before.entry.text === entry.text &&
      JSON.stringify(before.wanted.service.check) === JSON.stringify(wanted.service.check)
    if (before?.checker !== undefined && isSame) return { entry, wanted, checker: before.checker }
    const { emit, exec } = this.options
    const changed = (): void => this.#publish()
    const options = { once: check.once, emit, changed, ...(exec === undefined ? {} : { exec }) }
    return { entry, wanted, checker: new Checker(wanted, check.check, options) }
  }

  /** The check that we have to make ourselves, if any. */
  #checkFor({ service, ready }: Wanted): { check: Check; once: boolean } | undefined {
    const { makes } = this.options.registry
    // The store makes it as the container describes it, from the beginning.
    if (service.native !== undefined && makes.has('native')) return undefined
    const { check = ready } = service
    if (check === undefined) return undefined
    return { check, once: check === ready || makes.has(check.what.kind) }
  }

  #ignore({ service }: Wanted, why: string, ignored: Map<string, string>): void {
    const about = nameOf(service)
    ignored.set(about, why)
    if (this.#ignored.get(about) === why) return
    this.options.emit({ kind: 'ignored', level: 'warn', about, why: `not registered: ${why}` })
  }
}
