// The store redis, for Valkey and for Redis 6 or later: strings and the fields of hashes become keys.
//
// Subscribes first, then reads, so that no change is missed. A notification contains only the name to read again. Redis
// sends each notification only once and sends none for some changes. So everything is read again periodically, and more
// often if the server sends no notifications.
import { attempt, FaultError, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import { ok, type Result } from '../core/result.ts'
import type { StoreSettings } from '../core/settings.ts'
import type { Notice, Store, StoreEvent, WatchOptions } from '../core/store.ts'
import { duration, listed } from '../core/words.ts'
import { isEmptyDelta } from './delta.ts'
import { CONNECT_TIMEOUT } from './http-faults.ts'
import { parseRedisNode, type RedisAddress } from '../core/redis-node.ts'
import type { RedisConnection } from './redis/connection.ts'
import { faultOfReply, ReplyError } from './redis/faults.ts'
import { RedisNames, RedisScope } from './redis/names.ts'
import { Notifications } from './redis/notifications.ts'
import { readDatabase, readNames, type RedisContents } from './redis/read.ts'
import { Dialer, placeOf } from './redis/session.ts'
import { RedisView } from './redis/view.ts'
import { passwordOf } from './secrets.ts'
import { expectText } from './shape.ts'
import { tlsOptions } from './tls.ts'

const DEFAULT_NODE = '127.0.0.1:6379'

/** Times in milliseconds. */
export interface RedisTuning {
  /** Time between two full reads, if the server sends notifications. */
  readonly resync: number
  /** Silence after which a connection is pinged. */
  readonly heartbeat: number
  /** Maximum silence while a reply is pending, and maximum time to connect. */
  readonly silence: number
}

const TUNING: RedisTuning = { resync: 60_000, heartbeat: 5000, silence: CONNECT_TIMEOUT }

/**
 * Opens the store of `-backend redis`. Returns a fault if a setting is invalid. Does not connect yet.
 * @param tuning set only by tests
 */
export function open(settings: StoreSettings, tuning = TUNING): Result<Store, Fault> {
  const { connection } = settings
  const nodes = connection.nodes.length > 0 ? connection.nodes : [DEFAULT_NODE]
  const checked = attempt(() => {
    const parsed = new Map(nodes.map((node) => [node, parseRedisNode(node, connection.scheme)]))
    const wrong = contradiction(settings, [...parsed.values()])
    if (wrong !== undefined) throw new FaultError(wrong)
    tlsOptions(connection)
    passwordOf(connection)
    return parsed
  })
  if (!checked.ok) return checked
  const addresses = checked.value
  const names = new RedisNames(settings.separator)

  async function* watch(
    node: string,
    prefixes: readonly Key[],
    signal: AbortSignal,
    { heard }: WatchOptions = {},
  ): AsyncGenerator<StoreEvent> {
    const address = addresses.get(node) ?? parseRedisNode(node, connection.scheme)
    const { silence } = tuning
    const dialer = new Dialer(connection, { silence, limits: settings.limits, heard }, signal)
    const connections: RedisConnection[] = []
    const connect = async (server: RedisAddress): Promise<RedisConnection> => {
      const opened = await dialer.open(server)
      connections.push(opened)
      return opened
    }
    let server = address
    try {
      server = await dialer.resolve(address)
      const reader = await connect(server)
      const listener = await connect(server)
      const scope = new RedisScope(names, prefixes)
      const notifications = new Notifications(listener, scope, server.database)
      for (const { ended } of connections) void ended.then(() => notifications.wake())
      yield* follow(reader, scope, notifications, { ...tuning, ...settings })
    } catch (error) {
      if (signal.aborted) return
      throw error instanceof ReplyError ? faultOfReply(error, placeOf(server)) : error
    } finally {
      for (const opened of connections) opened.close()
    }
  }

  return ok({ name: 'redis', nodes, watch })
}

type Pace = RedisTuning & Pick<StoreSettings, 'pollInterval' | 'mode'>

/**
 * Yields a snapshot, then deltas. Yields another snapshot, with the current notices, whenever the reason for polling
 * changes. Ends only by throwing.
 */
async function* follow(
  reader: RedisConnection,
  scope: RedisScope,
  notifications: Notifications,
  pace: Pace,
): AsyncGenerator<StoreEvent, never> {
  const view = new RedisView(scope)
  await notifications.subscribe()
  let told: string | undefined
  for (let first = true; ; first = false) {
    const gap = await notifications.gap()
    notifications.takeFlushed()
    notifications.takeChanged()
    const contents = await readDatabase(reader, scope)
    const changes = view.replace(contents)
    if (first || gap?.why !== told) {
      told = gap?.why
      const notices = [
        ...(gap === undefined || pace.mode === 'onetime' ? [] : [polling(reader, gap, pace)]),
        ...leftOut(reader, contents),
      ]
      yield { kind: 'snapshot', entries: new Map(view.entries), notices }
    } else if (!isEmptyDelta(changes)) {
      yield { kind: 'delta', ...changes }
    }

    const rest = gap === undefined ? pace.resync : pace.pollInterval
    const due = performance.now() + rest
    for (let left = rest; left > 0; left = due - performance.now()) {
      await notifications.wait(Math.min(left, pace.heartbeat))
      if (notifications.takeFlushed()) break
      const changed = notifications.takeChanged()
      if (changed.size === 0) {
        await Promise.all([reader.ask(expectText('PONG'), 'PING'), notifications.ping()])
        continue
      }
      const delta = view.update(await readNames(reader, scope, changed))
      if (!isEmptyDelta(delta)) yield { kind: 'delta', ...delta }
    }
  }
}

function polling(
  { place }: RedisConnection,
  { why, hint }: { readonly why: string; readonly hint: string },
  { pollInterval }: Pace,
): Notice {
  const every = `${duration(pollInterval)} (-poll-interval)`
  const message = `${place} may not report all changes (${why}), so all keys are read every ${every}; ${hint}`
  return { level: 'warn', message }
}

function leftOut({ place }: RedisConnection, contents: RedisContents): readonly Notice[] {
  const names = [...contents].flatMap(([name, content]) => (content === null ? [name] : []))
  if (names.length === 0) return []
  const message = `${place}: ignored names that are neither strings nor hashes: ${listed(names, 3)}`
  return [{ level: 'debug', message }]
}

function contradiction(
  { separator, connection }: StoreSettings,
  addresses: readonly RedisAddress[],
): Fault | undefined {
  if (separator === '') {
    const hint =
      'remove -separator if names look like /app/db, or set it to : if names look like app:db'
    return { kind: 'config', message: '-separator is empty', hint }
  }
  if (connection.clientKey !== undefined && !addresses.some(({ tls }) => tls)) {
    return {
      kind: 'config',
      message: '-client-key is set, but no Redis node is contacted with TLS',
      hint: 'to use TLS, add -scheme https; if -client-key contains the Redis password, as in confd, set CONFD_PASSWORD instead',
    }
  }
  return undefined
}
