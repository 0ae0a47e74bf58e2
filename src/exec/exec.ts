// Exec mode: the program is started when its files are there, reloaded when they change, started again when it
// ends, where that is wanted; and reconfd ends with it. Each start and each reload is a run of the reload EXEC, so the
// reload protocol decides when it begins and which debts it settles. The one place that knows the child.
import { constants } from 'node:os'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { backoffDelay } from '../core/backoff.ts'
import { STARTING, type ExecSettings, type SignalName } from '../core/exec.ts'
import { warnIfFailed, type Emit, type Event } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Resource } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import { commandEnvironment } from '../system/command-environment.ts'
import { handlingOf, type ProcessId } from '../system/process.ts'
import { endOrphan, exitCodeOf, startChild, type Child, type Exit } from './child.ts'
import { environmentOf } from './environment.ts'
import { forkedFrom } from './forked.ts'
import type { NotStarted } from './program.ts'
import { StartCondition } from './start.ts'

/** Between two starts of a program that ends by itself, in milliseconds. */
const RESTART = { first: 1000, most: 60_000 }
/** One that has run for so long begins a new row of restarts. */
const STABLE = 60_000
/** One that ends well within this may have put itself into the background. */
const EARLY = 10_000
/** Between two looks whether the program handles a signal. */
const LOOK = 20
/** Looks in a row. */
const BLOCKED = 10
const UNREACHABLE = 69

/** What the engine does for it. */
export interface ExecParts {
  readonly emit: Emit
  /** Runs of the reload EXEC; see ReloadProtocol. */
  readonly runs: { suspend(): void; demand(): void }
  /** Where it is written down which process it is. */
  readonly file: {
    read(): Promise<ProcessId | undefined>
    prepare(): Promise<void>
    write(id: ProcessId): Result<void, Fault>
    clear(): Promise<void>
  }
  /** Why what is in place of a resource must not be started on; undefined: an earlier run has proved it. */
  readonly doubtOf: (resource: string) => Promise<string | undefined>
}

/** Why reconfd ends. */
export interface ExecEnd {
  /** The exit code; undefined when the program was not started. */
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
  /** The end of the newest child has been seen to. */
  #gone: Promise<void> | undefined
  #child: Child | undefined
  /** When the newest child was started. */
  #since = 0
  #starts = 0
  /** Restarts in a row, since it last ran for a while. */
  #failures = 0
  /** The newest child was started by a reload that has not succeeded yet. */
  #isReplacing = false
  #restartTimer: NodeJS.Timeout | undefined
  #startTimer: NodeJS.Timeout | undefined
  /** By resource, what was told of why it cannot be started on. */
  readonly #doubts = new Map<string, string>()

  constructor(
    private settings: ExecSettings,
    private readonly parts: ExecParts,
  ) {
    this.ended = new Promise((resolve) => (this.#finish = resolve))
    parts.runs.suspend()
  }

  /** What messages call it. */
  get program(): string {
    const [program = ''] = this.settings.argv ?? []
    return basename(program)
  }

  /** It is started, or is about to be. */
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
   * The configuration is now this one. A running program keeps its command until it is started again.
   * @param refused names of resources whose files are not right
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
    // Other files may be what it needs.
    if (event.kind === 'written' && this.#restartTimer !== undefined) {
      this.#failures = 0
      this.#startNow()
    }
  }

  /** Has the program read its files: by a signal, or by starting it. The child that has them. */
  async reload(): Promise<Result<Child, Fault>> {
    const child = this.#child
    if (this.#isEnding) return err(stopping(this.program))
    if (child === undefined) return this.#start()
    if (!this.settings.restartOnChange) return this.#signal(child)
    this.#isReplacing = true
    await child.end(this.#killSignal)
    await this.#gone
    return this.#isEnding ? err(stopping(this.program)) : this.#start()
  }

  /** Whether it is well so long after a reload, in milliseconds; what is wrong, if it is not. */
  async check(child: Child, after: number): Promise<Fault | undefined> {
    const settled = new AbortController()
    await Promise.race([child.exited, sleep(after, undefined, { signal: settled.signal })])
    settled.abort()
    if (child.isAlive && !child.isStopped) {
      this.#isReplacing = false
      return undefined
    }
    return this.#isEnding ? stopping(this.program) : died(this.program, child.exit)
  }

  /** Whether a signal to us is meant for it. */
  forwards(signal: SignalName): boolean {
    return this.settings.forwardSignals.includes(signal)
  }

  /** Passes a signal on. One that comes while the program starts waits until it handles it. */
  async forward(signal: SignalName): Promise<void> {
    const child = this.#child
    if (child !== undefined) await this.#isHandled(child, signal)
    if (child?.signal(signal as NodeJS.Signals) === true) return
    const message = `${signal} is not forwarded: ${this.program} does not run`
    this.parts.emit({ kind: 'notice', level: 'warn', message })
  }

  /** Ends it with its group, and starts it no more. Without a signal by kill_signal. */
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

  /** Ends it with its group at once. */
  kill(): void {
    this.#child?.kill()
  }

  get #killSignal(): NodeJS.Signals {
    return this.settings.killSignal as NodeJS.Signals
  }

  /** Starts the program once its files are there. */
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
      const message = `${this.program} is not started on the last good files: ${name}: ${doubt}`
      emit({ kind: 'notice', level: 'warn', message })
    }
    if (doubts.some(([, doubt]) => doubt !== undefined)) return
    const message = `${this.program} is started on the last good files of ${missing.join(', ')}, since the store is unreachable`
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
    // Whoever tells of the event is in the middle of its work.
    queueMicrotask(() => {
      if (!this.#isEnding) this.parts.runs.demand()
    })
  }

  /** The configuration is known. */
  #await(): void {
    const { startTimeout } = this.settings
    const resources = this.#condition.missing ?? []
    if (resources.length === 0) return
    this.parts.emit({ kind: 'child-awaits', program: this.program, resources })
    if (startTimeout > 0) this.#startTimer = setTimeout(() => this.#giveUp(), startTimeout)
  }

  /** start_timeout is over. */
  #giveUp(): void {
    const { missing = [], isStoreAway } = this.#condition
    const verb = missing.length > 1 ? 'have' : 'has'
    const why = isStoreAway ? 'the store is unreachable' : 'see the log for what is wrong with them'
    const fault: Fault = {
      kind: 'command',
      message: `${this.program} was not started within start_timeout: ${missing.join(', ')} ${verb} not been applied; ${why}`,
      hint: 'Correct what is wrong, raise start_timeout, or set wait_for_start = false where the program can do without.',
    }
    this.#stop()
    this.#finish({ code: isStoreAway ? UNREACHABLE : 1, faults: [fault] })
  }

  /** No further start, no further reload. */
  #stop(): void {
    this.#isEnding = true
    clearTimeout(this.#startTimer)
    clearTimeout(this.#restartTimer)
    this.parts.runs.suspend()
  }

  #start(): Promise<Result<Child, Fault>> {
    const starting = this.#startChild()
    this.#starting = starting
    return starting
  }

  async #startChild(): Promise<Result<Child, Fault>> {
    const { file, emit } = this.parts
    const { argv, env, user, group, killTimeout } = this.settings
    if (argv === undefined) return err(stopping(this.program))
    const killSignal = this.#killSignal
    if (this.#starts === 0) await this.#endOrphan()
    await file.prepare()
    if (this.#isEnding) return err(stopping(this.program))
    const started = await startChild({
      argv,
      env: environmentOf(env, commandEnvironment()),
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

  /** A reconfd that was killed may have left its program behind. */
  async #endOrphan(): Promise<void> {
    const id = await this.parts.file.read()
    const how = { killSignal: this.#killSignal, killTimeout: this.settings.killTimeout }
    if (id === undefined || !(await endOrphan(id, how))) return
    const message = `ended process ${id.pid}, the program of an earlier run that was killed`
    this.parts.emit({ kind: 'notice', level: 'warn', message })
  }

  #refused({ fault, exit }: NotStarted): Fault {
    // What was never there is a mistake; what is gone may come back.
    const retryIn = this.#starts === 0 ? 'end' : this.#next()
    if (retryIn === 'end') this.#end({ code: exit, faults: [fault] })
    else this.parts.emit({ kind: 'child-refused', program: this.program, fault, retryIn })
    return fault
  }

  async #exited(child: Child, { code, signal }: Exit): Promise<void> {
    const { emit, file } = this.parts
    const duration = Math.round(performance.now() - this.#since)
    const expected = this.#isEnding || child.isEnding
    const isEarly = !expected && code === 0 && duration < EARLY
    const forked = isEarly ? forkedFrom(child.id, child.program) : undefined
    if (forked === undefined) await child.end(this.#killSignal)
    await file.clear()
    this.#child = undefined
    if (duration >= STABLE) this.#failures = 0
    const { program } = this
    const exit = { program, pid: child.id.pid, exitCode: code, signal, duration, expected }
    if (expected) return emit({ kind: 'child-exited', ...exit, retryIn: null })
    const next = forked === undefined ? this.#next() : 'end'
    emit({ kind: 'child-exited', ...exit, retryIn: next === 'end' ? null : next })
    if (isEarly) this.#tellForked(forked)
    if (next === 'end') this.#end({ code: exitCodeOf({ code, signal }), faults: [] })
  }

  #tellForked(pid: number | undefined): void {
    const how = 'keep it in the foreground, as in nginx -g "daemon off;" or haproxy -W -db'
    const { program } = this
    const [level, message] =
      pid === undefined
        ? (['info', `if ${program} has put itself into the background: ${how}`] as const)
        : ([
            'warn',
            `${program} has put itself into the background (process ${pid}), where it cannot be supervised: ${how}`,
          ] as const)
    this.parts.emit({ kind: 'notice', level, message })
  }

  /**
   * What follows when the program does not run: it is started again in so many milliseconds; null: by the
   * reload that has not succeeded; or reconfd ends.
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

  async #signal(child: Child): Promise<Result<Child, Fault>> {
    const { reloadSignal: signal } = this.settings
    const { program } = this
    if (signal === undefined) {
      const hint = 'Set reload_signal in [exec], or restart = "on-change".'
      return failed(`${program} cannot be reloaded: there is no reload_signal`, hint)
    }
    if (child.isStopped) {
      const hint = `Let it go on: kill -CONT ${child.id.pid}`
      return failed(`${program} is stopped (SIGSTOP or a debugger) and reads nothing`, hint)
    }
    if (!(await this.#isHandled(child, signal))) {
      if (!child.isAlive) return err(died(program, child.exit))
      const hint = `Set the reload_signal that ${program} knows, or restart = "on-change". Behind a shell, begin the command with exec.`
      return failed(`${program} does not handle ${signal}, which would end it`, hint)
    }
    if (child.signal(signal as NodeJS.Signals)) return ok(child)
    return err(died(program, child.exit))
  }

  /** Whether it handles a signal; while it starts that is waited for. */
  async #isHandled(child: Child, signal: SignalName): Promise<boolean> {
    const number = constants.signals[signal as NodeJS.Signals]
    const deadline = this.#since + STARTING
    for (let blocked = 0; ;) {
      const handling = handlingOf(child.id.pid, number)
      blocked = handling === 'blocked' ? blocked + 1 : 0
      if (!child.isAlive) return false
      // Blocked for long, it is waited for in another way, such as by sigwait(3).
      if (handling === undefined || handling === 'caught' || blocked > BLOCKED) return true
      if (performance.now() > deadline) return false
      await sleep(LOOK)
    }
  }
}

const failed = (message: string, hint: string): Result<never, Fault> =>
  err({ kind: 'command', message, hint })

const stopping = (program: string): Fault => ({
  kind: 'command',
  message: `reconfd is stopping, and ${program} with it`,
})

function died(program: string, exit: Exit | undefined): Fault {
  if (exit === undefined) {
    return { kind: 'command', message: `${program} is stopped (SIGSTOP or a debugger)` }
  }
  const { code, signal } = exit
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`
  return {
    kind: 'command',
    message: `${program} ended ${how} when it had to read its files`,
    hint: 'See what it printed; a check_cmd finds bad files before they are in place.',
  }
}
