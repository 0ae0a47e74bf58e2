// Sends the reload signal to the program, but only if the program handles it, because an unhandled signal could kill
// the program.
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SignalName } from '../core/exec.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { handlingOf } from '../system/process.ts'
import type { ChildProcess } from './child.ts'
import { died } from './faults.ts'

/** Poll interval for the signal handlers of the program, in milliseconds. */
const POLL = 20
/** Number of polls after which an awaited signal counts as handled. */
const AWAITED = 10
/** Minimum milliseconds to find out whether a blocked signal is awaited. */
const UNDECIDED = 1000

/**
 * Whether the program handles a signal. Polls until `deadline`, since a program that is still starting may not handle
 * the signal yet.
 * @param deadline in milliseconds of `performance.now()`
 */
export async function isHandled(
  child: ChildProcess,
  signal: SignalName,
  deadline: number,
): Promise<boolean> {
  const number = constants.signals[signal as NodeJS.Signals]
  const latest = Math.max(deadline, performance.now() + UNDECIDED)
  for (let awaited = 0; ;) {
    const handling = handlingOf(child.id.pid, number)
    if (!child.isAlive) return false
    if (handling === undefined || handling === 'caught') return true
    // The program presumably receives the signal without a handler, by sigwait(3) or signalfd(2).
    if (handling === 'awaited' && ++awaited > AWAITED) return true
    if (handling === 'none') awaited = 0
    if (performance.now() > (handling === 'none' ? deadline : latest)) return false
    await sleep(POLL)
  }
}

/**
 * Sends the reload signal as soon as the program handles it. Returns `child`, or the fault that prevented the reload.
 */
export async function reloadBySignal(
  program: string,
  child: ChildProcess,
  signal: SignalName | undefined,
  deadline: number,
): Promise<Result<ChildProcess, Fault>> {
  if (signal === undefined) {
    const hint = 'set reload_signal in [exec], or restart = "on-change"'
    return signalFault(`cannot reload ${program}: no reload_signal is set`, hint)
  }
  if (child.isStopped) {
    const hint = `resume it: kill -CONT ${child.id.pid}`
    return signalFault(`${program} is suspended (SIGSTOP or a debugger) and cannot reload`, hint)
  }
  if (!(await isHandled(child, signal, deadline))) {
    if (!child.isAlive) return err(died(program, child.exit))
    const hint = `set reload_signal to a signal that ${program} handles, or restart = "on-change"; if the command is a shell line, begin it with exec`
    return signalFault(`${program} does not handle ${signal}, so the signal was not sent`, hint)
  }
  if (child.signal(signal as NodeJS.Signals)) return ok(child)
  return err(died(program, child.exit))
}

const signalFault = (message: string, hint: string): Result<never, Fault> =>
  err({ kind: 'command', message, hint })
