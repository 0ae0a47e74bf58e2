// What the stores that speak HTTP have in common: settings that are looked at when the store is opened,
// and one client for each watch, gone with it.
import { attempt, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import { ok, type Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent, WatchOptions } from '../core/store.ts'
import { checkConnection, openHttp, type HttpClient } from './http.ts'

export interface HttpStore {
  readonly name: string
  /** How messages call the server. */
  readonly product: string
  /** Where it listens on this machine, and of a node that names no port. */
  readonly port: number
  readonly settings: StoreSettings
  /** Throws a FaultError for settings of this store that are not right; nothing is connected yet. */
  readonly check?: () => void
  /** Milliseconds that a connection is kept for the next request. */
  readonly idle?: number
  /** What Store.watch() gives, over a client that is closed when this ends or the signal is aborted. */
  readonly follow: (
    http: HttpClient,
    prefixes: readonly Key[],
    signal: AbortSignal,
    options: WatchOptions,
  ) => AsyncIterable<StoreEvent>
}

/** Faults of the settings (a node that is no address, a TLS file that cannot be read) are returned. */
export function openHttpStore(options: HttpStore): Result<Store, Fault> {
  const { name, product, port, check, idle, follow } = options
  const { connection, limits } = options.settings
  const nodes = connection.nodes.length > 0 ? connection.nodes : [`127.0.0.1:${port}`]
  const checked = attempt(() => {
    checkConnection(connection, nodes, port)
    check?.()
  })
  if (!checked.ok) return checked

  async function* watch(
    node: string,
    prefixes: readonly Key[],
    signal: AbortSignal,
    watching: WatchOptions = {},
  ): AsyncGenerator<StoreEvent> {
    const http = openHttp(node, {
      connection,
      limits,
      product,
      port,
      idle,
      heard: watching.heard,
    })
    // At once, and not when the consumer comes back: an aborted watch keeps no socket.
    const close = (): void => void http.close()
    signal.addEventListener('abort', close, { once: true })
    try {
      signal.throwIfAborted()
      yield* follow(http, prefixes, signal, watching)
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      signal.removeEventListener('abort', close)
      await http.close()
    }
  }

  return ok({ name, nodes, watch })
}
