// Signals to the program: only those that it handles, since others would end it.
import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SignalName } from '../core/exec.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { handlingOf } from '../system/process.ts'
import type { Child } from './child.ts'
import { died } from './faults.ts'

/** Between two looks whether the program handles a signal, in milliseconds. */
const LOOK = 20
/** Looks in a row. */
const BLOCKED = 10

/**
 * Whether it handles a signal; while it starts that is waited for.
 * @param deadline by the clock of performance.now()
 */
export async function isHandled(
  child: Child,
  signal: SignalName,
  deadline: number,
): Promise<boolean> {
  const number = constants.signals[signal as NodeJS.Signals]
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

/** Has it read its files. */
export async function reloadBySignal(
  program: string,
  child: Child,
  signal: SignalName | undefined,
  deadline: number,
): Promise<Result<Child, Fault>> {
  if (signal === undefined) {
    const hint = 'Set reload_signal in [exec], or restart = "on-change".'
    return failed(`${program} cannot be reloaded: there is no reload_signal`, hint)
  }
  if (child.isStopped) {
    const hint = `Let it go on: kill -CONT ${child.id.pid}`
    return failed(`${program} is stopped (SIGSTOP or a debugger) and reads nothing`, hint)
  }
  if (!(await isHandled(child, signal, deadline))) {
    if (!child.isAlive) return err(died(program, child.exit))
    const hint = `Set the reload_signal that ${program} knows, or restart = "on-change". Behind a shell, begin the command with exec.`
    return failed(`${program} does not handle ${signal}, which would end it`, hint)
  }
  if (child.signal(signal as NodeJS.Signals)) return ok(child)
  return err(died(program, child.exit))
}

const failed = (message: string, hint: string): Result<never, Fault> =>
  err({ kind: 'command', message, hint })
