// The store consul-catalog: what is registered with Consul, as keys. A healthy instance of the service
// web is `/services/web/<node>:<id>`, a node is `/nodes/<name>`; the values are JSON.
import { FaultError, raise, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { CatalogSettings, StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { CatalogApi } from './consul-catalog/api.ts'
import { follow } from './consul-catalog/follow.ts'
import { scopeOf } from './consul-catalog/scope.ts'
import { ConsulHttp } from './consul-http.ts'
import { checkConnection, openHttp } from './http.ts'
import { consulCredentials } from './secrets.ts'

const DEFAULT_NODE = '127.0.0.1:8500'

const EVERYTHING_HEALTHY: CatalogSettings = { health: 'passing', tags: [], meta: [], maxStale: 0 }

const NEEDS =
  'give a token whose policy has read on the service (for all of /services: service_prefix "") and ' +
  'on node_prefix "", with -auth-token-file or CONSUL_HTTP_TOKEN'

/** The store of `-backend consul-catalog`. Faults of the settings are returned; nothing is connected yet. */
export function open(
  settings: StoreSettings,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Result<Store, Fault> {
  const { connection, catalog = EVERYTHING_HEALTHY } = settings
  const nodes = connection.nodes.length > 0 ? connection.nodes : [DEFAULT_NODE]
  const credentials = (): Record<string, string> => consulCredentials(connection, env)
  try {
    checkConnection(connection, nodes)
    credentials()
    expectPairs(catalog.meta)
  } catch (error) {
    if (error instanceof FaultError) return err(error.fault)
    throw error
  }

  async function* watch(
    node: string,
    prefixes: readonly Key[],
    signal: AbortSignal,
  ): AsyncGenerator<StoreEvent> {
    const http = openHttp(node, connection, 'Consul')
    // At once, and not when the consumer comes back: an aborted watch keeps no socket.
    const close = (): void => void http.close()
    signal.addEventListener('abort', close, { once: true })
    try {
      signal.throwIfAborted()
      const connect = (): ConsulHttp => new ConsulHttp(http, credentials(), NEEDS)
      const api = new CatalogApi(connect, catalog)
      yield* follow(api, scopeOf(prefixes), signal)
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      signal.removeEventListener('abort', close)
      await http.close()
    }
  }

  return ok({ name: 'consul-catalog', nodes, watch })
}

function expectPairs(meta: readonly string[]): void {
  for (const pair of meta) {
    if (pair.indexOf('=') > 0) continue
    raise('config', `-consul-meta "${pair}" is not name=value`, {
      hint: 'write -consul-meta version=2',
    })
  }
}
