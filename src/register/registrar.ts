// Combines the services of all sources with the results of their checks and passes the wanted entries to the keeper.
// Level-triggered: every change rebuilds the whole set from the current state.
import { Checker } from './checks/checker.ts'
import type { RunInContainer } from './checks/probe.ts'
import type { EmitRegister } from './event.ts'
import type { WantedState } from './keeper.ts'
import type { RegistryEntry, Registry } from './registries/registry.ts'
import {
  hostAndPort,
  serviceLabel,
  type HealthCheck,
  type Service,
  type ServiceSource,
  type WantedService,
} from './service.ts'

export interface RegistrarOptions {
  readonly registry: Pick<Registry, 'entryOf' | 'makes'>
  /** Added to every service. */
  readonly tags: readonly string[]
  readonly emit: EmitRegister
  readonly exec?: RunInContainer
  readonly want: (wants: WantedState) => void
}

/** A service, as shown in the status. */
export interface ServiceHealth {
  readonly service: Service
  readonly entry: RegistryEntry
  readonly state: 'checking' | 'healthy' | 'unhealthy'
}

/** A service that cannot be registered, and why. */
export interface IgnoredService {
  readonly service: Service
  readonly why: string
}

interface HeldService {
  readonly entry: RegistryEntry
  readonly wanted: WantedService
  /** Absent if reconfd does not check the service; the service then counts as healthy. */
  readonly checker?: Checker
}

export class Registrar {
  readonly #sets = new Map<ServiceSource, readonly WantedService[]>()
  #held = new Map<string, HeldService>()
  /** The services that cannot be registered, by label. */
  #ignored = new Map<string, IgnoredService>()
  readonly #entries = new WeakMap<Service, RegistryEntry | string>()

  constructor(
    private readonly sources: readonly ServiceSource[],
    private readonly options: RegistrarOptions,
  ) {}

  /** Replaces all services that a source wants registered. */
  set(source: ServiceSource, wanted: readonly WantedService[]): void {
    this.#sets.set(source, wanted)
    const held = new Map<string, HeldService>()
    const ignored = new Map<string, IgnoredService>()
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

  get known(): readonly ServiceHealth[] {
    return [...this.#held.values()].map(({ entry, checker }) => {
      const state = checker?.state ?? 'healthy'
      const isKnown = state === 'healthy' || state === 'unhealthy'
      return { service: entry.service, entry, state: isKnown ? state : 'checking' }
    })
  }

  get ignored(): readonly IgnoredService[] {
    return [...this.#ignored.values()]
  }

  /** All entries, regardless of health. */
  get entries(): readonly RegistryEntry[] {
    return [...this.#held.values()].map(({ entry }) => entry)
  }

  stop(): void {
    for (const { checker } of this.#held.values()) checker?.stop()
  }

  #publish(): void {
    const entries = new Map<string, RegistryEntry>()
    const undecided = new Set<string>()
    for (const [key, { entry, checker }] of this.#held) {
      const state = checker?.state ?? 'healthy'
      if (state === 'healthy') entries.set(key, entry)
      else if (state === 'undecided') undecided.add(key)
    }
    const complete = this.sources.every((source) => this.#sets.has(source))
    this.options.want({ entries, undecided, complete })
  }

  #entryOf(service: Service): RegistryEntry | string {
    const known = this.#entries.get(service)
    if (known !== undefined) return known
    const tags = [...new Set([...service.tags, ...this.options.tags])]
    const made = this.options.registry.entryOf({ ...service, tags })
    const entry = made.ok ? made.value : made.error
    this.#entries.set(service, entry)
    return entry
  }

  #hold(entry: RegistryEntry, wanted: WantedService): HeldService {
    const before = this.#held.get(entry.key)
    const check = this.#checkFor(wanted)
    if (check === undefined) return { entry, wanted }
    const isSame =
      before?.wanted.life === wanted.life &&
      hostAndPort(before.wanted.service) === hostAndPort(wanted.service)
    const isSameCheck =
      JSON.stringify(before?.wanted.service.check) === JSON.stringify(wanted.service.check)
    if (isSame && isSameCheck && before.checker !== undefined) {
      return { entry, wanted, checker: before.checker }
    }
    // A healthy service stays registered until its new check has run.
    const wasHealthy = isSame && (before.checker?.state ?? 'healthy') === 'healthy'
    const checked = wasHealthy ? { ...wanted, fresh: false } : wanted
    const { emit, exec } = this.options
    const changed = (): void => this.#publish()
    const options = { once: check.once, emit, changed, ...(exec === undefined ? {} : { exec }) }
    return { entry, wanted, checker: new Checker(checked, check.check, options) }
  }

  /** The check that reconfd runs itself, if any. */
  #checkFor({ service, ready }: WantedService): { check: HealthCheck; once: boolean } | undefined {
    const { makes } = this.options.registry
    // The store runs native checks itself, from the start.
    if (service.native !== undefined && makes.has('native')) return undefined
    const { check = ready } = service
    if (check === undefined) return undefined
    return { check, once: check === ready || makes.has(check.what.kind) }
  }

  #ignore({ service }: WantedService, why: string, ignored: Map<string, IgnoredService>): void {
    const about = serviceLabel(service)
    ignored.set(about, { service, why })
    if (this.#ignored.get(about)?.why === why) return
    this.options.emit({ kind: 'ignored', level: 'warn', about, why: `not registered: ${why}` })
  }
}
