// The only place that runs the commands of resources. Each runs in /bin/sh, in its own process group, with a timeout
// and a limit on the captured output. Running a command never throws, and takes at most `longestRun`.
import type { CommandResult } from '../core/event.ts'
import { ioFault } from '../core/errno.ts'
import { commandEnvironment } from '../system/command-environment.ts'
import { signalGroup } from '../system/process.ts'
import { CappedOutput } from './output.ts'
import { startByHelper, type ShellExit, type Started } from './spawner.ts'

export { commandFault, shownResult, succeeded } from './command-fault.ts'

export interface CommandOptions {
  /** Milliseconds until the group gets SIGTERM. */
  readonly timeout: number
  /** Milliseconds from SIGTERM to SIGKILL; default 5000. */
  readonly grace?: number
  /** Bytes of captured output; default 64 KiB. */
  readonly cap?: number
  /** Variables added to the environment of the command. */
  readonly env?: Readonly<Record<string, string>>
  /** Descriptors of this process, which become 3, 4, ... in the command. */
  readonly files?: readonly number[]
}

const GRACE = 5000
const CAP = 64 * 1024
/** The longest time, in milliseconds, that runCommand takes with this timeout and the default grace. */
export const longestRun = (timeout: number): number => timeout + GRACE + REPORT_MOST + HELD_PIPE
/**
 * Milliseconds to wait for the rest of the output after the shell's exit. Limited, because a background process may
 * keep the pipe open.
 */
const HELD_PIPE = 100
/** Milliseconds to wait for the exit of a killed command. */
const REPORT_MOST = 1000
/** Milliseconds between checks for remaining processes of a group that got SIGTERM and whose shell has exited. */
const GROUP_POLL = 20

// One pipe for standard output and standard error keeps their lines in order. With `eval`, the shell's messages about
// syntax errors reach the pipe, too, and the line numbers in these messages are those of the command.
const SHELL = ['-c', 'exec 2>&1; eval "$1"', 'sh'] as const

/**
 * Runs `/bin/sh -c command` without standard input. Resolves when the shell has exited or was killed; never rejects.
 * Processes that the command started in the background keep running, but after a timeout its whole process group is
 * killed.
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
  const group = limitTime(running.pid, options)
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
 * Uses Node's spawn rather than execa, which costs 35 ms once and 1.5 ms for each command, for features not needed
 * here.
 */
async function startItself(
  command: string,
  { env, files = [] }: CommandOptions,
): Promise<Started | Error> {
  // Loaded on demand, because a run that finds everything in sync does not need this module.
  const { spawn } = await import('node:child_process')
  try {
    const subprocess = spawn('/bin/sh', [...SHELL, command], {
      detached: true, // setsid: the group can be signalled as a whole
      stdio: ['ignore', 'pipe', 'ignore', ...files],
      env: { ...commandEnvironment(), ...env },
    })
    const { pid, stdout } = subprocess
    // Some failures are reported by an event, others (E2BIG) are thrown.
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

interface TimeLimit {
  timedOut(): boolean
  /**
   * Resolves if the exit of a killed shell is not reported in time, for example because the helper was killed, too.
   */
  readonly lost: Promise<ShellExit>
  /**
   * Call after the shell's exit. After a timeout, waits until the other processes of the group have exited, and kills
   * them after the grace.
   */
  finish(): Promise<void>
}

/** Sends a process group SIGTERM at the timeout, and SIGKILL after the grace. */
function limitTime(pid: number, options: CommandOptions): TimeLimit {
  let late = false
  let killAt = 0
  let killTimer: NodeJS.Timeout | undefined
  let lost: (exit: ShellExit) => void
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
      // The shell has exited, but its children may still handle SIGTERM, so they get the rest of the grace.
      while (signalGroup(pid, 0) && performance.now() < killAt) {
        await within(GROUP_POLL)
      }
      clearTimeout(killTimer)
      signalGroup(pid, 'SIGKILL')
    },
  }
}

/** Waits for the promise, at most `ms` milliseconds; without a promise, exactly that long. */
async function within(ms: number, promise?: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  await (promise === undefined ? timeout : Promise.race([promise, timeout]))
  clearTimeout(timer)
}
