// What is told of a program that cannot do what it is to do.
import type { Fault } from '../core/fault.ts'
import type { Exit } from './child.ts'

export const stopping = (program: string): Fault => ({
  kind: 'command',
  message: `reconfd is stopping, and ${program} with it`,
})

export function died(program: string, exit: Exit | undefined): Fault {
  if (exit === undefined) {
    return { kind: 'command', message: `${program} is stopped (SIGSTOP or a debugger)` }
  }
  const { code, signal } = exit
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`
  return {
    kind: 'command',
    message: `${program} ended ${how} when it had to read its files`,
    hint: 'See what it printed; a check_cmd finds bad files before they are in place.',
  }
}

/** start_timeout is over. */
export function tooLate(program: string, missing: readonly string[], isStoreAway: boolean): Fault {
  const verb = missing.length > 1 ? 'have' : 'has'
  const why = isStoreAway ? 'the store is unreachable' : 'see the log for what is wrong with them'
  return {
    kind: 'command',
    message: `${program} was not started within start_timeout: ${missing.join(', ')} ${verb} not been applied; ${why}`,
    hint: 'Correct what is wrong, raise start_timeout, or set wait_for_start = false where the program can do without.',
  }
}

/** @param pid of the process that has forked away; undefined: there may be one */
export function inBackground(
  program: string,
  pid: number | undefined,
): { readonly level: 'info' | 'warn'; readonly message: string } {
  const how = 'keep it in the foreground, as in nginx -g "daemon off;" or haproxy -W -db'
  if (pid === undefined)
    return { level: 'info', message: `if ${program} has put itself into the background: ${how}` }
  const what = `${program} has put itself into the background (process ${pid})`
  return { level: 'warn', message: `${what}, where it cannot be supervised: ${how}` }
}
