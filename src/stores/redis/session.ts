// From an address to a connection that reads the right database of the right server.
import { FaultError } from '../../core/fault.ts'
import type { Connection as Login } from '../../core/settings.ts'
import { passwordOf } from '../secrets.ts'
import { tlsOptions } from '../tls.ts'
import type { Address } from './address.ts'
import { Connection, type Reply } from './connection.ts'
import { fieldsOf } from './read.ts'

/** Opens connections that end with the signal, however far they have come. */
export class Dialer {
  constructor(
    private readonly login: Login,
    /** Milliseconds; see Connection. */
    private readonly silence: number,
    private readonly signal: AbortSignal,
  ) {}

  /** The server itself, which a Sentinel is asked for. Throws a FaultError or a ReplyError. */
  async resolve(address: Address): Promise<Address> {
    return address.master === undefined ? address : this.#askSentinel(address)
  }

  /** Throws a FaultError or a ReplyError. */
  async open(address: Address): Promise<Connection> {
    const place = placeOf(address)
    return this.#with(address, place, async (connection) => {
      const { username = 'default' } = this.login
      const password = passwordOf(this.login)
      const isKnown = password !== undefined || this.login.username !== undefined
      const auth = isKnown ? ['AUTH', username, password ?? ''] : []
      const hello = fieldsOf(await connection.request('HELLO', '3', ...auth, 'SETNAME', 'reconfd'))
      expectReadable(hello, address, place)
      if (address.database > 0) await connection.request('SELECT', String(address.database))
      return connection
    })
  }

  /** The master as this Sentinel knows it. */
  async #askSentinel(address: Address): Promise<Address> {
    const name = address.master as string
    const place = `the Sentinel at ${address.name}`
    return this.#with(address, place, async (connection) => {
      const found = await connection.request('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)
      connection.close()
      if (!isPair(found)) {
        throw fault(`${place} knows no master ${JSON.stringify(name)}`, 'check the name in -node')
      }
      const [host, port] = found
      return { ...address, name: `${host}:${port}`, endpoint: { host, port: Number(port) } }
    })
  }

  /** The connection is closed when `use` throws, and when the signal is aborted. */
  async #with<T>(
    address: Address,
    place: string,
    use: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    this.signal.throwIfAborted()
    const tls = address.tls ? tlsOptions(this.login) : undefined
    const connection = new Connection({
      endpoint: address.endpoint,
      tls,
      place,
      silence: this.silence,
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

/** What messages call a server. */
export const placeOf = ({ name }: Address): string => `Redis at ${name}`

const isPair = (reply: Reply): reply is readonly [string, string] =>
  Array.isArray(reply) && reply.length === 2

const fault = (message: string, hint: string, permanent = false): FaultError =>
  new FaultError({ kind: 'store', message, hint, ...(permanent ? { permanent } : {}) })

/** A cluster's node holds some of the keys, and a Sentinel none: neither is to look like a server. */
function expectReadable(hello: ReadonlyMap<string, string>, { master }: Address, place: string) {
  const mode = hello.get('mode')
  if (mode === 'cluster') {
    const hint = 'reconfd reads single servers and what a Sentinel names, not clusters'
    throw fault(`${place} is part of a cluster`, hint, true)
  }
  if (mode === 'sentinel') {
    throw fault(
      `${place} is a Sentinel`,
      'write -node sentinel://host:port/name-of-the-master',
      true,
    )
  }
  if (master !== undefined && hello.get('role') !== 'master') {
    throw fault(
      `${place} is not the master ${JSON.stringify(master)} any more`,
      'Sentinel is asked again',
    )
  }
}
