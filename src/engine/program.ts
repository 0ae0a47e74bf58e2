// The program of exec mode, as the engine sees it: loaded only by runs that have one.
import type { LoadedResources } from '../config/resources.ts'
import type { Emit, Event } from '../core/event.ts'
import {
  EXEC,
  reloadsByDefault,
  withExec,
  type ExecSettings,
  type SignalName,
} from '../core/exec.ts'
import type { Fault } from '../core/fault.ts'
import type { Resource } from '../core/resource.ts'
import type { RunTerms } from '../core/reload.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import type { Exec, ExecEnd } from '../exec/exec.ts'
import { doubtOf } from './last-good.ts'
import { realMachine, type Machine, type ReloadRun } from './machine.ts'
import type { RunState } from './run-state.ts'
import type { Worker } from './worker.ts'

/** What a signal to us may do to it. */
export interface ProgramHandle {
  forwards(signal: SignalName): boolean
  forward(signal: SignalName): Promise<void>
  /** Ends it at once. */
  kill(): void
}

export class Program {
  #exec: Exec | undefined
  #reload: ((terms: RunTerms) => Promise<ReloadRun>) | undefined
  #resources: readonly Resource[] = []
  readonly #never = new Promise<never>(() => undefined)

  constructor(
    private readonly emit: Emit,
    private readonly isOnetime: boolean,
  ) {}

  /** Makes it ready to be started, if the settings have one. */
  async prepare(
    { exec, noop, stateDir, confdir }: Settings,
    state: RunState,
    worker: Worker,
  ): Promise<ProgramHandle | undefined> {
    if (exec?.argv === undefined) return undefined
    if (noop) {
      const message = 'with -noop the command is not started'
      this.emit({ kind: 'notice', level: 'info', message })
      return undefined
    }
    const [{ Exec }, { reloadProgram }, { ChildFile }] = await Promise.all([
      import('../exec/exec.ts'),
      import('./exec-run.ts'),
      import('../state/child-file.ts'),
    ])
    // Before this run has a status of its own.
    const former = exec.start === 'last-good' ? await state.readStatus() : undefined
    const own = new Exec(exec, {
      emit: this.emit,
      runs: { suspend: () => worker.suspend(EXEC), demand: () => worker.demand(EXEC) },
      file: new ChildFile(stateDir, confdir),
      doubtOf: async (name) => {
        const resource = this.#resources.find((one) => one.name === name)
        return resource && doubtOf(resource, state, former, realMachine)
      },
    })
    this.#exec = own
    this.#reload = (terms) => reloadProgram(own, terms)
    return own
  }

  /** The machine, with the reload of the program. */
  machine(rest: Machine): Machine {
    return {
      ...rest,
      isRunning: (command) => command !== EXEC || this.#exec?.isUp !== false,
      reload: (command, terms) =>
        command === EXEC && this.#reload !== undefined
          ? this.#reload(terms)
          : rest.reload(command, terms),
    }
  }

  note(event: Event): void {
    this.#exec?.note(event)
  }

  get isWanted(): boolean {
    return this.#exec !== undefined
  }

  get hasBegun(): boolean {
    return this.#exec?.hasBegun === true
  }

  /** Why the run is to end; pending for ever without a program. */
  get ended(): Promise<ExecEnd> {
    return this.#exec?.ended ?? this.#never
  }

  /** Without a signal by kill_signal. Why it has ended; undefined without a program. */
  async end(signal?: NodeJS.Signals): Promise<ExecEnd | undefined> {
    return this.#exec?.end(signal)
  }

  /** A new configuration: its resources, with the program's reload where that is theirs. */
  configure(
    { resources, refused }: Pick<LoadedResources, 'resources' | 'refused'>,
    { exec: wanted, noop }: Settings,
  ): Result<readonly Resource[], readonly Fault[]> {
    const exec = this.#settingsOf(wanted, noop)
    if (exec === undefined) {
      const lost = this.isOnetime || noop ? [] : resources.filter((one) => one.reloadsExec === true)
      return lost.length > 0 ? err(lost.map(unreloadable)) : ok(resources)
    }
    const all = resources.map((resource) => withExec(resource, exec))
    this.#resources = all
    this.#exec?.configure(
      exec,
      all,
      refused.map(({ name }) => name),
    )
    this.#tellSilent(all, exec)
    return ok(all)
  }

  /** Whether there is a program is decided once, when reconfd starts. */
  #settingsOf(wanted: ExecSettings | undefined, noop: boolean): ExecSettings | undefined {
    const isWanted = wanted?.argv !== undefined
    if (this.#exec === undefined) {
      if (isWanted && !noop) this.#tellLater('is started')
      return noop && isWanted ? wanted : undefined
    }
    if (isWanted) return wanted
    this.#tellLater('is ended')
    return this.#exec.current
  }

  #tellLater(what: string): void {
    const message = `the program of [exec] ${what} when reconfd is started the next time`
    this.emit({ kind: 'notice', level: 'warn', message })
  }

  #tellSilent(resources: readonly Resource[], exec: ExecSettings): void {
    if (this.isOnetime || reloadsByDefault(exec)) return
    const silent = resources.filter(({ templates }) =>
      templates.every(({ reloadCmd }) => reloadCmd === undefined),
    )
    if (silent.length === 0) return
    const names = silent.map(({ name }) => name).join(', ')
    const message = `${names}: changes are written, and the program is not told of them; set reload_signal or restart = "on-change" in [exec], or a reload_cmd`
    this.emit({ kind: 'notice', level: 'warn', message })
  }
}

const unreloadable = ({ name }: Resource): Fault => ({
  kind: 'config',
  message: `${name}: reload = "exec", and there is no program that reconfd has started`,
  hint: 'Add its command behind -- or as command in [exec], or use reload_cmd.',
})
