// Keeps Node's debugger closed. Node opens it on SIGUSR1, and anybody who can connect to its port can run code as our
// user.

/** Replaces Node's handler of SIGUSR1. Call before anything else. */
export function ignoreDebugSignal(): void {
  process.on('SIGUSR1', () => undefined)
}

/** Milliseconds to watch for a debugger, which another thread opens some time after an early signal. */
const WINDOW = 2000
/** Milliseconds between two checks whether the debugger is open. */
const LOOK = 50

/** Whether the operator has started Node with its debugger. */
const isWanted = (): boolean =>
  [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/)].some((option) =>
    /^--inspect(?:-brk|-wait)?(?:=|$)/.test(option),
  )

/**
 * Closes a debugger opened by a signal that arrived before ignoreDebugSignal() was called. Only for daemons, because
 * onetime runs are too short.
 */
export async function closeInspector(): Promise<void> {
  if (isWanted()) return
  const { close, url } = await import('node:inspector')
  const look = (): void => {
    if (url() !== undefined) close()
  }
  look()
  const looking = setInterval(look, LOOK).unref()
  setTimeout(() => clearInterval(looking), WINDOW).unref()
}
