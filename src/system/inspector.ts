// Node opens its debugger at SIGUSR1, and whoever reaches its port runs code as our user.

/** Takes the signal away from Node. Call it before anything else. */
export function ignoreDebugSignal(): void {
  process.on('SIGUSR1', () => undefined)
}

/** Milliseconds. A signal from before the handler opens the debugger a moment later, from another thread. */
const WINDOW = 2000
const LOOK = 50

const isAskedFor = (): boolean =>
  [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(/\s+/)].some((option) =>
    /^--inspect(?:-brk|-wait)?(?:=|$)/.test(option),
  )

/** Closes a debugger that such a signal has opened. For a daemon: a onetime run is over before. */
export async function closeInspector(): Promise<void> {
  if (isAskedFor()) return
  const { close, url } = await import('node:inspector')
  const look = (): void => {
    if (url() !== undefined) close()
  }
  look()
  const looking = setInterval(look, LOOK).unref()
  setTimeout(() => clearInterval(looking), WINDOW).unref()
}
