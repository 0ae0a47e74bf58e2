// The store etcdv3, through etcd's JSON gateway (https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/): a listing at
// one revision, then a watch from the next revision.
import type { Fault } from '../core/fault.ts'
import { outermost, type Key } from '../core/key.ts'
import type { Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { followEtcd, type Follow } from './etcdv3/follow.ts'
import { Gateway } from './etcdv3/gateway.ts'
import { listKeys } from './etcdv3/list.ts'
import { EtcdNames } from './etcdv3/names.ts'
import { slashNotice } from './etcdv3/slash-notice.ts'
import type { PulseTuning } from './etcdv3/pulse.ts'
import { openHttpStore } from './http-store.ts'
import { ChangeBuffer } from './change-buffer.ts'

/** See etcdv3/pulse.ts. A hanging member is abandoned within 7 s. */
const TUNING: PulseTuning = {
  interval: 4000,
  patience: 3000,
  grace: 500,
  moment: 1000,
  opening: 10_000,
}

/**
 * Opens the store of `-backend etcdv3`. Returns a fault if a setting is invalid. Does not connect yet.
 * @param tuning set only by tests
 */
export function open(settings: StoreSettings, tuning = TUNING): Result<Store, Fault> {
  const { connection, slashless = false } = settings
  const names = new EtcdNames(slashless)
  return openHttpStore({
    name: 'etcdv3',
    product: 'etcd',
    port: 2379,
    settings,
    // Keeps the second connection open between the requests that pulse.ts sends.
    idle: tuning.interval * 2,
    follow: (http, prefixes, signal, { behind = () => undefined }) =>
      watch(new Gateway(http, connection, signal), names, outermost(prefixes), tuning, behind),
  })
}

/** Yields a listing, then deltas. */
async function* watch(
  gateway: Gateway,
  names: EtcdNames,
  dirs: readonly Key[],
  tuning: PulseTuning,
  behind: Follow['behind'],
): AsyncGenerator<StoreEvent> {
  const began = performance.now()
  const { entries, held } = await listKeys(gateway, names, dirs)
  const readAt = performance.now()
  const notice = entries.size > 0 ? undefined : await slashNotice(gateway, names, dirs)
  yield { kind: 'snapshot', entries, ...(notice === undefined ? {} : { notices: [notice] }) }
  const mailbox = new ChangeBuffer()
  const ended = new AbortController()
  const { signal } = ended
  const reading = readAt - began
  void followEtcd({ gateway, held, mailbox, tuning, readAt, reading, behind, signal }).catch(
    (error: unknown) => mailbox.fail(error),
  )
  try {
    yield* mailbox.deltas()
  } finally {
    ended.abort()
  }
}
