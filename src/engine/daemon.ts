// The lifetime of one run. With `-onetime`, reconfd reads the first snapshot, runs one cycle of every unit, and
// exits. A daemon begins in the same way but keeps running.
import { keepSpawner } from '../apply/spawner.ts'
import type { Control } from '../control/start.ts'
import { Claims } from '../core/claims.ts'
import type { DaemonControls } from '../core/control.ts'
import type { Ended } from '../core/ended.ts'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Resource } from '../core/resource.ts'
import type { Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import type { PlannedFile, WrittenFile } from '../core/written.ts'
import type { Runtime } from '../haproxy/runtime.ts'
import type { StatusBoard } from '../observe/status.ts'
import { systemClock } from '../system/clock.ts'
import { thisProcess } from '../system/process.ts'
import type { ExecEnd } from '../exec/exec.ts'
import { controlsOf } from './controls.ts'
import { Desk } from './desk.ts'
import { Generations, type Generation } from './generations.ts'
import { KeptKeys } from './kept-keys.ts'
import { realMachine } from './machine.ts'
import type { Parts } from './parts.ts'
import { Program, type ProgramHandle } from './program.ts'
import type { RunState } from './run-state.ts'
import { startUp } from './startup.ts'
import type { Underway } from './underway.ts'
import { Worker } from './worker.ts'

export interface DaemonOptions {
  readonly emit: Emit
  /** Stops the run; running work finishes first. Its `reason` may be the signal that requested the stop. */
  readonly stop: AbortSignal
  /** Registers a callback for requests to load a new generation (SIGHUP). */
  readonly onReload: (callback: () => void) => void
  /** Reads the current settings, for a new generation. */
  readonly settingsNow: () => Promise<Result<Settings, readonly Fault[]>>
  readonly showPlan: (file: PlannedFile) => void
  /** Receives the program of exec mode, to which signals are forwarded. */
  readonly onProgram?: (program: ProgramHandle) => void
  /** With noop: checks all files, without comparing them with their destinations. */
  readonly trial?: 'all'
}

export class Daemon {
  readonly #onetime: boolean
  readonly #parts: Parts
  readonly #worker: Worker
  readonly #generations: Generations
  readonly #controls: DaemonControls
  readonly #program: Program
  readonly #emit: Emit
  /** Rejects when a bug is found; never resolves. */
  readonly #bug: Promise<never>
  #resync: NodeJS.Timeout | undefined
  #dropSpawner: (() => void) | undefined
  #control: Promise<Control> | undefined
  #closing: Promise<void> | undefined
  #programEnd: ExecEnd | undefined
  #runtime: Promise<Runtime> | undefined

  constructor(
    private readonly settings: Settings,
    private readonly state: RunState,
    private readonly board: StatusBoard,
    private readonly underway: Underway,
    private readonly options: DaemonOptions,
    showWritten: (files: readonly WrittenFile[]) => void,
  ) {
    const { settingsNow, showPlan, trial } = options
    const emit: Emit = (this.#emit = (event) => {
      options.emit(event)
      this.#program.note(event)
    })
    const { noop, diff, keepStageFile } = settings
    this.#onetime = settings.mode === 'onetime'
    this.#program = new Program(emit, this.#onetime)
    this.#parts = {
      machine: this.#program.machine(realMachine),
      clock: systemClock,
      desk: new Desk(state.journal, systemClock, emit, !this.#onetime),
      memory: state.records,
      manifest: state.manifest,
      accepted: state.accepted,
      kept: new KeptKeys(state.heldKeys, systemClock, emit),
      state: state.folder,
      claims: new Claims(),
      emit,
      self: thisProcess(),
      mode: { noop, trial: trial ?? (diff ? 'changes' : undefined), keepStageFile },
      showPlan,
      showWritten,
      runtime: () => (this.#runtime ??= this.#openRuntime()),
    }
    let crashed!: (error: unknown) => void
    this.#bug = new Promise((_, reject) => (crashed = reject))
    // Prevents an unhandled rejection if a bug is found before run() awaits this promise.
    this.#bug.catch(() => undefined)
    this.#worker = new Worker(this.#parts, underway, !this.#onetime, crashed)
    this.#generations = new Generations(
      this.#worker,
      underway,
      emit,
      this.#onetime,
      settingsNow,
      crashed,
      this.#program,
    )
    this.#controls = controlsOf(
      board,
      state.journal,
      this.#worker,
      () => this.#generations.current?.feeds,
      options.stop,
    )
  }

  async run(): Promise<Ended> {
    const generations = this.#generations
    const { onReload, stop } = this.options
    await this.#prepareProgram()
    // The watch begins before any file is read, so that no edit is missed.
    if (!this.#onetime) await generations.watchFiles(this.settings.confdir)
    const loading = generations.begin(this.settings, (resources) => this.#startUp(resources))
    if (!this.#onetime) onReload(() => generations.renew('SIGHUP'))
    const first = await loading
    if (!first.ok) return { kind: 'configuration', faults: first.error }
    if (!this.#onetime && !this.settings.noop) this.#control = this.#openControl()
    const stopped = new Promise<void>((resolve) => {
      if (stop.aborted) resolve()
      else stop.addEventListener('abort', () => resolve(), { once: true })
    })
    const finished = this.#onetime ? this.#once(first.value, stopped) : this.#untilStopped(stopped)
    return Promise.race([finished, this.#bug])
  }

  /**
   * Describes work that has made no progress for longer than its timeouts and `patience` allow. Returns undefined if
   * there is no such work.
   */
  stuck(patience: number): string | undefined {
    return this.underway.stuck(patience) ?? this.#worker.stuck(patience)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#resync)
    this.#dropSpawner?.()
    // Stop the program first, because this also ends a running reload of the program.
    const ended = this.#program.end(signalOf(this.options.stop))
    await this.#generations.stop()
    await this.#worker.stop()
    await (await this.#runtime)?.close()
    await this.#generations.close()
    this.#programEnd = await ended
    await this.state.folder.ensure()
    warnIfFailed(this.#emit, await this.state.journal.verify())
    await this.state.journal.close()
    await this.state.records.close()
    this.state.folder.close()
    await (await this.#control)?.close()
  }

  /** Finishes the interrupted work of an earlier run. Call before the first cycle. */
  async #startUp(resources: readonly Resource[]): Promise<void> {
    if (this.settings.noop) return
    await startUp(resources, this.settings, this.state, this.#parts)
    this.#worker.acceptBeforehand(await this.state.accepted.all())
  }

  /** Runs one cycle of every unit on the first snapshot, and the reloads that follow. */
  async #once({ feeds }: Generation, stopped: Promise<void>): Promise<Ended> {
    const worker = this.#worker
    const { stop } = this.options
    const begin = performance.now()
    let faults: readonly Fault[] = []
    // Keys read from an on-demand store can lead to further look-ups, hence the loop.
    do {
      faults = await feeds.firstReads(this.settings.timeout, stopped, begin)
      if (stop.aborted && !feeds.areRead) return { kind: 'stopped' }
      if (faults.length > 0) worker.waitForNothing()
      await Promise.race([worker.idle(), stopped])
    } while (worker.isWaiting && faults.length === 0 && !stop.aborted)
    // If the run was stopped, close immediately, so that unfinished cycles do not start the program of exec mode.
    if (this.#program.hasBegun || (stop.aborted && this.#program.isWanted))
      return this.#untilProgramEnds(stopped)
    await worker.stop()
    // A run with -only must not replace the status of all resources.
    if (!this.settings.noop && this.settings.only.length === 0) {
      const { keepStatus } = await import('../control/keep.ts')
      await keepStatus(this.settings, this.#controls, this.#emit)
    }
    if (stop.aborted && worker.isWaiting) return { kind: 'stopped' }
    // Everything that could be read is applied. Unreachable stores are reported last.
    return faults.length > 0 ? { kind: 'unreachable', faults, ...this.#work } : this.#done
  }

  async #untilStopped(stopped: Promise<void>): Promise<Ended> {
    if (this.settings.interval > 0) {
      this.#resync = setInterval(() => {
        this.#generations.current?.feeds.resync()
        this.#worker.all()
      }, this.settings.interval)
    }
    if (!this.settings.noop && !this.settings.syncOnly) this.#dropSpawner = await keepSpawner()
    return this.#untilProgramEnds(stopped)
  }

  /**
   * Waits until the run is stopped, or until the program of exec mode has exited and will not be restarted. Then
   * closes the daemon.
   */
  async #untilProgramEnds(stopped: Promise<void>): Promise<Ended> {
    if (!this.options.stop.aborted) {
      if (this.#onetime && !this.settings.noop) this.#control = this.#openControl()
      const end = await Promise.race([stopped, this.#program.ended])
      if (end !== undefined) this.#emit({ kind: 'stopping', reason: 'the program has exited' })
    }
    await this.close()
    const { code, faults = [] } = this.#programEnd ?? {}
    if (code !== undefined) return { kind: 'exited', code, faults }
    // A onetime run is not done before its program has exited.
    return this.#onetime ? { kind: 'stopped' } : this.#done
  }

  async #prepareProgram(): Promise<void> {
    const handle = await this.#program.prepare(this.settings, this.state, this.#worker)
    if (handle !== undefined) this.options.onProgram?.(handle)
  }

  get #done(): Ended {
    return { kind: 'done', ...this.#work }
  }

  /** Returns the resources that have failed, and those that have changed. */
  get #work(): { readonly failed: readonly string[]; readonly changed: readonly string[] } {
    const refused = this.#generations.current?.refused.map(({ name }) => name) ?? []
    const failed = new Set([...refused, ...this.#worker.failed, ...this.#parts.desk.failed])
    return { failed: [...failed], changed: [...this.#worker.changed] }
  }

  async #openRuntime(): Promise<Runtime> {
    const haproxy = await import('../haproxy/runtime.ts')
    const stuck = (dest: string): void => {
      const owner = this.#generations.current?.resources.find(({ templates }) =>
        templates.some((spec) => spec.dest === dest),
      )
      if (owner !== undefined) void this.#worker.reload(owner.name)
    }
    const { loaded: keeper } = this.state
    return new haproxy.Runtime({ keeper, emit: this.options.emit, stuck, isOnetime: this.#onetime })
  }

  /** Opens the control socket, through which the daemon answers commands. */
  async #openControl(): Promise<Control> {
    const { startControl } = await import('../control/start.ts')
    const control = await startControl(this.settings, this.#controls, this.#emit, this.state.folder)
    this.board.changed = () => control.changed()
    return control
  }
}

/**
 * Returns the signal to stop the program with; undefined means kill_signal. SIGINT and SIGQUIT from a terminal reach
 * only reconfd, so they are passed on.
 */
function signalOf(stop: AbortSignal): NodeJS.Signals | undefined {
  const reason: unknown = stop.reason
  return reason === 'SIGINT' || reason === 'SIGQUIT' ? reason : undefined
}
