// etcd v3 through its JSON gateway (https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/): list at
// one revision, then watch from the next one on.
import { FaultError, type Fault } from '../core/fault.ts'
import { outermost, type Key } from '../core/key.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { Compacted, follow } from './etcdv3/follow.ts'
import { Gateway } from './etcdv3/gateway.ts'
import { list } from './etcdv3/list.ts'
import { checkConnection, openHttp } from './http.ts'
import { Mailbox } from './mailbox.ts'

/** Milliseconds a watch may be silent before it is opened anew; see etcdv3/follow.ts. */
const SILENCE = 10_000

/**
 * The store of `-backend etcdv3`. Faults of the settings (a node that is no address, a TLS file
 * that cannot be read) are returned; nothing is connected yet.
 * @param tuning for tests
 */
export function open(settings: StoreSettings, tuning = { silence: SILENCE }): Result<Store, Fault> {
  const { connection } = settings
  const nodes = connection.nodes.length > 0 ? connection.nodes : ['127.0.0.1:2379']
  try {
    checkConnection(connection, nodes)
  } catch (error) {
    if (error instanceof FaultError) return err(error.fault)
    throw error
  }

  async function* watch(
    node: string,
    prefixes: readonly Key[],
    signal: AbortSignal,
  ): AsyncGenerator<StoreEvent> {
    const http = openHttp(node, connection, 'etcd')
    // Also when the consumer never comes back for the next event.
    const close = (): void => void http.close()
    signal.addEventListener('abort', close, { once: true })
    const dirs = outermost(prefixes)
    try {
      const gateway = new Gateway(http, connection, signal)
      for (;;) {
        const { entries, revision, cluster } = await list(gateway, dirs)
        yield { kind: 'snapshot', entries }
        const mailbox = new Mailbox()
        const round = new AbortController()
        const context = { gateway, mailbox, cluster, ...tuning, signal: round.signal }
        void follow(context, dirs, revision + 1n).catch((error: unknown) => mailbox.fail(error))
        try {
          yield* mailbox.deltas()
        } catch (error) {
          if (!(error instanceof Compacted)) throw error
        } finally {
          round.abort()
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      signal.removeEventListener('abort', close)
      await http.close()
    }
  }

  return ok({ name: 'etcdv3', nodes, watch })
}
