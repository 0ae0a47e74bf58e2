// The store consul-catalog: the services and nodes registered with Consul, as keys. A healthy instance of the service
// web is `/services/web/<node>:<id>`, a node is `/nodes/<name>`; the values are JSON. The store is read on demand: of
// the services, reconfd reads only those that templates look up.
import { raise, type Fault } from '../core/fault.ts'
import { ok, type Result } from '../core/result.ts'
import type { CatalogSettings, StoreSettings } from '../core/settings.ts'
import type { Store } from '../core/store.ts'
import { CatalogApi } from './consul-catalog/api.ts'
import { Catalog } from './consul-catalog/catalog.ts'
import { followCatalog } from './consul-catalog/follow.ts'
import { everything, noticesOf, seenBy, startingWith } from './consul-catalog/scope.ts'
import { Topics } from './consul-catalog/topics.ts'
import { ConsulHttp } from './consul-http.ts'
import { Indexes } from './consul-index.ts'
import { openHttpStore } from './http-store.ts'
import { coveredBy } from './roots.ts'
import { consulCredentials } from './secrets.ts'

const EVERYTHING_HEALTHY: CatalogSettings = { health: 'passing', tags: [], meta: [], maxStale: 0 }

const NEEDS =
  'use -auth-token-file or CONSUL_HTTP_TOKEN to set a token whose policy grants read ' +
  'on the service (for all of /services: service_prefix "") and on node_prefix ""'

/** Opens the store of `-backend consul-catalog`. Returns a fault if a setting is invalid. Does not connect yet. */
export function open(
  settings: StoreSettings,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Result<Store, Fault> {
  const { connection, catalog = EVERYTHING_HEALTHY } = settings
  const indexes = new Indexes()
  const credentials = (): Record<string, string> => consulCredentials(connection, env)
  const opened = openHttpStore({
    name: 'consul-catalog',
    product: 'Consul',
    port: 8500,
    settings,
    check: () => {
      credentials()
      expectPairs(catalog.meta)
    },
    follow: (http, prefixes, signal, { demand }) => {
      const connect = (): ConsulHttp => new ConsulHttp(http, credentials(), indexes, NEEDS)
      const api = new CatalogApi(connect, catalog)
      const seen = seenBy(coveredBy(prefixes))
      const topics = new Topics(api, demand ?? everything(prefixes), seen)
      return followCatalog(
        new Catalog(api, topics, demand === undefined),
        noticesOf(prefixes),
        signal,
      )
    },
  })
  return opened.ok ? ok({ ...opened.value, startingWith }) : opened
}

function expectPairs(meta: readonly string[]): void {
  for (const pair of meta) {
    if (pair.indexOf('=') > 0) continue
    raise('config', `-consul-meta "${pair}" is not name=value`, {
      hint: 'write name=value, such as -consul-meta version=2',
    })
  }
}
