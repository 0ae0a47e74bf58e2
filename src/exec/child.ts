// The one place that starts a child and supervises it: a program that runs for as long as we do, in a
// session of its own, with our standard streams. It knows nothing of the engine.
import { execa } from 'execa'
import { constants } from 'node:os'
import { err, ok, type Result } from '../core/result.ts'
import { isRunning, processOf, signalGroup, statOf, type ProcessId } from '../system/process.ts'
import { idsOf, type Account, type Ids } from './account.ts'
import { endGroup } from './group.ts'
import { findProgram, type NotStarted } from './program.ts'

export interface ChildOptions extends Account {
  /** The program, which is looked up in PATH of `env`, and its arguments. */
  readonly argv: readonly [string, ...string[]]
  /** The whole environment of the child. */
  readonly env: Readonly<NodeJS.ProcessEnv>
  /** Asks it to end; it also gets this one when we die before it. */
  readonly killSignal: NodeJS.Signals
  /** Milliseconds from killSignal to SIGKILL. */
  readonly killTimeout: number
}

/** How a child has ended: one of the two is not null. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** As shells have it: the code, or 128 and the signal's number. */
export const exitCodeOf = ({ code, signal }: Exit): number =>
  signal === null ? (code ?? 1) : 128 + constants.signals[signal]

/** Starts a child. The promise is fulfilled as soon as the process is there. */
export async function startChild(options: ChildOptions): Promise<Result<Child, NotStarted>> {
  const { argv, env, killSignal } = options
  const [name, ...args] = argv
  const program = findProgram(name, env['PATH'])
  if (!program.ok) return program
  const ids = idsOf(options)
  if (!ids.ok) return ids
  const wrapped = await wrapper(ids.value, killSignal)
  const [file, ...words] = [...wrapped, program.value, ...args] as [string, ...string[]]
  const { uid, gid } = ids.value
  const subprocess = execa(file, words, {
    // A session of its own: its whole group can be signalled, and Ctrl-C reaches only us.
    detached: true,
    stdio: 'inherit',
    env: { ...env, ...ids.value.env },
    extendEnv: false,
    reject: false,
    cleanup: false,
    ...(wrapped.length > 0 || uid === undefined ? {} : { uid }),
    ...(wrapped.length > 0 || gid === undefined ? {} : { gid }),
  })
  const exited = subprocess.then(({ exitCode, signal }) => ({
    code: exitCode ?? null,
    signal: signal ?? null,
  }))
  if (subprocess.pid !== undefined)
    return ok(new Child(subprocess.pid, program.value, exited, options))
  const { code, originalMessage } = await subprocess
  return err(refused(name, code, originalMessage))
}

export class Child {
  readonly id: ProcessId
  /** Fulfilled when the process has ended; others of its group may live on. */
  readonly exited: Promise<Exit>
  #exit: Exit | undefined
  #ending: Promise<Exit> | undefined

  constructor(
    pid: number,
    /** The path of what it runs. */
    readonly program: string,
    exited: Promise<Exit>,
    private readonly options: Pick<ChildOptions, 'killSignal' | 'killTimeout'>,
  ) {
    this.id = processOf(pid)
    this.exited = exited.then((exit) => (this.#exit = exit))
  }

  /** How it has ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit
  }

  /** end() was called. */
  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  get isAlive(): boolean {
    return this.#exit === undefined && statOf(this.id.pid)?.state !== 'Z'
  }

  /** Somebody has stopped it (SIGSTOP): it acts upon nothing. */
  get isStopped(): boolean {
    return this.isAlive && 'Tt'.includes(statOf(this.id.pid)?.state ?? ' ')
  }

  /** Signals the process itself. False when it has ended or must not be signalled. */
  signal(signal: NodeJS.Signals): boolean {
    if (this.#exit !== undefined) return false
    try {
      return process.kill(this.id.pid, signal)
    } catch {
      return false
    }
  }

  /** Signals the process and all others of its group, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): boolean {
    return signalGroup(this.id.pid, signal)
  }

  /**
   * Ends the child and what is left of its group: a signal, and SIGKILL when the time is over. Resolves
   * when all of them are gone. A second call joins the first.
   */
  end(signal: NodeJS.Signals = this.options.killSignal): Promise<Exit> {
    this.#ending ??= endGroup(this.id.pid, signal, this.options.killTimeout, this.exited).then(
      () => this.exited,
    )
    return this.#ending
  }

  /** Ends all of its group at once. */
  kill(): void {
    this.signalGroup('SIGKILL')
  }
}

/**
 * Ends the child of an earlier run of ours, which its pid and start time prove, with its group. False when
 * it does not run.
 */
export async function endOrphan(
  id: ProcessId,
  { killSignal, killTimeout }: Pick<ChildOptions, 'killSignal' | 'killTimeout'>,
): Promise<boolean> {
  // Without the proof it may be anybody.
  if (id.started === 0 || !isRunning(id) || statOf(id.pid)?.state === 'Z') return false
  await endGroup(id.pid, killSignal, killTimeout)
  return true
}

/**
 * What changes the user and asks the kernel to end the child when we die: setpriv(1) of util-linux, which
 * then becomes the program. Empty where there is none, or one that does not know how (busybox).
 */
async function wrapper({ uid, gid, isListed }: Ids, signal: string): Promise<readonly string[]> {
  const setpriv = findProgram('setpriv', process.env['PATH'])
  if (!setpriv.ok) return []
  const dying = [setpriv.value, '--pdeathsig', signal.replace(/^SIG/, '')]
  const trial = await execa(dying[0] as string, [...dying.slice(1), 'true'], {
    reject: false,
    stdio: 'ignore',
  })
  if (trial.exitCode !== 0) return []
  const groups = uid === undefined ? '--keep-groups' : isListed ? '--init-groups' : '--clear-groups'
  return [
    ...dying,
    ...(uid === undefined ? [] : [`--reuid=${uid}`]),
    ...(gid === undefined ? [] : [`--regid=${gid}`, groups]),
    '--',
  ]
}

function refused(name: string, code = '', why = ''): NotStarted {
  return {
    fault: {
      kind: 'command',
      message: `the command ${JSON.stringify(name)} cannot be started: ${why}`,
      hint: 'A script needs an interpreter that is there (its first line).',
    },
    exit: code === 'ENOENT' ? 127 : 126,
  }
}
