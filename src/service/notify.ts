// Tells the service manager something: one datagram to its socket. Node has no such sockets, so
// systemd's own program sends it; wherever there is systemd there is that. It costs some 7 ms of CPU
// time, a fork of Node's included, and ends when the manager has taken in what was sent (from version
// 246 on), so that messages arrive in order.
import { execFile } from 'node:child_process'
import type { Fault } from '../core/fault.ts'
import { errnoOf } from '../core/errno.ts'
import { err, ok, type Result } from '../core/result.ts'
import { printable } from '../core/escape.ts'
import { duration } from '../core/words.ts'

/** As in sd_notify(3). */
export type Variable =
  | 'READY'
  | 'RELOADING'
  | 'STOPPING'
  | 'STATUS'
  | 'WATCHDOG'
  | 'MONOTONIC_USEC'
  | 'EXTEND_TIMEOUT_USEC'

/** What is told at once. */
export type Message = Readonly<Partial<Record<Variable, string>>>

/** The program waits up to 5 s for the manager by itself; milliseconds. */
const TIMEOUT = 10_000

/** @param socket as in NOTIFY_SOCKET */
export async function notify(socket: string, message: Message): Promise<Result<void, Fault>> {
  // A line break would begin another variable, and a NUL cannot be in an argument.
  const lines = Object.entries(message).map(([name, text]) => `${name}=${printable(text)}`)
  const env = { ...process.env, NOTIFY_SOCKET: socket }
  return new Promise((resolve) => {
    const options = { env, timeout: TIMEOUT, killSignal: 'SIGKILL' } as const
    execFile('systemd-notify', lines, options, (error, _stdout, stderr) => {
      resolve(error === null ? ok(undefined) : err(notSent(error, stderr.trim())))
    })
  })
}

function notSent(error: Error & { readonly killed?: boolean }, said: string): Fault {
  const what = 'the service manager cannot be told how reconfd is'
  const hint =
    'All other work goes on, but a service of Type=notify or with WatchdogSec= is ended by its manager; Type=exec needs neither.'
  const why =
    errnoOf(error) === 'ENOENT'
      ? 'systemd-notify is not on PATH'
      : error.killed === true
        ? `systemd-notify took longer than ${duration(TIMEOUT)}`
        : `systemd-notify failed: ${said === '' ? error.message : said}`
  return { kind: 'io', message: `${what}: ${why}`, hint }
}
