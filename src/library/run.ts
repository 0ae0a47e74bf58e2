// A run in the process of whoever calls: settings as an object, events to a listener, and an end as a value.
import type { Ended } from '../core/ended.ts'
import type { Event } from '../core/event.ts'
import { err, ok } from '../core/result.ts'
import { settingsGiven } from '../config/given.ts'
import { run as runSettings } from '../engine/run.ts'
import type { Settings } from './settings.ts'

export interface RunOptions {
  /** As in confd.toml. Relative paths are seen from the current folder. */
  readonly settings?: Settings | undefined
  /**
   * Where settings that are left out are looked for, by the names that the command has for them, such as
   * `CONFD_NODES`: pass `process.env` to have them. Default: nowhere.
   */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** Ends the run. What is in work is finished first, and a reload that is owed stays written down. */
  readonly signal?: AbortSignal | undefined
  /**
   * Told what happens, while it happens: it should return soon. No event holds a value of the store, a
   * password or a token. What it throws ends the run, as `signal` does, and rejects the promise.
   */
  readonly onEvent?: ((event: Event) => void) | undefined
}

/**
 * Keeps files in step with a store and reloads the programs that read them, as the command `reconfd`
 * does. With `onetime` it does so once; else it goes on until it is stopped by `signal`.
 *
 * It sets no exit code, handles no signal, prints nothing and keeps nothing alive after its end. Several
 * runs may work at once, each with a `confdir` and destinations of its own.
 *
 * @returns how it ended. What goes wrong in the course of things (settings, conf.d, templates, stores,
 *   commands, files) is told there and in the events. A rejection is a bug of reconfd, or what the
 *   listener has thrown.
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
      // Thrown on, it would end a cycle half-way.
      thrown ??= { error }
      abort()
    }
  }
  try {
    for (const notice of first.value.notices) emit({ kind: 'notice', ...notice })
    const ended = await runSettings(first.value.settings, {
      emit,
      stop: stop.signal,
      // Who wants other settings ends the run and begins another one.
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
