// Helpers that wait in tests, with a deadline and with a message that names the missing result.
import { setTimeout as delay } from 'node:timers/promises'

/** Milliseconds. A deadline only ends a test that hangs; a busy machine may take ten times as long as a quiet one. */
const DEADLINE = 60_000
/** Milliseconds for the end of an aborted watch. Shorter than the 10 s after which stores abandon a request. */
export const ABORTED = 8000

/**
 * Polls until the condition returns a value that is neither false nor undefined, and returns that value. Throws after
 * `timeout` milliseconds. An exception from the condition is passed on immediately.
 */
export async function until<T>(
  what: string,
  condition: () => T | false | undefined | Promise<T | false | undefined>,
  { timeout = DEADLINE, every = 20 } = {},
): Promise<T> {
  const deadline = performance.now() + timeout
  for (;;) {
    const result = await condition()
    if (result !== false && result !== undefined) return result
    if (performance.now() > deadline) throw new Error(`not within ${timeout} ms: ${what}`)
    await delay(every)
  }
}

/** Returns the value of the promise. After `timeout` milliseconds, throws an error that names `what`. */
export async function within<T>(what: string, promise: Promise<T>, timeout = DEADLINE): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`not within ${timeout} ms: ${what}`))
    }, timeout)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
