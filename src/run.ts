// One run, from settings to the end: load, follow, work, and for a daemon new generations of conf.d.
// `-onetime` is the first snapshot, one cycle of everything, and out; a daemon is the same, not left.
import type { Controls } from './core/control.ts'
import type { Emit, Uses } from './core/event.ts'
import type { Fault } from './core/fault.ts'
import type { Write } from './core/plan.ts'
import { keysOf, plainReload, type Resource } from './core/resource.ts'
import { ok, type Result } from './core/result.ts'
import type { Settings } from './core/settings.ts'
import type { WrittenFile } from './core/written.ts'
import { runReload } from './apply/reload.ts'
import { sweepStaged } from './apply/stage.ts'
import { dropShell, keepShellWarm } from './apply/warm-shell.ts'
import { loadResources } from './config/resources.ts'
import type { Control } from './control/start.ts'
import { controlsOf } from './controls.ts'
import { Accepted } from './flow/accepted.ts'
import { Feeds } from './flow/feeds.ts'
import type { FileWatch } from './flow/files.ts'
import { openOwed, type OwedJournal } from './flow/owed.ts'
import { LastGood } from './flow/last-good.ts'
import { openManifest, type Manifest } from './flow/manifest.ts'
import { Records } from './flow/records.ts'
import { ReloadDesk } from './flow/reloads.ts'
import { Guards } from './guards.ts'
import type { Watching } from './http/start.ts'
import { StatusBoard } from './observe/status.ts'
import { openStore } from './stores/registry.ts'
import { createRenderer } from './templates/render.ts'
import { VERSION } from './version.ts'
import { wantedStores } from './wanted-stores.ts'
import { Worker } from './worker.ts'

export interface RunOptions {
  readonly emit: Emit
  /** Ends the run: what is in work is finished first. */
  readonly stop: AbortSignal
  /** Calls back when a new generation is asked for (SIGHUP). */
  readonly onReload: (callback: () => void) => void
  /** Settings as they would be read now; for a new generation. */
  readonly settingsNow: () => Promise<Result<Settings, readonly Fault[]>>
  readonly showPlan: (dest: string, plan: Write) => void
  /** With noop: all files are tried, and none is compared with what is in place. */
  readonly trial?: 'all'
}

interface DaemonOptions extends RunOptions {
  readonly wrote: (files: readonly WrittenFile[]) => void
}

/** How a run ended. Only a onetime run or a start that failed ends by itself. */
export type Ended =
  | { readonly kind: 'done'; readonly failed: number; readonly changed: number }
  | { readonly kind: 'configuration'; readonly faults: readonly Fault[] }
  | { readonly kind: 'unreachable'; readonly faults: readonly Fault[] }
  /** A onetime run was told to stop before it had seen any keys; nothing was touched. */
  | { readonly kind: 'stopped' }

/** A generation: what was read from conf.d at one time, and what works on it. */
interface Generation {
  readonly settings: Settings
  readonly resources: readonly Resource[]
  readonly feeds: Feeds
  readonly worker: Worker
}

export async function run(settings: Settings, options: RunOptions): Promise<Ended> {
  // A run without reloads neither owes any nor strikes out what another run owes.
  const journal =
    settings.noop || settings.syncOnly || settings.noReload
      ? ok(nothingOwed)
      : await openOwed(settings.stateDir, settings.confdir)
  if (!journal.ok) return { kind: 'configuration', faults: [journal.error] }
  const { notice } = journal.value
  if (notice !== undefined) options.emit({ kind: 'notice', level: 'warn', message: notice })
  const accepted = new Accepted(settings.stateDir, settings.confdir)
  const board = new StatusBoard(process.pid, Date.now())
  let watching: Watching | undefined
  const emit: Emit = (event) => {
    const now = Date.now()
    options.emit(event)
    board.note(event, now)
    watching?.note(event, now)
  }
  if (settings.http !== undefined) {
    const { watch } = await import('./http/start.ts')
    watching = await watch(settings.http, () => board.status(journal.value.all(), Date.now()), emit)
  }
  const daemon = new Daemon(
    settings,
    journal.value,
    board,
    { ...options, emit, wrote: (files) => watching?.wrote(files, Date.now()) },
    accepted,
    await accepted.all(),
  )
  try {
    return await daemon.run()
  } finally {
    await daemon.close()
    await watching?.close()
  }
}

class Daemon {
  readonly #desk: ReloadDesk
  readonly #records: Records
  readonly #lastGood: LastGood
  readonly #manifest: Manifest
  readonly #guards: Guards
  /** Rejected by a bug anywhere below; never resolved. */
  readonly #bug = deferred<never>()
  readonly #onetime: boolean
  #generation: Generation | undefined
  readonly #retired = new Set<Promise<void>>()
  #files: FileWatch | undefined
  #resync: NodeJS.Timeout | undefined
  /** The last load was refused: whatever is edited next may be what was missing. */
  #refused = false
  #loading: Promise<void> = Promise.resolve()
  #control: Promise<Control> | undefined

  constructor(
    private readonly settings: Settings,
    private readonly journal: OwedJournal,
    private readonly board: StatusBoard,
    private readonly options: DaemonOptions,
    accepted: Accepted,
    acceptedNames: ReadonlySet<string>,
  ) {
    this.#onetime = settings.mode === 'onetime'
    this.#desk = new ReloadDesk({
      journal,
      emit: options.emit,
      run: runReload,
      giveUp: async (names) => (await this.#generation?.worker.rollBack(names)) ?? false,
      began: (names) => names.forEach((name) => this.#lastGood.reloading(name)),
      proved: (names) => this.#proved(names),
      retry: !this.#onetime,
    })
    const { stateDir, confdir, noop } = settings
    this.#records = new Records(stateDir, confdir, !noop)
    this.#manifest = openManifest(stateDir, confdir)
    this.#lastGood = new LastGood(this.#records)
    this.#guards = new Guards(this.#records, options.emit, acceptedNames, async (name) => {
      const written = await accepted.forget(name)
      if (!written.ok)
        options.emit({ kind: 'notice', level: 'warn', message: written.error.message })
    })
  }

  async run(): Promise<Ended> {
    // Armed before anything is read: an edit made meanwhile is not missed.
    if (!this.#onetime) await this.#watchFiles()
    const loading = this.#load(this.settings, undefined)
    this.#loading = loading.then(() => undefined)
    if (!this.#onetime) this.options.onReload(() => this.#reload('SIGHUP'))
    const first = await loading
    if (!first.ok) return { kind: 'configuration', faults: first.error }
    const { emit, stop } = this.options
    const generation = first.value
    emit({
      kind: 'started',
      version: VERSION,
      backend: this.settings.backend,
      nodes: this.settings.connection.nodes,
      resources: generation.resources.length,
      uses: usesOf(generation),
    })
    if (!this.#onetime && !this.settings.noop) this.#control = this.#openControl()
    const stopped = new Promise<void>((resolve) => {
      if (stop.aborted) resolve()
      else stop.addEventListener('abort', () => resolve(), { once: true })
    })
    const finished = this.#onetime ? this.#once(generation, stopped) : this.#daemon(stopped)
    return Promise.race([finished, this.#bug.promise])
  }

  async close(): Promise<void> {
    clearInterval(this.#resync)
    dropShell()
    await this.#files?.close()
    await Promise.all(this.#retired)
    await this.#generation?.worker.stop()
    await this.#desk.close()
    await this.#generation?.feeds.close()
    await this.journal.close()
    const control = await this.#control
    this.#control = undefined
    await control?.close()
  }

  get #controls(): Controls {
    const { board, journal, options } = this
    const generation = (): Generation | undefined => this.#generation
    return controlsOf({ board, journal, desk: this.#desk, stop: options.stop, generation })
  }

  /** From here on the daemon can be asked. */
  async #openControl(): Promise<Control> {
    const { startControl } = await import('./control/start.ts')
    const control = await startControl(this.settings, this.#controls, this.options.emit)
    this.board.changed = () => control.changed()
    return control
  }

  /** The first snapshot, one cycle, and what it led to. */
  async #once(generation: Generation, stopped: Promise<void>): Promise<Ended> {
    const { feeds } = generation
    const faults = await feeds.firstReads(this.settings.timeout, stopped)
    if (this.options.stop.aborted && !feeds.areRead) return { kind: 'stopped' }
    await Promise.race([generation.worker.idle(), stopped])
    await generation.worker.stop()
    await this.#desk.idle()
    if (!this.settings.noop) {
      const { keepStatus } = await import('./control/keep.ts')
      await keepStatus(this.settings, this.#controls, this.options.emit)
    }
    // What could be read has been worked off; what could not be is told last.
    return faults.length > 0 ? { kind: 'unreachable', faults } : this.#summary()
  }

  async #daemon(stopped: Promise<void>): Promise<Ended> {
    if (this.settings.interval > 0) {
      this.#resync = setInterval(() => {
        this.#generation?.feeds.resync()
        this.#generation?.worker.all()
      }, this.settings.interval)
    }
    if (!this.settings.noop && !this.settings.syncOnly) keepShellWarm()
    await stopped
    await this.#loading
    await this.close()
    return this.#summary()
  }

  #summary(): Ended {
    const worker = this.#generation?.worker
    const failed = new Set([...(worker?.failed ?? []), ...this.#desk.failed])
    return { kind: 'done', failed: failed.size, changed: worker?.changed.size ?? 0 }
  }

  /** Loads and validates a generation, and sets it to work. The former one's feed is kept if it serves. */
  async #load(
    settings: Settings,
    former: Generation | undefined,
  ): Promise<Result<Generation, readonly Fault[]>> {
    const { emit } = this.options
    const loaded = await loadResources(settings)
    if (!loaded.ok) return loaded
    for (const message of loaded.value.notices) emit({ kind: 'notice', level: 'warn', message })
    const resources = loaded.value.resources.map((resource) =>
      settings.syncOnly
        ? withoutCommands(resource)
        : settings.noReload
          ? withoutReload(resource)
          : resource,
    )
    const opened = await Feeds.open(
      wantedStores(settings, loaded.value.stores, resources),
      former?.feeds,
      {
        open: openStore,
        emit,
        once: this.#onetime,
      },
    )
    if (!opened.ok) return opened
    const feeds = opened.value
    // The former one takes nothing new; what it has in work ends before the new one takes up the same.
    const after = former?.worker.retire() ?? new Map<string, Promise<void>>()
    for (const job of after.values()) this.#retire(job)
    const generation = this.#assemble(settings, resources, feeds, after)
    await former?.feeds.close(feeds)
    this.#generation = generation
    this.#desk.retain(new Set(resources.map(({ name }) => name)))
    feeds.listener = {
      changed: (store, changes, first, before) =>
        first ? generation.worker.all() : generation.worker.keysChanged(store, changes, before),
      crashed: (error) => this.#bug.reject(error),
    }
    if (former === undefined && !settings.noop) await this.#tidy(resources)
    feeds.start()
    generation.worker.all()
    return ok(generation)
  }

  /** The reloads of these have succeeded: what is in place is what a rollback goes back to. */
  async #proved(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const written = await this.#lastGood.proved(name)
      const { emit } = this.options
      if (!written.ok) emit({ kind: 'notice', level: 'warn', message: written.error.message })
    }
  }

  /** Removes what a crashed run has left staged. */
  async #tidy(resources: readonly Resource[]): Promise<void> {
    const left = await sweepStaged(
      resources.flatMap(({ templates }) => templates.map(({ dest }) => dest)),
    )
    for (const path of left) {
      this.options.emit({
        kind: 'notice',
        level: 'info',
        message: `removed ${path}, left by a crashed run`,
      })
    }
  }

  #assemble(
    settings: Settings,
    resources: readonly Resource[],
    feeds: Feeds,
    after: ReadonlyMap<string, Promise<void>>,
  ): Generation {
    const worker = new Worker({
      after,
      resources,
      feeds,
      pace: { quiet: settings.quiet, max: settings.quietMax },
      retry: !this.#onetime,
      renderer: createRenderer(`${settings.confdir}/templates`),
      desk: this.#desk,
      records: this.#records,
      guards: this.#guards,
      lastGood: this.#lastGood,
      manifest: this.#manifest,
      emit: this.options.emit,
      noop: settings.noop,
      trial: this.options.trial ?? (settings.diff ? 'changes' : undefined),
      keepStageFile: settings.keepStageFile,
      showPlan: this.options.showPlan,
      wrote: this.options.wrote,
      dependsOn: (files) => this.#files?.add(files),
      crashed: (error) => this.#bug.reject(error),
    })
    return { settings, resources, feeds, worker }
  }

  async #watchFiles(): Promise<void> {
    const { confdir } = this.settings
    const { watchFiles } = await import('./flow/files.ts')
    this.#files = await watchFiles([`${confdir}/conf.d`, `${confdir}/templates`], (paths) => {
      // Kubernetes swaps the link `..data` to change all files of a ConfigMap at once.
      const needsLoad = (path: string): boolean =>
        path.startsWith(`${confdir}/conf.d`) || path.includes('/..')
      if (this.#refused || [...paths].some(needsLoad)) this.#reload('the configuration has changed')
      this.#generation?.worker.filesChanged(paths)
    })
  }

  #retire(job: Promise<void>): void {
    this.#retired.add(job)
    void job.finally(() => this.#retired.delete(job))
  }

  /** A new generation, one at a time; a bad one leaves the old one at work. */
  #reload(reason: string): void {
    const { emit } = this.options
    this.#loading = this.#loading
      .then(async () => {
        if (this.options.stop.aborted) return
        const settings = await this.options.settingsNow()
        const next = settings.ok ? await this.#load(settings.value, this.#generation) : settings
        this.#refused = !next.ok
        if (!next.ok) return emit({ kind: 'generation-kept', reason, faults: next.error })
        const resources = next.value.resources.length
        emit({ kind: 'generation-loaded', reason, resources, uses: usesOf(next.value) })
      })
      .catch((error: unknown) => this.#bug.reject(error))
  }
}

const nothingOwed: OwedJournal = {
  all: () => new Map(),
  owe: async () => ok(undefined),
  settle: async () => ok(undefined),
  close: async () => undefined,
}

function deferred<T>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
} {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** The stores that each resource reads. */
function usesOf({ resources, feeds }: Generation): Uses {
  return new Map(
    resources.map((resource) => {
      const stores = keysOf([resource]).map((key) => feeds.nameOf(key))
      return [resource.name, [...new Set(stores)]]
    }),
  )
}

/** For `-no-reload`: what is written is checked, and no program is told. */
const withoutReload = (resource: Resource): Resource => ({
  ...resource,
  templates: resource.templates.map(({ reloadCmd: _reload, ...spec }) => spec),
  reload: plainReload,
})

/** For `-sync-only`: files are written, no command runs. */
function withoutCommands({ groupCheck: _groupCheck, ...resource }: Resource): Resource {
  const silent = withoutReload(resource)
  return { ...silent, templates: silent.templates.map(({ checkCmd: _check, ...spec }) => spec) }
}
