// The faults and notices about the program of exec mode.
import type { Fault } from '../core/fault.ts'
import type { Exit } from './child.ts'

export const stopping = (program: string): Fault => ({
  kind: 'command',
  message: `reconfd and ${program} are stopping`,
})

export function died(program: string, exit: Exit | undefined): Fault {
  if (exit === undefined) {
    return { kind: 'command', message: `${program} is suspended (SIGSTOP or a debugger)` }
  }
  const { code, signal } = exit
  const how = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`
  return {
    kind: 'command',
    message: `${program} ${how} when it read its files`,
    hint: 'see the output of the program; add a check_cmd to reject bad files before they are in place',
  }
}

/** The fault when start_timeout expires. */
export function tooLate(program: string, missing: readonly string[], isStoreAway: boolean): Fault {
  const verb = missing.length > 1 ? 'have' : 'has'
  const why = isStoreAway ? 'the store is unreachable' : 'see the log for the cause'
  return {
    kind: 'command',
    message: `${program} did not start within start_timeout: ${missing.join(', ')} ${verb} not been applied; ${why}`,
    hint: 'fix the cause, raise start_timeout, or set wait_for_start = false if the program can start without these files',
  }
}

/** @param pid the daemonized process; undefined if reconfd only suspects that there is one */
export function inBackground(
  program: string,
  pid: number | undefined,
): { readonly level: 'info' | 'warn'; readonly message: string } {
  const how = 'run it in the foreground, as in nginx -g "daemon off;" or haproxy -W -db'
  if (pid === undefined)
    return { level: 'info', message: `if ${program} has moved to the background, ${how}` }
  const what = `${program} has moved to the background (pid ${pid})`
  return { level: 'warn', message: `${what} and cannot be supervised; ${how}` }
}
