// A generation is one loaded version of conf.d with its stores. A new generation is validated as a whole before the
// worker switches to it. If it is invalid, the current one stays in use.
import { loadResources } from '../config/resources.ts'
import type { Definitions, RefusedResource } from '../config/refused.ts'
import { backoffDelay } from '../core/backoff.ts'
import type { Emit, Uses } from '../core/event.ts'
import { briefly, type Fault } from '../core/fault.ts'
import { resourceKeys, withoutCommands, withoutReload, type Resource } from '../core/resource.ts'
import { ok, type Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import { VERSION } from '../core/version.ts'
import { Feeds } from '../feeds/feeds.ts'
import { openerOf, storeFault, wantedStores } from '../feeds/wanted-stores.ts'
import type { FileWatch } from '../system/watch-files.ts'
import { Times } from '../templates/clocks.ts'
import { createRenderer } from '../templates/render.ts'
import type { Program } from './program.ts'
import type { Underway } from './underway.ts'
import type { Worker } from './worker.ts'

export interface Generation {
  readonly resources: readonly Resource[]
  readonly refused: readonly RefusedResource[]
  readonly feeds: Feeds
}

const RETRY = { first: 1000, most: 60_000 }

export class Generations {
  #current: Generation | undefined
  /** The definitions of the current generation. */
  #definitions: Definitions | undefined
  #files: FileWatch | undefined
  /** The times that templates see as now, kept across generations. */
  readonly #times = new Times()
  /** True if the last load refused a resource or the whole configuration. Any edit may then remove the cause. */
  #isRefused = false
  /** The reasons for the refusals at the last load, as JSON, for comparison with the next load. */
  #refusal = ''
  #retry: NodeJS.Timeout | undefined
  #retries = 0
  #isStopped = false
  #loading: Promise<unknown> = Promise.resolve()

  /**
   * @param once true in a onetime run: stores are read once, and refused resources are not retried
   * @param settingsNow reads the current settings
   * @param crashed called with an error that is a bug
   */
  constructor(
    private readonly worker: Worker,
    private readonly underway: Underway,
    private readonly emit: Emit,
    private readonly once: boolean,
    private readonly settingsNow: () => Promise<Result<Settings, readonly Fault[]>>,
    private readonly crashed: (error: unknown) => void,
    private readonly program: Program,
  ) {}

  /** The current generation; undefined before the first one is loaded. */
  get current(): Generation | undefined {
    return this.#current
  }

  /**
   * Loads the first generation and reports the start.
   * @param startUp finishes the interrupted work of earlier runs; called before the worker starts
   */
  async begin(
    settings: Settings,
    startUp: (resources: readonly Resource[]) => Promise<void>,
  ): Promise<Result<Generation, readonly Fault[]>> {
    const loading = this.#load(
      settings,
      (generation) => this.#reportStart(generation, settings),
      startUp,
    )
    this.#loading = loading
    const first = await loading
    this.#isRefused = first.ok && first.value.refused.length > 0
    this.#retryLater()
    return first
  }

  /** Loads a new generation once all pending loads have ended. */
  renew(reason: string): void {
    this.#loading = this.#loading.then(() => this.#renew(reason)).catch(this.crashed)
  }

  /**
   * Watches conf.d and the templates. An edit in conf.d loads a new generation; an edited template is rendered again.
   */
  async watchFiles(confdir: string): Promise<void> {
    const { watchFiles } = await import('../system/watch-files.ts')
    const folders = [`${confdir}/conf.d`, `${confdir}/templates`]
    this.#files = await watchFiles(folders, (paths) => {
      const needsLoad = (path: string): boolean => path.startsWith(`${confdir}/conf.d/`)
      if (this.#isRefused || [...paths].some(needsLoad)) this.renew('the configuration has changed')
      this.worker.filesChanged(paths)
    })
  }

  /** Prevents further loads. Resolves when no load is pending. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#retry)
    await this.#files?.close()
    await this.#loading
  }

  async close(): Promise<void> {
    await this.#current?.feeds.close()
  }

  async #renew(reason: string): Promise<void> {
    if (this.#isStopped) return
    this.emit({ kind: 'generation-loading', reason })
    const load = async (): Promise<Result<Generation, readonly Fault[]>> => {
      const settings = await this.settingsNow()
      if (!settings.ok) return settings
      return this.#load(settings.value, (generation) => this.#reportLoaded(generation, reason))
    }
    const work = { what: 'loading the configuration', resources: [], allowed: 0 }
    const next = await this.underway.during(work, load())
    this.#isRefused = !next.ok || next.value.refused.length > 0
    this.#retries = 0
    this.#retryLater()
    if (!next.ok) this.emit({ kind: 'generation-kept', reason, faults: next.error })
  }

  /**
   * Schedules another read of conf.d if the last load refused a resource or the whole configuration. The cause may
   * lie outside conf.d, such as a missing certificate, or a user that is unknown until an LDAP server is up.
   */
  #retryLater(): void {
    clearTimeout(this.#retry)
    if (!this.#isRefused || this.once || this.#isStopped) return
    this.#retry = setTimeout(
      () => {
        this.#loading = this.#loading.then(() => this.#lookAgain()).catch(this.crashed)
      },
      backoffDelay(++this.#retries, RETRY),
    )
  }

  /** Loads a new generation if the reasons for refusals have changed. */
  async #lookAgain(): Promise<void> {
    if (this.#isStopped || !this.#isRefused) return
    const settings = await this.settingsNow()
    const loaded = settings.ok && (await this.#read(settings.value))
    if (loaded !== false && refusalOf(loaded) !== this.#refusal) {
      await this.#renew('the reason for a refusal has changed')
    } else this.#retryLater()
  }

  #reportStart(generation: Generation, { backend, connection, replay }: Settings): void {
    this.emit({
      kind: 'started',
      version: VERSION,
      backend: replay ?? backend,
      nodes: replay === undefined ? connection.nodes : [],
      resources: generation.resources.length,
      uses: usesOf(generation),
    })
    this.#reportRefused(generation)
  }

  #reportLoaded(generation: Generation, reason: string): void {
    const resources = generation.resources.length
    this.emit({ kind: 'generation-loaded', reason, resources, uses: usesOf(generation) })
    this.#reportRefused(generation)
  }

  #reportRefused({ refused }: Generation): void {
    for (const { name: resource, faults, isKept } of refused) {
      for (const fault of faults) {
        this.emit({ kind: 'failed', resource, at: 'configuration', fault, retryIn: null })
      }
      if (!isKept) continue
      const message = `${resource}: its previous definition stays in use until the file is corrected`
      this.emit({ kind: 'notice', level: 'warn', message })
    }
  }

  #read(settings: Settings): ReturnType<typeof loadResources> {
    return loadResources(settings, this.#definitions, storeFault)
  }

  /**
   * Loads a generation and switches the worker to it. Stores whose settings are unchanged stay open.
   * @param report called if the generation is valid, before the worker starts with it
   */
  async #load(
    settings: Settings,
    report: (generation: Generation) => void,
    startUp?: (resources: readonly Resource[]) => Promise<void>,
  ): Promise<Result<Generation, readonly Fault[]>> {
    const { emit, once, crashed, worker } = this
    const loaded = await this.#read(settings)
    this.#refusal = refusalOf(loaded)
    if (!loaded.ok) return loaded
    for (const fault of loaded.value.notices) {
      emit({ kind: 'notice', level: 'warn', message: briefly(fault) })
    }
    const configured = this.program.configure(loaded.value, settings)
    if (!configured.ok) return configured
    const resources = configured.value.map((resource) => allowed(resource, settings))
    const wanted = await wantedStores(settings, loaded.value.stores, resources)
    const names = resources.map(({ name }) => name)
    const previous = this.#current
    const opener = openerOf(wanted)
    const opened = await Feeds.open(wanted, names, previous?.feeds, { open: opener, emit, once })
    if (!opened.ok) return opened
    const feeds = opened.value
    await startUp?.(resources)
    // Nothing is awaited from here to adopt(), so that no key change is missed between the generations.
    const generation = { resources, refused: loaded.value.refused, feeds }
    this.#current = generation
    this.#definitions = loaded.value
    // Listeners must know the resources before the first event about one of them.
    report(generation)
    feeds.listener = {
      changed: (store, changes, first, before) =>
        first
          ? worker.storeRead(store, changes, before)
          : worker.keysChanged(store, changes, before),
      missed: () => worker.storeMissed(),
      crashed,
    }
    feeds.start()
    worker.adopt({
      resources,
      feeds,
      renderer: createRenderer(`${settings.confdir}/templates`, {
        notice: (message) => emit({ kind: 'notice', level: 'info', message }),
        times: this.#times,
      }),
      pace: { quiet: settings.quiet, max: settings.quietMax },
      dependsOn: (files) => this.#files?.add(files),
    })
    await previous?.feeds.close(feeds)
    return ok(generation)
  }
}

const refusalOf = (loaded: Awaited<ReturnType<typeof loadResources>>): string =>
  JSON.stringify(loaded.ok ? loaded.value.refused.map(({ faults }) => faults) : loaded.error)

/** Removes the commands that this run must not execute. */
function allowed(resource: Resource, { syncOnly, noReload }: Settings): Resource {
  if (syncOnly) return withoutCommands(resource)
  return noReload ? withoutReload(resource) : resource
}

/** Returns the stores that each resource reads; an empty list for a refused resource. */
function usesOf({ resources, refused, feeds }: Generation): Uses {
  const uses = new Map<string, readonly string[]>(refused.map(({ name }) => [name, []]))
  for (const resource of resources) {
    const stores = resourceKeys([resource]).map((key) => feeds.nameOf(key))
    uses.set(resource.name, [...new Set(stores)])
  }
  return uses
}
