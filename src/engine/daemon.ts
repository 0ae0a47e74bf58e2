// A run from its begin to its end, and what outlives its generations. `-onetime` is the first snapshot, one
// cycle of everything, and out; a daemon is the same, not left.
import type { Controls } from '../core/control.ts'
import type { Ended } from '../core/ended.ts'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import type { WrittenFile } from '../core/written.ts'
import { longestReload, runReload } from '../apply/reload.ts'
import { keepShellWarm } from '../apply/warm-shell.ts'
import type { Control } from '../control/start.ts'
import { controlsOf } from './controls.ts'
import type { Accepted } from '../state/accepted.ts'
import { LastGood } from '../state/last-good.ts'
import { openManifest } from '../state/manifest.ts'
import type { OwedJournal } from '../state/journal.ts'
import { Records } from '../state/records.ts'
import { ReloadDesk } from './desk.ts'
import type { Underway } from './underway.ts'
import { Generations, usesOf, type Generation } from './generations.ts'
import { Guards } from './guards.ts'
import type { StatusBoard } from '../observe/status.ts'
import { VERSION } from '../core/version.ts'

export interface DaemonOptions {
  readonly emit: Emit
  /** Ends the run: what is in work is finished first. */
  readonly stop: AbortSignal
  /** Calls back when a new generation is asked for (SIGHUP). */
  readonly onReload: (callback: () => void) => void
  /** Settings as they would be read now; for a new generation. */
  readonly settingsNow: () => Promise<Result<Settings, readonly Fault[]>>
  readonly showPlan: (file: WrittenFile) => void
  /** With noop: all files are tried, and none is compared with what is in place. */
  readonly trial?: 'all'
  /** Told of the files that are in place, with their contents. */
  readonly wrote: (files: readonly WrittenFile[]) => void
  /** Notes the work that may take long. */
  readonly underway: Underway
}

export class Daemon {
  readonly #onetime: boolean
  readonly #desk: ReloadDesk
  readonly #lastGood: LastGood
  readonly #generations: Generations
  readonly #controls: Controls
  /** Rejected by a bug anywhere below; never resolved. */
  readonly #bug: Promise<never>
  #resync: NodeJS.Timeout | undefined
  #dropShell: (() => void) | undefined
  #control: Promise<Control> | undefined

  constructor(
    private readonly settings: Settings,
    private readonly journal: OwedJournal,
    private readonly board: StatusBoard,
    private readonly options: DaemonOptions,
    accepted: Accepted,
    acceptedNames: ReadonlySet<string>,
  ) {
    const { emit, stop } = options
    const { stateDir, confdir, noop } = settings
    this.#onetime = settings.mode === 'onetime'
    const records = new Records(stateDir, confdir, !noop)
    this.#lastGood = new LastGood(records)
    const desk = new ReloadDesk({
      journal,
      emit,
      run: (command, terms) => {
        const work = { what: `the reload ${command}`, resources: [], allowed: longestReload(terms) }
        return options.underway.during(work, runReload(command, terms))
      },
      giveUp: async (names) => (await this.#current?.worker.rollBack(names)) ?? false,
      began: (names) => names.forEach((name) => this.#lastGood.reloading(name)),
      proved: (names) => this.#proved(names),
      retry: !this.#onetime,
    })
    this.#desk = desk
    let crashed!: (error: unknown) => void
    this.#bug = new Promise((_, reject) => (crashed = reject))
    // One that comes before anybody waits for it is told to whoever does then.
    this.#bug.catch(() => undefined)
    this.#generations = new Generations({
      ...options,
      once: this.#onetime,
      desk,
      records,
      guards: new Guards(records, emit, acceptedNames, async (name) =>
        warnIfFailed(emit, await accepted.forget(name)),
      ),
      lastGood: this.#lastGood,
      manifest: openManifest(stateDir, confdir),
      trial: options.trial,
      crashed,
    })
    this.#controls = controlsOf({ board, journal, desk, stop, generation: () => this.#current })
  }

  async run(): Promise<Ended> {
    const generations = this.#generations
    const { emit, onReload, stop } = this.options
    // Armed before anything is read: an edit made meanwhile is not missed.
    if (!this.#onetime) await generations.watchFiles(this.settings.confdir)
    const loading = generations.begin(this.settings)
    if (!this.#onetime) onReload(() => generations.renew('SIGHUP'))
    const first = await loading
    if (!first.ok) return { kind: 'configuration', faults: first.error }
    emit({
      kind: 'started',
      version: VERSION,
      backend: this.settings.backend,
      nodes: this.settings.connection.nodes,
      resources: first.value.resources.length,
      uses: usesOf(first.value),
    })
    if (!this.#onetime && !this.settings.noop) this.#control = this.#openControl()
    const stopped = new Promise<void>((resolve) => {
      if (stop.aborted) resolve()
      else stop.addEventListener('abort', () => resolve(), { once: true })
    })
    const finished = this.#onetime ? this.#once(first.value, stopped) : this.#untilStopped(stopped)
    return Promise.race([finished, this.#bug])
  }

  /** What makes no progress, for longer than it may and that patience; undefined when all does. */
  stuck(patience: number): string | undefined {
    return this.options.underway.stuck(patience) ?? this.#current?.worker.stuck(patience)
  }

  async close(): Promise<void> {
    clearInterval(this.#resync)
    this.#dropShell?.()
    this.#dropShell = undefined
    await this.#generations.stop()
    await this.#desk.close()
    await this.#generations.close()
    await this.journal.close()
    const control = await this.#control
    this.#control = undefined
    await control?.close()
  }

  get #current(): Generation | undefined {
    return this.#generations.current
  }

  /** The first snapshot, one cycle, and what it led to. */
  async #once({ feeds, worker }: Generation, stopped: Promise<void>): Promise<Ended> {
    const begin = performance.now()
    let faults: readonly Fault[] = []
    // What is read on demand may make templates ask for more.
    do {
      faults = await feeds.firstReads(this.settings.timeout, stopped, begin)
      if (this.options.stop.aborted && !feeds.areRead) return { kind: 'stopped' }
      await Promise.race([worker.idle(), stopped])
    } while (worker.isWaiting && faults.length === 0 && !this.options.stop.aborted)
    await worker.stop()
    await this.#desk.idle()
    if (!this.settings.noop) {
      const { keepStatus } = await import('../control/keep.ts')
      await keepStatus(this.settings, this.#controls, this.options.emit)
    }
    if (this.options.stop.aborted && worker.isWaiting) return { kind: 'stopped' }
    // What could be read has been worked off; what could not be is told last.
    return faults.length > 0 ? { kind: 'unreachable', faults, ...this.#work } : this.#done
  }

  async #untilStopped(stopped: Promise<void>): Promise<Ended> {
    if (this.settings.interval > 0) {
      this.#resync = setInterval(() => {
        this.#current?.feeds.resync()
        this.#current?.worker.all()
      }, this.settings.interval)
    }
    if (!this.settings.noop && !this.settings.syncOnly) this.#dropShell = await keepShellWarm()
    await stopped
    await this.#generations.settled()
    await this.close()
    return this.#done
  }

  get #done(): Ended {
    return { kind: 'done', ...this.#work }
  }

  /** What has come of it, by resource. */
  get #work(): { readonly failed: readonly string[]; readonly changed: readonly string[] } {
    const worker = this.#current?.worker
    const failed = new Set([...(worker?.failed ?? []), ...this.#desk.failed])
    return { failed: [...failed], changed: [...(worker?.changed ?? [])] }
  }

  /** From here on the daemon can be asked. */
  async #openControl(): Promise<Control> {
    const { startControl } = await import('../control/start.ts')
    const control = await startControl(this.settings, this.#controls, this.options.emit)
    this.board.changed = () => control.changed()
    return control
  }

  /** The reloads of these have succeeded: what is in place is what a rollback goes back to. */
  async #proved(names: readonly string[]): Promise<void> {
    for (const name of names) warnIfFailed(this.options.emit, await this.#lastGood.proved(name))
  }
}
