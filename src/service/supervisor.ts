// Reads the service manager's variables from the environment: sd_notify(3), sd_watchdog_enabled(3).

/** The service manager that started this process. */
export interface Supervisor {
  /** The path of a Unix datagram socket, or `@` and the name of an abstract one. */
  readonly socket: string
  /** Watchdog timeout in milliseconds; absent if the watchdog is off. */
  readonly watchdog?: number
}

const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const

/**
 * Removes the variables from the environment, so that no command inherits them and notifies the manager in
 * reconfd's name.
 * @param pid the pid of this process; WATCHDOG_PID may name another process, such as a wrapper
 */
export function takeSupervisor(env: NodeJS.ProcessEnv, pid: number): Supervisor | undefined {
  const [socket = '', usec, watched = String(pid)] = VARIABLES.map((name) => env[name])
  for (const name of VARIABLES) delete env[name]
  if (socket === '') return undefined
  const watchdog = watched === String(pid) ? Math.floor(Number(usec) / 1000) : 0
  return watchdog > 0 ? { socket, watchdog } : { socket }
}
