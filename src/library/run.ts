// Runs reconfd in the caller's process: takes settings as an object, passes events to a listener, and returns the result.
import type { Ended } from '../core/ended.ts'
import type { Event } from '../core/event.ts'
import { err, ok } from '../core/result.ts'
import { settingsGiven } from '../config/given.ts'
import { run as runSettings } from '../engine/run.ts'
import type { Settings } from './settings.ts'

export interface RunOptions {
  /** The settings, named as in confd.toml. Relative paths are relative to the current folder. */
  readonly settings?: Settings | undefined
  /**
   * Environment variables that supply missing settings, such as `CONFD_NODES`. Pass `process.env` to use those of the
   * process. Default: none.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Stops the run. Running work finishes first; owed reloads stay recorded. */
  readonly signal?: AbortSignal | undefined
  /**
   * Receives events as they happen and should return quickly. Events contain no values from a store, no passwords and
   * no tokens. An exception stops the run, as `signal` does, and rejects the promise.
   */
  readonly onEvent?: ((event: Event) => void) | undefined
}

/**
 * Keeps files in step with a store and reloads the programs that read them, like the command `reconfd`. With `onetime`
 * it does so once; otherwise it runs until `signal` stops it.
 *
 * The function sets no exit code, handles no signal, prints nothing, and leaves nothing running. Several runs may be
 * active at once, each with its own `confdir` and destinations.
 *
 * @returns how the run ended. Expected failures (settings, conf.d, templates, stores, commands, files) are part
 *   of this result and are also reported as events. A rejection is a bug in reconfd, or an exception in the listener.
 * @example
 * const ended = await run({
 *   settings: { backend: 'etcdv3', nodes: ['127.0.0.1:2379'], confdir: '/etc/confd', onetime: true },
 *   onEvent: (event) => {
 *     if (event.kind === 'failed') console.error(event.resource, event.fault.message)
 *   },
 * })
 * if (ended.kind !== 'done' || ended.failed.length > 0) process.exitCode = 1
 */
export async function run(options: RunOptions = {}): Promise<Ended> {
  const { settings = {}, env = {}, signal, onEvent } = options
  const read = () => settingsGiven(settings, env)
  const first = await read()
  if (!first.ok) return { kind: 'configuration', faults: first.error }

  const stop = new AbortController()
  const abort = (): void => stop.abort()
  if (signal?.aborted === true) abort()
  signal?.addEventListener('abort', abort, { once: true })
  let thrown: { readonly error: unknown } | undefined
  const emit = (event: Event): void => {
    try {
      onEvent?.(event)
    } catch (error) {
      // Rethrowing here would interrupt a cycle.
      thrown ??= { error }
      abort()
    }
  }
  try {
    for (const notice of first.value.notices) emit({ kind: 'notice', ...notice })
    const ended = await runSettings(first.value.settings, {
      emit,
      stop: stop.signal,
      // To change settings, the caller stops the run and starts another.
      onReload: () => undefined,
      settingsNow: async () => {
        const now = await read()
        return now.ok ? ok(now.value.settings) : err(now.error)
      },
      showPlan: () => undefined,
    })
    if (thrown !== undefined) throw thrown.error
    return ended
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}
