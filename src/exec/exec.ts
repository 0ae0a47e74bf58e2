// Exec mode: starts the program when its files are in place, and reloads the program when they change. When the program
// exits, either restarts it or stops reconfd, as configured. Each start and each reload is a reload run of EXEC
// (core/exec.ts), so the reload protocol decides when the run begins and which debts it settles.
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffDelay } from '../core/backoff.ts'
import { STARTING, type ExecSettings, type SignalName } from '../core/exec.ts'
import { warnIfFailed, type Emit, type Event } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Resource } from '../core/resource.ts'
import { err, type Result } from '../core/result.ts'
import { commandEnvironment } from '../system/command-environment.ts'
import type { ProcessId } from '../system/process.ts'
import { endOrphan, exitCodeOf, startChild, type ChildProcess, type Exit } from './child.ts'
import { environmentOf } from './environment.ts'
import { died, inBackground, stopping, tooLate } from './faults.ts'
import { forkedFrom } from './forked.ts'
import type { NotStarted } from './program.ts'
import { isHandled, reloadBySignal } from './signals.ts'
import { StartCondition } from './start.ts'

/** Milliseconds between restarts of a program that exits by itself. */
const RESTART = { first: 1000, most: 60_000 }
/** Milliseconds that the program must run before the restart counter is reset. */
const STABLE = 60_000
/** A program that exits successfully within this time, in milliseconds, may have daemonized itself. */
const EARLY = 10_000
const UNREACHABLE = 69

/** The services of the engine that exec mode uses. */
export interface ExecParts {
  readonly emit: Emit
  /** The reload runs of EXEC (core/reload-protocol.ts). */
  readonly runs: { suspend(): void; demand(): void }
  /** Persists the identity of the running program. */
  readonly file: {
    read(): Promise<ProcessId | undefined>
    prepare(): void
    write(id: ProcessId): Result<void, Fault>
    clear(): Promise<void>
  }
  /**
   * Returns the reason why the program must not start with the existing files of a resource; undefined if an earlier
   * run of reconfd proved these files.
   */
  readonly doubtOf: (resource: string) => Promise<string | undefined>
}

/** The exit code and the faults with which exec mode stops reconfd. */
export interface ExecEnd {
  /** Undefined if reconfd was stopped before the program started. */
  readonly code?: number
  readonly faults: readonly Fault[]
}

export class Exec {
  readonly ended: Promise<ExecEnd>
  #finish!: (end: ExecEnd) => void
  readonly #condition = new StartCondition()
  #hasBegun = false
  #isEnding = false
  #starting: Promise<unknown> | undefined
  /** Resolves when the exit of the newest child has been handled. */
  #gone: Promise<void> | undefined
  #child: ChildProcess | undefined
  /** Start time of the newest child, in milliseconds of `performance.now()`. */
  #since = 0
  #starts = 0
  /** Consecutive restarts since the program last ran for STABLE milliseconds. */
  #failures = 0
  /** Whether the newest child was started by a reload that has not succeeded yet. */
  #isReplacing = false
  #restartTimer: NodeJS.Timeout | undefined
  #startTimer: NodeJS.Timeout | undefined
  /** The logged reasons why the program must not start, by resource. */
  readonly #doubts = new Map<string, string>()

  constructor(
    private settings: ExecSettings,
    private readonly parts: ExecParts,
  ) {
    this.ended = new Promise((resolve) => (this.#finish = resolve))
    parts.runs.suspend()
  }

  /** Name of the program in messages. A running program keeps it when the configuration changes. */
  get program(): string {
    const [configured = ''] = this.settings.argv ?? []
    return basename(this.#child?.program ?? configured)
  }

  /** Whether the program has been started, or is about to be. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  get isUp(): boolean {
    return this.#child?.isAlive === true
  }

  get current(): ExecSettings {
    return this.settings
  }

  /**
   * Applies a new configuration. A running program keeps its command until its next start.
   * @param refused names of resources with invalid definitions
   */
  configure(
    settings: ExecSettings,
    resources: readonly Resource[],
    refused: readonly string[],
  ): void {
    this.settings = settings
    this.#condition.configure(resources, refused)
  }

  note(event: Event): void {
    this.#condition.note(event)
    if (event.kind === 'started') this.#await()
    if (!this.#hasBegun) return this.#consider()
    // The new files may fix the cause of the crash, so the program is restarted without backoff.
    if (event.kind === 'written' && this.#restartTimer !== undefined) {
      this.#failures = 0
      this.#startNow()
    }
  }

  /** Makes the program read its files: signals, restarts or starts it. Returns the child that reads them. */
  async reload(): Promise<Result<ChildProcess, Fault>> {
    const child = this.#child
    if (this.#isEnding) return err(stopping(this.program))
    if (child === undefined) return this.#start()
    if (!this.settings.restartOnChange)
      return reloadBySignal(this.program, child, this.settings.reloadSignal, this.#deadline)
    this.#isReplacing = true
    await child.end(this.#killSignal)
    await this.#gone
    return this.#isEnding ? err(stopping(this.program)) : this.#start()
  }

  /**
   * Checks that the program is still running `after` milliseconds after a start or reload. Returns a fault if it does
   * not.
   */
  async check(child: ChildProcess, after: number): Promise<Fault | undefined> {
    const settled = new AbortController()
    await Promise.race([child.exited, sleep(after, undefined, { signal: settled.signal })])
    settled.abort()
    if (child.isAlive && !child.isStopped) {
      this.#isReplacing = false
      return undefined
    }
    return this.#isEnding ? stopping(this.program) : died(this.program, child.exit)
  }

  /** Whether this signal to reconfd is forwarded to the program. */
  forwards(signal: SignalName): boolean {
    return this.settings.forwardSignals.includes(signal)
  }

  /**
   * Forwards a signal. While the program is starting, first waits until it handles the signal, at most until #deadline.
   */
  async forward(signal: SignalName): Promise<void> {
    const child = this.#child
    if (child !== undefined) await isHandled(child, signal, this.#deadline)
    if (child?.signal(signal as NodeJS.Signals) === true) return
    const message = `${signal} is not forwarded: ${this.program} is not running`
    this.parts.emit({ kind: 'notice', level: 'warn', message })
  }

  /** Stops the program and its group, and prevents further starts. @param signal default: kill_signal */
  async end(signal?: NodeJS.Signals): Promise<ExecEnd> {
    this.#stop()
    await this.#starting
    const child = this.#child
    if (child === undefined) this.#finish({ faults: [] })
    else {
      const exit = await child.end(signal ?? this.#killSignal)
      await this.#gone
      this.#finish({ code: exitCodeOf(exit), faults: [] })
    }
    return this.ended
  }

  /** Kills the program and its group immediately. */
  kill(): void {
    this.#child?.kill()
  }

  /** Time by which a starting program must handle signals, in milliseconds of `performance.now()`. */
  get #deadline(): number {
    return this.#since + STARTING
  }

  get #killSignal(): NodeJS.Signals {
    return this.settings.killSignal as NodeJS.Signals
  }

  /**
   * Starts the program if its files are in place. With `start = "last-good"`, an unreachable store may permit a start
   * with the existing files.
   */
  #consider(): void {
    if (this.#isEnding) return
    const { missing, isStoreAway } = this.#condition
    if (missing?.length === 0) this.#begin()
    else if (isStoreAway && this.settings.start === 'last-good') void this.#considerLastGood()
  }

  async #considerLastGood(): Promise<void> {
    const missing = this.#condition.missing ?? []
    const doubts = await Promise.all(
      missing.map(async (name) => [name, await this.parts.doubtOf(name)] as const),
    )
    if (this.#hasBegun || this.#isEnding || !this.#condition.isStoreAway) return
    const { emit } = this.parts
    for (const [name, doubt] of doubts) {
      if (doubt === undefined || this.#doubts.get(name) === doubt) continue
      this.#doubts.set(name, doubt)
      const message = `${this.program} does not start with the last good files: ${name}: ${doubt}`
      emit({ kind: 'notice', level: 'warn', message })
    }
    if (doubts.some(([, doubt]) => doubt !== undefined)) return
    const message = `${this.program} starts with the last good files of ${missing.join(', ')}, because the store is unreachable`
    emit({ kind: 'notice', level: 'warn', message })
    this.#begin()
  }

  #begin(): void {
    clearTimeout(this.#startTimer)
    this.#hasBegun = true
    this.#startNow()
  }

  #startNow(): void {
    clearTimeout(this.#restartTimer)
    this.#restartTimer = undefined
    // Deferred, because an event may still be on its way to other listeners.
    queueMicrotask(() => {
      if (!this.#isEnding) this.parts.runs.demand()
    })
  }

  /** Reports the resources that the program waits for and starts the timer of start_timeout. */
  #await(): void {
    const { startTimeout } = this.settings
    const resources = this.#condition.missing ?? []
    if (resources.length === 0) return
    this.parts.emit({ kind: 'child-awaits', program: this.program, resources })
    if (startTimeout > 0) this.#startTimer = setTimeout(() => this.#giveUp(), startTimeout)
  }

  /** Ends exec mode because start_timeout has passed. */
  #giveUp(): void {
    const { missing = [], isStoreAway } = this.#condition
    const fault = tooLate(this.program, missing, isStoreAway)
    this.#stop()
    this.#finish({ code: isStoreAway ? UNREACHABLE : 1, faults: [fault] })
  }

  /** Prevents further starts and reloads. */
  #stop(): void {
    this.#isEnding = true
    clearTimeout(this.#startTimer)
    clearTimeout(this.#restartTimer)
    this.parts.runs.suspend()
  }

  #start(): Promise<Result<ChildProcess, Fault>> {
    const starting = this.#startChild()
    this.#starting = starting
    return starting
  }

  async #startChild(): Promise<Result<ChildProcess, Fault>> {
    const { file, emit } = this.parts
    const { argv, env, user, group, killTimeout } = this.settings
    if (argv === undefined) return err(stopping(this.program))
    const killSignal = this.#killSignal
    if (this.#starts === 0) await this.#endOrphan()
    file.prepare()
    if (this.#isEnding) return err(stopping(this.program))
    const started = await startChild({
      argv,
      env: (login) => environmentOf(env, commandEnvironment(), login),
      user,
      group,
      killSignal,
      killTimeout,
    })
    if (!started.ok) return err(this.#refused(started.error))
    const child = (this.#child = started.value)
    warnIfFailed(emit, file.write(child.id))
    this.#since = performance.now()
    const restarts = this.#starts++
    emit({ kind: 'child-started', program: this.program, pid: child.id.pid, restarts })
    this.#gone = child.exited.then((exit) => this.#exited(child, exit))
    return started
  }

  /** Stops the program that a killed reconfd process has left running. */
  async #endOrphan(): Promise<void> {
    const id = await this.parts.file.read()
    const how = { killSignal: this.#killSignal, killTimeout: this.settings.killTimeout }
    if (id === undefined || !(await endOrphan(id, how))) return
    const message = `stopped the program (pid ${id.pid}) that a killed reconfd had left running`
    this.parts.emit({ kind: 'notice', level: 'warn', message })
  }

  #refused({ fault, exit }: NotStarted): Fault {
    // If the first start fails, the configuration is wrong. If a later start fails, the next one may succeed.
    const retryIn = this.#starts === 0 ? 'end' : this.#next()
    if (retryIn === 'end') this.#end({ code: exit, faults: [fault] })
    else this.parts.emit({ kind: 'child-refused', program: this.program, fault, retryIn })
    return fault
  }

  async #exited(child: ChildProcess, { code, signal }: Exit): Promise<void> {
    const { emit, file } = this.parts
    const duration = Math.round(performance.now() - this.#since)
    const expected = this.#isEnding || child.isEnding
    const isEarly = !expected && code === 0 && duration < EARLY
    const { program } = this
    const forked = isEarly ? forkedFrom(child.id, child.program) : undefined
    if (forked === undefined) await child.end(this.#killSignal)
    await file.clear()
    this.#child = undefined
    if (duration >= STABLE) this.#failures = 0
    const exit = { program, pid: child.id.pid, exitCode: code, signal, duration, expected }
    if (expected) return emit({ kind: 'child-exited', ...exit, retryIn: null })
    const next = forked === undefined ? this.#next() : 'end'
    emit({ kind: 'child-exited', ...exit, retryIn: next === 'end' ? null : next })
    if (isEarly) emit({ kind: 'notice', ...inBackground(program, forked) })
    if (next === 'end') this.#end({ code: exitCodeOf({ code, signal }), faults: [] })
  }

  /**
   * Decides how to continue after the program has ended or could not be started. Schedules a restart if it is
   * configured and the limit is not exceeded.
   * @returns milliseconds until the restart; null if the pending reload restarts the program; `end` if reconfd must
   *   exit too
   */
  #next(): number | null | 'end' {
    const { restartOnExit, restartLimit, restartOnChange } = this.settings
    if (!restartOnExit) return restartOnChange && this.#isReplacing ? null : 'end'
    this.#failures++
    if (restartLimit > 0 && this.#failures > restartLimit) return 'end'
    const delay = backoffDelay(this.#failures, RESTART)
    this.parts.runs.suspend()
    this.#restartTimer = setTimeout(() => this.#startNow(), delay)
    return delay
  }

  #end(end: ExecEnd): void {
    this.#stop()
    this.#finish(end)
  }
}
