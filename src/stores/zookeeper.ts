// The store zookeeper: the data of znodes as keys, watched as whole trees (ZooKeeper 3.6 and later) or znode by znode.
// No library for Node supports recursive watches (docs/stores/zookeeper.md lists the libraries that were examined), so
// zookeeper/ implements the small part of the protocol that is needed.
import type { FaultError } from '../core/fault.ts'
import { attempt, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import { ok, type Result } from '../core/result.ts'
import type { ConnectionSettings, StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent, WatchOptions } from '../core/store.ts'
import { expandNodes, parseZookeeperNode } from '../core/zookeeper-node.ts'
import { ZkError } from './zookeeper/protocol.ts'
import { HANDSHAKE_TIMEOUT, Session, type SessionOptions } from './zookeeper/session.ts'
import { NoRecursiveWatch, Znodes, type WatchMode } from './zookeeper/znodes.ts'
import { ChangeBuffer } from './change-buffer.ts'
import { passwordOf } from './secrets.ts'
import { tlsOptions } from './tls.ts'

const DEFAULT_NODE = '127.0.0.1:2181'

/**
 * Opens the store of `-backend zookeeper`. Returns a fault if a setting is invalid. Does not connect yet.
 * @param tuning set only by tests; `timeout` is the session timeout in milliseconds
 */
export function open(
  settings: StoreSettings,
  tuning: { readonly timeout?: number } = {},
): Result<Store, Fault> {
  const { connection } = settings
  const checked = attempt(() => {
    const expanded = expandNodes(connection.nodes.length > 0 ? connection.nodes : [DEFAULT_NODE])
    secured(connection)
    passwordOf(connection)
    return expanded
  })
  if (!checked.ok) return checked
  const nodes = checked.value

  async function* watch(
    node: string,
    prefixes: readonly Key[],
    signal: AbortSignal,
    { heard }: WatchOptions = {},
  ): AsyncGenerator<StoreEvent> {
    try {
      try {
        yield* follow(node, prefixes, 'recursive', signal, heard)
      } catch (error) {
        if (!(error instanceof NoRecursiveWatch)) throw error
      }
      // The mode `once` needs a new session, because a server closes the session after an unknown request.
      yield* follow(node, prefixes, 'once', signal, heard)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  let handshake: number = HANDSHAKE_TIMEOUT.first
  const openSession: typeof Session.open = async (...[address, options, signal]) => {
    try {
      const session = await Session.open(address, { ...options, handshake }, signal)
      handshake = HANDSHAKE_TIMEOUT.first
      return session
    } catch (error) {
      handshake = Math.min(2 * handshake, HANDSHAKE_TIMEOUT.most)
      throw error
    }
  }

  async function* follow(
    node: string,
    prefixes: readonly Key[],
    mode: WatchMode,
    signal: AbortSignal,
    heard: WatchOptions['heard'],
  ): AsyncGenerator<StoreEvent> {
    const address = parseZookeeperNode(node)
    const mailbox = new ChangeBuffer()
    const session = await openSession(
      address,
      {
        ...credentials(connection),
        ...secured(connection),
        ...tuning,
        limits: settings.limits,
        heard,
        onEvent: (event) => znodes.onEvent(event),
        onEnd: (reason) => mailbox.fail(reason),
      },
      signal,
    )
    const denied = (path: string): FaultError =>
      session.fault(`denied access to ${path}`, { hint: accessHint(connection), permanent: true })
    const znodes = new Znodes(session, mailbox, mode, address.chroot, prefixes, denied)
    try {
      yield await znodes.snapshot()
      yield* mailbox.deltas()
    } catch (error) {
      if (error instanceof ZkError) throw session.fault(`failed: ${error.message}`)
      if (!(error instanceof RangeError)) throw error
      throw session.fault(`sent an invalid response: ${error.message}`)
    } finally {
      session.close()
    }
  }

  return ok({ name: 'zookeeper', nodes, watch })
}

function credentials(
  connection: ConnectionSettings,
): Pick<ConnectionSettings, 'username' | 'password'> {
  const { username } = connection
  const password = passwordOf(connection)
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  }
}

/**
 * Returns the TLS options, if TLS is used. Call this for each session, because it reads the TLS files, which may have
 * been renewed. Throws a FaultError if a file cannot be read.
 */
const secured = (connection: ConnectionSettings): Pick<SessionOptions, 'tls'> =>
  connection.scheme === 'https' ? { tls: tlsOptions(connection) } : {}

/** ZooKeeper accepts any password. A wrong password becomes apparent only when access is denied. */
const accessHint = ({ username }: ConnectionSettings): string =>
  username === undefined
    ? 'its ACL requires a user: set -username and CONFD_PASSWORD'
    : `check the password, and that the ACL grants READ to ${JSON.stringify(username)}`
