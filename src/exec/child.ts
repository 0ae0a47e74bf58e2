// Starts and supervises a child process. The child runs in its own session, uses reconfd's standard streams, and is
// stopped when reconfd stops. This file does not depend on the engine.
import { execa } from 'execa'
import { constants } from 'node:os'
import { err, ok, type Result } from '../core/result.ts'
import { isRunning, processOf, signalGroup, statOf, type ProcessId } from '../system/process.ts'
import { idsOf, type UserAndGroup, type Ids } from './account.ts'
import { endGroup } from './group.ts'
import { findProgram, type NotStarted } from './program.ts'

export interface ChildOptions extends UserAndGroup {
  /** The program, which is looked up in the PATH of `env`, and its arguments. */
  readonly argv: readonly [string, ...string[]]
  /**
   * Builds the complete environment of the child.
   * @param login HOME, USER and LOGNAME if the child runs as another user
   */
  readonly env: (login: Readonly<Record<string, string>>) => Readonly<NodeJS.ProcessEnv>
  /** The signal that asks the child to exit. The kernel also sends this signal if reconfd dies first. */
  readonly killSignal: NodeJS.Signals
  /** Milliseconds from killSignal to SIGKILL. */
  readonly killTimeout: number
}

/** How a child ended; exactly one field is not null. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The exit code by the shell's convention: the code, or 128 plus the signal's number. */
export const exitCodeOf = ({ code, signal }: Exit): number =>
  signal === null ? (code ?? 1) : 128 + constants.signals[signal]

/** Starts a child. Resolves as soon as the process exists. */
export async function startChild(options: ChildOptions): Promise<Result<ChildProcess, NotStarted>> {
  const { argv, killSignal } = options
  const [name, ...args] = argv
  const ids = idsOf(options)
  if (!ids.ok) return ids
  const env = options.env(ids.value.env)
  const program = findProgram(name, env['PATH'])
  if (!program.ok) return program
  const wrapped = await wrapper(ids.value, killSignal)
  const [file, ...words] = [...wrapped, program.value, ...args] as [string, ...string[]]
  const { uid, gid } = ids.value
  const subprocess = execa(file, words, {
    // The child gets its own session, so that the whole group can be signalled, and Ctrl-C reaches only reconfd.
    detached: true,
    stdio: 'inherit',
    env,
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
    return ok(new ChildProcess(subprocess.pid, program.value, exited, options))
  const { code, originalMessage } = await subprocess
  return err(startFault(name, code, originalMessage))
}

export class ChildProcess {
  readonly id: ProcessId
  /** Resolves when the process has ended; other members of its group may still be running. */
  readonly exited: Promise<Exit>
  #exit: Exit | undefined
  #ending: Promise<Exit> | undefined

  constructor(
    pid: number,
    /** Path of the executable. */
    readonly program: string,
    exited: Promise<Exit>,
    private readonly options: Pick<ChildOptions, 'killSignal' | 'killTimeout'>,
  ) {
    this.id = processOf(pid)
    this.exited = exited.then((exit) => (this.#exit = exit))
  }

  /** How the child has ended; undefined while it is running. */
  get exit(): Exit | undefined {
    return this.#exit
  }

  /** Whether end() was called. */
  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  get isAlive(): boolean {
    return this.#exit === undefined && statOf(this.id.pid)?.state !== 'Z'
  }

  /** Whether the process is suspended, for example by SIGSTOP. */
  get isStopped(): boolean {
    return this.isAlive && 'Tt'.includes(statOf(this.id.pid)?.state ?? ' ')
  }

  /**
   * Sends a signal to the process, but not to its group. Returns false if the process has ended, or reconfd may not
   * signal it.
   */
  signal(signal: NodeJS.Signals): boolean {
    if (this.#exit !== undefined) return false
    try {
      return process.kill(this.id.pid, signal)
    } catch {
      return false
    }
  }

  /** Sends a signal to the whole process group, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): boolean {
    return signalGroup(this.id.pid, signal)
  }

  /**
   * Stops the child and its group: sends the signal, then SIGKILL after killTimeout. Resolves when the whole group has
   * ended. A second call joins the first.
   */
  end(signal: NodeJS.Signals = this.options.killSignal): Promise<Exit> {
    this.#ending ??= endGroup(this.id.pid, signal, this.options.killTimeout, this.exited).then(
      () => this.exited,
    )
    return this.#ending
  }

  /** Kills the whole group immediately. */
  kill(): void {
    this.signalGroup('SIGKILL')
  }
}

/**
 * Stops the child of an earlier run of reconfd and the child's group. The child is identified by pid and start time.
 * Returns false if that child is not running.
 */
export async function endOrphan(
  id: ProcessId,
  { killSignal, killTimeout }: Pick<ChildOptions, 'killSignal' | 'killTimeout'>,
): Promise<boolean> {
  // Without a start time, the pid may belong to any process.
  if (id.started === 0 || !isRunning(id) || statOf(id.pid)?.state === 'Z') return false
  await endGroup(id.pid, killSignal, killTimeout)
  return true
}

/**
 * Returns the first words of a command that runs a program with setpriv(1). The program and its arguments must follow.
 * setpriv, a part of util-linux, changes the user, asks the kernel to signal the child when reconfd dies, and then
 * executes the program. Returns an empty array if setpriv is missing or lacks the options, as in busybox.
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

function startFault(name: string, code = '', why = ''): NotStarted {
  return {
    fault: {
      kind: 'command',
      message: `cannot start the command ${JSON.stringify(name)}: ${why}`,
      hint: 'if it is a script, check that the interpreter in its first line exists',
    },
    exit: code === 'ENOENT' ? 127 : 126,
  }
}
