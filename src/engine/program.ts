// The engine's interface to the program of exec mode. The code of exec mode is loaded only if a program is configured.
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

/** Operations on the program for reconfd's signal handlers. */
export interface ProgramHandle {
  forwards(signal: SignalName): boolean
  forward(signal: SignalName): Promise<void>
  /** Kills the program. */
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

  /** Prepares the program, if one is configured, without starting it. */
  async prepare(
    { exec, noop, stateDir, confdir }: Settings,
    state: RunState,
    worker: Worker,
  ): Promise<ProgramHandle | undefined> {
    if (exec?.argv === undefined) return undefined
    if (noop) {
      const message = '-noop: the command is not started'
      this.emit({ kind: 'notice', level: 'info', message })
      return undefined
    }
    const [{ Exec }, { reloadProgram }, { ChildFile }] = await Promise.all([
      import('../exec/exec.ts'),
      import('./exec-run.ts'),
      import('../state/child-file.ts'),
    ])
    // Read the status of the last run before this run writes its own.
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

  /** Returns a machine that directs the reload `[exec]` to the program, and everything else to `rest`. */
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

  /** Resolves when the run has to stop, with the exit code and the faults. Never resolves without a program. */
  get ended(): Promise<ExecEnd> {
    return this.#exec?.ended ?? this.#never
  }

  /**
   * Stops the program, by default with kill_signal. Resolves with the exit code and the faults of the run; with
   * undefined if there is no program.
   */
  async end(signal?: NodeJS.Signals): Promise<ExecEnd | undefined> {
    return this.#exec?.end(signal)
  }

  /** Applies a new configuration. Returns its resources, with the program's reload added where it applies. */
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
    this.#warnSilent(all, exec)
    return ok(all)
  }

  /**
   * Returns the settings of the program; undefined if there is no program. Only the configuration at the start of
   * reconfd decides whether there is a program. If a later configuration adds or removes it, a warning is logged.
   */
  #settingsOf(wanted: ExecSettings | undefined, noop: boolean): ExecSettings | undefined {
    const isWanted = wanted?.argv !== undefined
    if (this.#exec === undefined) {
      if (isWanted && !noop) this.#warnLater('is started')
      return noop && isWanted ? wanted : undefined
    }
    if (isWanted) return wanted
    this.#warnLater('is stopped')
    return this.#exec.current
  }

  #warnLater(what: string): void {
    const message = `[exec] has changed: the program ${what} only when reconfd is restarted`
    this.emit({ kind: 'notice', level: 'warn', message })
  }

  #warnSilent(resources: readonly Resource[], exec: ExecSettings): void {
    if (this.isOnetime || reloadsByDefault(exec)) return
    const silent = resources.filter(({ templates }) =>
      templates.every(({ reloadCmd }) => reloadCmd === undefined),
    )
    if (silent.length === 0) return
    const names = silent.map(({ name }) => name).join(', ')
    const message = `${names}: changes are written, but the program is not notified; set reload_signal or restart = "on-change" in [exec], or a reload_cmd`
    this.emit({ kind: 'notice', level: 'warn', message })
  }
}

const unreloadable = ({ name }: Resource): Fault => ({
  kind: 'config',
  message: `${name}: reload = "exec", but reconfd has not started a program`,
  hint: 'add the program after `--` or as `command` in [exec], or use reload_cmd',
})
