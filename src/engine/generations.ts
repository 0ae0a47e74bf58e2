// The generations of a run: conf.d as it was read at one time, and what works on it. A new one is read
// and found good as a whole before the former one lets go; a bad one leaves the former one at work.
import type { Emit, Uses } from '../core/event.ts'
import { briefly, type Fault } from '../core/fault.ts'
import { keysOf, withoutCommands, withoutReload, type Resource } from '../core/resource.ts'
import { ok, type Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import { sweepStaged } from '../apply/stage.ts'
import { loadResources } from '../config/resources.ts'
import { Feeds } from '../feeds/feeds.ts'
import type { FileWatch } from '../system/watch-files.ts'
import { Times } from '../templates/clocks.ts'
import { createRenderer } from '../templates/render.ts'
import { openerOf, wantedStores } from '../feeds/wanted-stores.ts'
import { Worker, type Retired, type WorkerOptions } from './worker.ts'

export interface Generation {
  readonly settings: Settings
  readonly resources: readonly Resource[]
  readonly feeds: Feeds
  readonly worker: Worker
}

/** What all generations share, and what they are told by. */
export interface GenerationsOptions extends Pick<
  WorkerOptions,
  | 'desk'
  | 'records'
  | 'guards'
  | 'lastGood'
  | 'manifest'
  | 'showPlan'
  | 'wrote'
  | 'trial'
  | 'underway'
> {
  readonly emit: Emit
  readonly once: boolean
  /** No new one is begun after it. */
  readonly stop: AbortSignal
  /** Settings as they would be read now. */
  readonly settingsNow: () => Promise<Result<Settings, readonly Fault[]>>
  /** A bug anywhere below. */
  readonly crashed: (error: unknown) => void
}

export class Generations {
  #current: Generation | undefined
  /** Work of former generations that has not ended yet. */
  readonly #retired = new Set<Promise<void>>()
  #files: FileWatch | undefined
  /** What an edit of conf.d does not concern keeps the time that it was rendered with. */
  readonly #times = new Times()
  /** The last load was refused: whatever is edited next may be what was missing. */
  #refused = false
  #loading: Promise<unknown> = Promise.resolve()

  constructor(private readonly options: GenerationsOptions) {}

  /** The one at work; undefined before the first one is. */
  get current(): Generation | undefined {
    return this.#current
  }

  /** The first one. */
  async begin(settings: Settings): Promise<Result<Generation, readonly Fault[]>> {
    const loading = this.#load(settings)
    this.#loading = loading
    return loading
  }

  /** Begins a new one, after those that are on their way. */
  renew(reason: string): void {
    const { emit, stop, settingsNow, underway, crashed } = this.options
    const load = async (): Promise<Result<Generation, readonly Fault[]>> => {
      const settings = await settingsNow()
      return settings.ok ? this.#load(settings.value) : settings
    }
    this.#loading = this.#loading
      .then(async () => {
        if (stop.aborted) return
        emit({ kind: 'generation-loading', reason })
        const next = await underway.during(
          { what: 'the reading of the configuration', resources: [], allowed: 0 },
          load(),
        )
        this.#refused = !next.ok
        if (!next.ok) return emit({ kind: 'generation-kept', reason, faults: next.error })
        const resources = next.value.resources.length
        emit({ kind: 'generation-loaded', reason, resources, uses: usesOf(next.value) })
      })
      .catch(crashed)
  }

  /** An edited conf.d begins a new one; an edited template is rendered again. */
  async watchFiles(confdir: string): Promise<void> {
    const { watchFiles } = await import('../system/watch-files.ts')
    const folders = [`${confdir}/conf.d`, `${confdir}/templates`]
    this.#files = await watchFiles(folders, (paths) => {
      // Kubernetes swaps the link `..data` to change all files of a ConfigMap at once.
      const needsLoad = (path: string): boolean =>
        path.startsWith(`${confdir}/conf.d`) || folders.includes(path) || path.includes('/..')
      if (this.#refused || [...paths].some(needsLoad)) this.renew('the configuration has changed')
      this.#current?.worker.filesChanged(paths)
    })
  }

  /** Resolves when none is on its way. */
  async settled(): Promise<void> {
    await this.#loading
  }

  /** Takes nothing new; resolves when what is in work has ended. */
  async stop(): Promise<void> {
    await this.#files?.close()
    await Promise.all(this.#retired)
    await this.#current?.worker.stop()
  }

  async close(): Promise<void> {
    await this.#current?.feeds.close()
  }

  /** Reads one and sets it to work. What the former one has open is kept if it serves. */
  async #load(settings: Settings): Promise<Result<Generation, readonly Fault[]>> {
    const { desk, emit, once, crashed } = this.options
    const loaded = await loadResources(settings)
    if (!loaded.ok) return loaded
    for (const fault of loaded.value.notices) {
      emit({ kind: 'notice', level: 'warn', message: briefly(fault) })
    }
    const resources = loaded.value.resources.map((resource) =>
      settings.syncOnly
        ? withoutCommands(resource)
        : settings.noReload
          ? withoutReload(resource)
          : resource,
    )
    const former = this.#current
    const wanted = await wantedStores(settings, loaded.value.stores, resources)
    const opened = await Feeds.open(wanted, former?.feeds, { open: openerOf(wanted), emit, once })
    if (!opened.ok) return opened
    const feeds = opened.value
    // The former one takes nothing new; what it has in work ends before the new one takes up the same.
    const retired = former?.worker.retire()
    for (const job of retired?.jobs.values() ?? []) this.#retire(job)
    const worker = this.#workerOf(settings, resources, feeds, retired)
    await former?.feeds.close(feeds)
    const generation = { settings, resources, feeds, worker }
    this.#current = generation
    desk.retain(new Set(resources.map(({ name }) => name)))
    feeds.listener = {
      changed: (store, changes, first, before) =>
        first ? worker.all() : worker.keysChanged(store, changes, before),
      crashed,
    }
    if (former === undefined && !settings.noop) await this.#tidy(resources)
    feeds.start()
    worker.all()
    return ok(generation)
  }

  #workerOf(
    settings: Settings,
    resources: readonly Resource[],
    feeds: Feeds,
    former: Retired | undefined,
  ): Worker {
    const { once, trial } = this.options
    return new Worker({
      ...this.options,
      former,
      resources,
      feeds,
      pace: { quiet: settings.quiet, max: settings.quietMax },
      retry: !once,
      renderer: createRenderer(`${settings.confdir}/templates`, {
        notice: (message) => this.options.emit({ kind: 'notice', level: 'info', message }),
        times: this.#times,
      }),
      noop: settings.noop,
      trial: trial ?? (settings.diff ? 'changes' : undefined),
      keepStageFile: settings.keepStageFile,
      dependsOn: (files) => this.#files?.add(files),
    })
  }

  #retire(job: Promise<void>): void {
    this.#retired.add(job)
    void job.finally(() => this.#retired.delete(job))
  }

  /** Removes what a crashed run has left staged. */
  async #tidy(resources: readonly Resource[]): Promise<void> {
    const dests = resources.flatMap(({ templates }) => templates.map(({ dest }) => dest))
    for (const path of await sweepStaged(dests)) {
      const message = `removed ${path}, left by a crashed run`
      this.options.emit({ kind: 'notice', level: 'info', message })
    }
  }
}

/** The stores that each resource reads. */
export function usesOf({ resources, feeds }: Generation): Uses {
  return new Map(
    resources.map((resource) => {
      const stores = keysOf([resource]).map((key) => feeds.nameOf(key))
      return [resource.name, [...new Set(stores)]]
    }),
  )
}
