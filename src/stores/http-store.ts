// The common part of the stores that use HTTP: checks the settings when a store is opened and gives each watch its own
// client.
import { attempt, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import { ok, type Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent, WatchOptions } from '../core/store.ts'
import { checkConnection, openHttp, type HttpClient } from './http.ts'

export interface HttpStore {
  readonly name: string
  /** The server's name in messages. */
  readonly product: string
  /** The server's default port. */
  readonly port: number
  readonly settings: StoreSettings
  /** Throws a FaultError for invalid settings of this store; does not connect. */
  readonly check?: () => void
  /** Milliseconds to keep an idle connection. */
  readonly idle?: number
  /** Implements Store.watch(). The client is closed when the iteration ends or the signal is aborted. */
  readonly follow: (
    http: HttpClient,
    prefixes: readonly Key[],
    signal: AbortSignal,
    options: WatchOptions,
  ) => AsyncIterable<StoreEvent>
}

/**
 * Opens a store that uses HTTP. Returns a fault if a setting is invalid, for example if a node is not a valid address
 * or a TLS file cannot be read.
 */
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
    // Closes the client immediately, even if the consumer never requests another event.
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
