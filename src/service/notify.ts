// Sends one datagram to the service manager's socket. Node has no datagram sockets for Unix paths, so
// `systemd-notify`, which is part of systemd, sends it. One call costs about 7 ms of CPU time, including the
// fork, and returns when the manager has received the message (since version 246), so messages stay in order.
import { execFile } from 'node:child_process'
import type { Fault } from '../core/fault.ts'
import { errnoOf } from '../core/errno.ts'
import { err, ok, type Result } from '../core/result.ts'
import { printable } from '../core/escape.ts'
import { duration } from '../core/words.ts'

/** As in sd_notify(3). */
export type NotifyVariable =
  | 'READY'
  | 'RELOADING'
  | 'STOPPING'
  | 'STATUS'
  | 'WATCHDOG'
  | 'MONOTONIC_USEC'
  | 'EXTEND_TIMEOUT_USEC'

/** The variables of one datagram. */
export type NotifyMessage = Readonly<Partial<Record<NotifyVariable, string>>>

/** Milliseconds. `systemd-notify` itself waits up to 5 s for the manager. */
const TIMEOUT = 10_000

/** @param socket as in NOTIFY_SOCKET */
export async function notify(socket: string, message: NotifyMessage): Promise<Result<void, Fault>> {
  // Escapes line breaks, because each would start another variable, and NUL, because no argument can contain it.
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
  const what = 'cannot notify the service manager'
  const hint =
    'reconfd keeps working, but systemd kills a service with Type=notify or WatchdogSec= that sends no messages: install systemd-notify, or set Type=exec and remove WatchdogSec='
  const why =
    errnoOf(error) === 'ENOENT'
      ? 'systemd-notify is not on PATH'
      : error.killed === true
        ? `systemd-notify took longer than ${duration(TIMEOUT)}`
        : `systemd-notify failed: ${said === '' ? error.message : said}`
  return { kind: 'io', message: `${what}: ${why}`, hint }
}
