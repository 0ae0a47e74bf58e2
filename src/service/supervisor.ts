// What a service manager says to a service that it starts, in its environment: sd_notify(3),
// sd_watchdog_enabled(3).

/** How to tell the service manager of ourselves. */
export interface Supervisor {
  /** The path of a Unix datagram socket, or `@` and the name of an abstract one. */
  readonly socket: string
  /** Milliseconds within which it wants a sign of life each time; absent when it wants none. */
  readonly watchdog?: number
}

const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const

/**
 * Reads these variables and takes them out of the environment: a check or a reload command that
 * inherited them could speak in our name.
 * @param pid of this process: the watchdog may be meant for another one, such as a wrapper
 */
export function takeSupervisor(env: NodeJS.ProcessEnv, pid: number): Supervisor | undefined {
  const [socket = '', usec, watched = String(pid)] = VARIABLES.map((name) => env[name])
  for (const name of VARIABLES) delete env[name]
  if (socket === '') return undefined
  const watchdog = watched === String(pid) ? Math.floor(Number(usec) / 1000) : 0
  return watchdog > 0 ? { socket, watchdog } : { socket }
}
