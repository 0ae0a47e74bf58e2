// Opens connections: resolves the master through a Sentinel, authenticates, and selects the database.
import { FaultError } from '../../core/fault.ts'
import type { ConnectionSettings as Login } from '../../core/settings.ts'
import { passwordOf } from '../secrets.ts'
import {
  anything,
  expectText,
  listOf,
  Mismatch,
  orNull,
  text,
  textLike,
  type Shape,
} from '../shape.ts'
import { tlsOptions } from '../tls.ts'
import type { RedisAddress } from '../../core/redis-node.ts'
import { RedisConnection, type RedisConnectionOptions } from './connection.ts'
import { fields } from './read.ts'

/** The reply to HELLO. reconfd uses only the values that are strings. */
const greeting = fields(anything)

const port = textLike(/^\d{1,5}$/, 'a port')

/** The address of a master; null if the master is unknown. */
const location: Shape<readonly [host: string, port: string] | null> = (reply) => {
  const list = orNull(listOf(text))(reply)
  if (list === null) return null
  if (list.length !== 2) throw new Mismatch('is not an address')
  return [text(list[0]), port(list[1])]
}

/** Opens connections. Aborting the signal closes them. */
export class Dialer {
  constructor(
    private readonly login: Login,
    /** See RedisConnectionOptions. */
    private readonly terms: Pick<RedisConnectionOptions, 'silence' | 'limits' | 'heard'>,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Resolves the address of a Sentinel to the address of its master. Returns any other address unchanged. Throws a
   * FaultError or a ReplyError.
   */
  async resolve(address: RedisAddress): Promise<RedisAddress> {
    return address.master === undefined ? address : this.#askSentinel(address)
  }

  /** Opens a connection, authenticates, and selects the database. Throws a FaultError or a ReplyError. */
  async open(address: RedisAddress): Promise<RedisConnection> {
    const place = placeOf(address)
    return this.#with(address, place, async (connection) => {
      const { username = 'default' } = this.login
      const password = passwordOf(this.login)
      const isKnown = password !== undefined || this.login.username !== undefined
      const auth = isKnown ? ['AUTH', username, password ?? ''] : []
      const hello = ['HELLO', '3', ...auth, 'SETNAME', 'reconfd']
      expectReadable(await connection.ask(greeting, ...hello), address, place)
      if (address.database > 0) {
        await connection.ask(expectText('OK'), 'SELECT', String(address.database))
      }
      return connection
    })
  }

  /** The address of the master, according to this Sentinel. */
  async #askSentinel(address: RedisAddress): Promise<RedisAddress> {
    const name = address.master as string
    const place = `the Sentinel at ${address.name}`
    return this.#with(address, place, async (connection) => {
      const found = await connection.ask(location, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)
      connection.close()
      if (found === null) {
        throw fault(`${place} knows no master ${JSON.stringify(name)}`, 'check the name in -node')
      }
      const [host, port] = found
      return { ...address, name: `${host}:${port}`, endpoint: { host, port: Number(port) } }
    })
  }

  /** Connects and calls `use`. Closes the connection if `use` throws or the signal is aborted. */
  async #with<T>(
    address: RedisAddress,
    place: string,
    use: (connection: RedisConnection) => Promise<T>,
  ): Promise<T> {
    this.signal.throwIfAborted()
    const tls = address.tls ? tlsOptions(this.login) : undefined
    const connection = new RedisConnection({
      endpoint: address.endpoint,
      tls,
      place,
      ...this.terms,
    })
    const close = (): void => connection.close()
    this.signal.addEventListener('abort', close, { once: true })
    void connection.ended.then(() => this.signal.removeEventListener('abort', close))
    try {
      return await use(connection)
    } catch (error) {
      connection.close()
      throw error
    }
  }
}

/** The name of a server in messages. */
export const placeOf = ({ name }: RedisAddress): string => `Redis at ${name}`

const fault = (message: string, hint: string, permanent = false): FaultError =>
  new FaultError({ kind: 'store', message, hint, ...(permanent ? { permanent } : {}) })

/**
 * Throws for a node of a cluster, which has only some of the keys, for a Sentinel, which has no keys, and for a former
 * master.
 */
function expectReadable(
  hello: ReadonlyMap<string, unknown>,
  { master }: RedisAddress,
  place: string,
) {
  const mode = hello.get('mode')
  if (mode === 'cluster') {
    const hint = 'use a single server or Sentinels, since reconfd does not support clusters'
    throw fault(`${place} is part of a cluster`, hint, true)
  }
  if (mode === 'sentinel') {
    throw fault(
      `${place} is a Sentinel`,
      'set -node to sentinel://host:port/name-of-the-master',
      true,
    )
  }
  if (master !== undefined && hello.get('role') !== 'master') {
    throw fault(
      `${place} is no longer the master ${JSON.stringify(master)}`,
      'no action is needed: reconfd asks the Sentinel again',
    )
  }
}
