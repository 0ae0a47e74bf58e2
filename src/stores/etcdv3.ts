// etcd v3 through its JSON gateway (https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/): list at
// one revision, then watch from the next one on.
import type { Fault } from '../core/fault.ts'
import { outermost, type Key } from '../core/key.ts'
import type { Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { follow } from './etcdv3/follow.ts'
import { Gateway } from './etcdv3/gateway.ts'
import { list } from './etcdv3/list.ts'
import { Names } from './etcdv3/names.ts'
import { otherwiseNamed } from './etcdv3/otherwise-named.ts'
import { openHttpStore } from './http-store.ts'
import { Mailbox } from './mailbox.ts'

/** Milliseconds a watch may be silent before it is opened anew; see etcdv3/follow.ts. */
const SILENCE = 10_000

/**
 * The store of `-backend etcdv3`. Faults of the settings are returned; nothing is connected yet.
 * @param tuning for tests
 */
export function open(settings: StoreSettings, tuning = { silence: SILENCE }): Result<Store, Fault> {
  const { connection, slashless = false } = settings
  const names = new Names(slashless)
  return openHttpStore({
    name: 'etcdv3',
    product: 'etcd',
    port: 2379,
    settings,
    follow: (http, prefixes, signal) =>
      watch(new Gateway(http, connection, signal), names, outermost(prefixes), tuning),
  })
}

/** A listing, and the deltas behind it. */
async function* watch(
  gateway: Gateway,
  names: Names,
  dirs: readonly Key[],
  tuning: { readonly silence: number },
): AsyncGenerator<StoreEvent> {
  const { entries, revision, cluster } = await list(gateway, names, dirs)
  const notice = entries.size > 0 ? undefined : await otherwiseNamed(gateway, names, dirs)
  yield { kind: 'snapshot', entries, ...(notice === undefined ? {} : { notices: [notice] }) }
  const mailbox = new Mailbox()
  const ended = new AbortController()
  const context = { gateway, mailbox, names, cluster, ...tuning, signal: ended.signal }
  void follow(context, dirs, revision + 1n).catch((error: unknown) => mailbox.fail(error))
  try {
    yield* mailbox.deltas()
  } finally {
    ended.abort()
  }
}
