// The one place that runs commands: /bin/sh in a process group of its own, with a timeout, its
// output captured within a cap. It never throws and never waits longer than it was told to.
import type { CommandResult } from '../core/event.ts'
import { ioFault } from '../core/errno.ts'
import { commandEnvironment } from '../system/command-environment.ts'
import { signalGroup } from '../system/process.ts'
import { CappedOutput } from './output.ts'
import { startByHelper, type Exit, type Started } from './spawner.ts'

export { commandFault, shownResult, succeeded } from './command-fault.ts'

export interface CommandOptions {
  /** Milliseconds until the group gets SIGTERM. */
  readonly timeout: number
  /** Milliseconds from SIGTERM to SIGKILL; default 5000. */
  readonly grace?: number
  /** Bytes of output kept; default 64 KiB. */
  readonly cap?: number
  /** Added to the environment of commands. */
  readonly env?: Readonly<Record<string, string>>
  /** Descriptors that it inherits, from 3 on. */
  readonly files?: readonly number[]
}

const GRACE = 5000
const CAP = 64 * 1024
/** The longest that a command with such a timeout takes to end, in milliseconds. */
export const longestRun = (timeout: number): number => timeout + GRACE + REPORT_MOST + HELD_PIPE
/** How long the output may stay open after the shell's exit: a daemon it started may hold it for ever. */
const HELD_PIPE = 100
/** How long the end of a killed command may take to be reported. */
const REPORT_MOST = 1000
/** How often a group that was told to end is looked at after its shell is gone. */
const GROUP_POLL = 20

// One pipe for both outputs keeps their order; `eval` leaves the line numbers in the shell's
// messages, and a syntax error's message itself, as they would be without it.
const SHELL = ['-c', 'exec 2>&1; eval "$1"', 'sh'] as const

/**
 * Runs `/bin/sh -c command` with no standard input and resolves when the shell has exited, or when
 * it had to be killed. A process that the command left in the background goes on, even when it
 * holds the output open; after a timeout the whole group is ended. Never rejects.
 */
export async function runCommand(command: string, options: CommandOptions): Promise<CommandResult> {
  const started = performance.now()
  const duration = (): number => Math.round(performance.now() - started)
  const running = await start(command, options)
  if (running instanceof Error) {
    return notStarted(ioFault('cannot start /bin/sh', running).message, duration())
  }
  const output = new CappedOutput(options.cap ?? CAP)
  running.onOutput((chunk) => output.push(chunk))
  const group = endable(running.pid, options)
  const [exitCode, signal] = await Promise.race([running.exit, group.lost])
  await group.finish()
  await within(HELD_PIPE, running.printed)
  running.close()
  return {
    exitCode,
    signal,
    timedOut: group.timedOut(),
    output: output.text(),
    truncated: output.truncated,
    duration: duration(),
  }
}

const start = async (command: string, options: CommandOptions): Promise<Started | Error> => {
  const isPlain = options.env === undefined && options.files === undefined
  return (isPlain ? await startByHelper(command) : undefined) ?? startItself(command, options)
}

/**
 * Node's own spawn rather than execa: here execa costs some 1.5 ms of each command and 35 ms once,
 * all of it between a changed key and its reload, for features that are switched off.
 */
async function startItself(
  command: string,
  { env, files = [] }: CommandOptions,
): Promise<Started | Error> {
  // A run in which all is in sync has no need of it.
  const { spawn } = await import('node:child_process')
  try {
    const subprocess = spawn('/bin/sh', [...SHELL, command], {
      detached: true, // setsid: the group can be signalled as a whole
      stdio: ['ignore', 'pipe', 'ignore', ...files],
      env: { ...commandEnvironment(), ...env },
    })
    const { pid, stdout } = subprocess
    // Some failures are told by an event, the others (E2BIG) are thrown.
    if (pid === undefined || stdout === null)
      return await new Promise<Error>((resolve) => subprocess.once('error', resolve))
    return {
      pid,
      onOutput: (take) => stdout.on('data', take),
      exit: new Promise((resolve) => subprocess.once('exit', (...exit) => resolve(exit))),
      printed: new Promise((resolve) => stdout.once('close', resolve)),
      close: () => stdout.destroy(),
    }
  } catch (error) {
    return error as Error
  }
}

function notStarted(why: string, duration: number): CommandResult {
  return { exitCode: null, signal: null, timedOut: false, output: why, truncated: 0, duration }
}

interface Endable {
  timedOut(): boolean
  /** Resolves when the end of a killed group has not been reported: the helper was killed as well. */
  readonly lost: Promise<Exit>
  /** To be called after the shell's exit; when the group was told to end, waits until all of it has. */
  finish(): Promise<void>
}

/** Watches over a process group: SIGTERM at the timeout, SIGKILL after the grace. */
function endable(pid: number, options: CommandOptions): Endable {
  let late = false
  let killAt = 0
  let killTimer: NodeJS.Timeout | undefined
  let lost: (exit: Exit) => void
  const grace = options.grace ?? GRACE
  const timer = setTimeout(() => {
    late = true
    signalGroup(pid, 'SIGTERM')
    killAt = performance.now() + grace
    killTimer = setTimeout(() => {
      signalGroup(pid, 'SIGKILL')
      killTimer = setTimeout(() => lost([null, 'SIGKILL']), REPORT_MOST)
    }, grace)
  }, options.timeout)
  return {
    timedOut: () => late,
    lost: new Promise((resolve) => (lost = resolve)),
    finish: async () => {
      clearTimeout(timer)
      if (killTimer === undefined) return
      // The shell is gone but its children may ignore SIGTERM: they have until the grace is over.
      while (signalGroup(pid, 0) && performance.now() < killAt) {
        await within(GROUP_POLL)
      }
      clearTimeout(killTimer)
      signalGroup(pid, 'SIGKILL')
    },
  }
}

/** Waits for the promise, at most so many milliseconds; without one, just so long. */
async function within(ms: number, promise?: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  await (promise === undefined ? timeout : Promise.race([promise, timeout]))
  clearTimeout(timer)
}
