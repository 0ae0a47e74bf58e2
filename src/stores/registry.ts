// The stores by name. The module of a store is loaded only when the store is used.
import { err, ok, type Result } from '../core/result.ts'
import { FaultError, type Fault } from '../core/fault.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store } from '../core/store.ts'

/** The exports of a store module. */
export interface StoreModule {
  /** Validates the settings. Sockets are opened by watch(). */
  open(settings: StoreSettings): Result<Store, Fault>
}

/** `etcd` is an alias of etcdv3. */
const stores: Readonly<Record<string, () => Promise<StoreModule>>> = {
  etcdv3: () => import('./etcdv3.ts'),
  etcd: () => import('./etcdv3.ts'),
  etcdv2: () => import('./etcdv2.ts'),
  consul: () => import('./consul.ts'),
  'consul-catalog': () => import('./consul-catalog.ts'),
  zookeeper: () => import('./zookeeper.ts'),
  redis: () => import('./redis.ts'),
  file: () => import('./file.ts'),
  env: () => import('./env.ts'),
}

export const storeNames: readonly string[] = Object.keys(stores)

/** Opens the store of `settings.backend`. Returns a fault if a setting is invalid. */
export async function openStore(settings: StoreSettings): Promise<Result<Store, Fault>> {
  const load = Object.hasOwn(stores, settings.backend) ? stores[settings.backend] : undefined
  if (load === undefined) {
    return err({
      kind: 'config',
      message: `unknown backend ${JSON.stringify(settings.backend)}`,
      hint: `use one of ${storeNames.join(', ')}`,
    })
  }
  try {
    const opened = (await load()).open(settings)
    const { srv } = settings.connection
    if (!opened.ok || srv === undefined) return opened
    const { withNodesFrom } = await import('./srv.ts')
    return ok(withNodesFrom(srv, opened.value))
  } catch (error) {
    if (error instanceof FaultError) return err(error.fault)
    throw error
  }
}
