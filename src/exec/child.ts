// A program that reconfd runs and supervises: it has our standard input, output and error, and a session of
// its own, so that it can be signalled with all that it has started.
import { constants } from 'node:os'
import { execa } from 'execa'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { errnoOf } from '../core/errno.ts'

export interface ChildEnd {
  /** Null when a signal has ended it. */
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Child {
  readonly pid: number
  /** How it ended. Never rejects. */
  readonly ended: Promise<ChildEnd>
  /** To the program and all that it has started; false when nobody is left. */
  signal(name: NodeJS.Signals): boolean
  /**
   * Asks it to end, and kills it when it has not.
   * @param killTimeout milliseconds that it has
   */
  stop(name: NodeJS.Signals, killTimeout: number): Promise<ChildEnd>
}

export interface ChildOptions {
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A program that could not be started, as shells tell it: 127 it is not there, 126 it cannot be run. */
export interface NotStarted {
  readonly exit: 126 | 127
  readonly fault: Fault
}

/** Resolves when the program runs, or could not be started. */
export async function startChild(
  [program = '', ...args]: readonly string[],
  { env }: ChildOptions,
): Promise<Result<Child, NotStarted>> {
  const subprocess = execa(program, args, {
    stdio: 'inherit',
    // setsid(2): Node has no other way to a process group that can be signalled as a whole.
    detached: true,
    // We end it ourselves, in our own time.
    cleanup: false,
    reject: false,
    extendEnv: false,
    env,
  })
  const { pid } = subprocess
  if (pid === undefined) return err(notStarted(program, (await subprocess).cause))
  const ended = subprocess.then(({ exitCode, signal }): ChildEnd => ({
    exitCode: exitCode ?? null,
    signal: signal ?? null,
  }))
  const signal = (name: NodeJS.Signals): boolean => {
    try {
      process.kill(-pid, name)
      return true
    } catch {
      return false
    }
  }
  return ok({
    pid,
    ended,
    signal,
    async stop(name, killTimeout) {
      signal(name)
      // One that is stopped (SIGSTOP) would not hear it.
      if (name !== 'SIGKILL') signal('SIGCONT')
      const timer = setTimeout(() => signal('SIGKILL'), killTimeout)
      const end = await ended
      clearTimeout(timer)
      return end
    },
  })
}

/** The exit code for whoever runs reconfd in the program's place: 128+n for signal n. */
export const exitCodeOf = ({ exitCode, signal }: ChildEnd): number =>
  exitCode ?? 128 + (signal === null ? 0 : constants.signals[signal])

function notStarted(program: string, cause: unknown): NotStarted {
  const name = JSON.stringify(program)
  const code = errnoOf(cause)
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const hint = 'Check its name, and that its folder is in PATH.'
    return { exit: 127, fault: { kind: 'command', message: `${name} is not there`, hint } }
  }
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = code === 'EACCES' ? `${name} is not executable` : `${name} cannot be run: ${why}`
  const hint = 'Check its permissions (chmod +x), and that it is a program of this machine.'
  return { exit: 126, fault: { kind: 'command', message, hint } }
}
