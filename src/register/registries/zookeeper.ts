// ZooKeeper: ephemeral nodes, which go with the session that has made them. The session's id and password are
// kept in the state folder: after a restart the session goes on, and so do the nodes.
import { raise } from '../../core/fault.ts'
import { joinKeys } from '../../core/key.ts'
import type { RegisterSettings } from '../../core/register.ts'
import { ok } from '../../core/result.ts'
import type { Connection } from '../../core/settings.ts'
import { passwordOf } from '../../stores/secrets.ts'
import { tlsOptions } from '../../stores/tls.ts'
import { parseNode } from '../../stores/zookeeper/address.ts'
import { Session as ZkSession, type Resumable } from '../../stores/zookeeper/session.ts'
import { hostAndPort, type Service } from '../service.ts'
import { takenFault } from './layout.ts'
import { forEach } from './ledger.ts'
import type { Entry, Memory, Refused, Registry, Session } from './registry.ts'
import { Znodes } from './znodes.ts'

export function zookeeper(settings: RegisterSettings, memory: Memory): Registry {
  const { to, connection, limits, ttl } = settings
  return {
    product: 'ZooKeeper',
    nodes: connection.nodes,
    makes: new Set(),
    entryOf: (service) => {
      const key = joinKeys(to.path, service.name, hostAndPort(service))
      return ok({ service, key, text: bodyOf(service) })
    },
    async open(node, _, changed) {
      const held: { session?: ZkSession } = {}
      let broke = (_reason: Error): void => undefined
      const broken = new Promise<never>((_, reject) => (broke = reject))
      // The keeper handles the rejection, if it still uses the session.
      broken.catch(() => undefined)
      const connect = (resume: Resumable | undefined): Promise<ZkSession> =>
        // Without the signal: aborting would end the session at the server.
        ZkSession.open(parseNode(node), {
          ...accountOf(connection),
          limits,
          timeout: ttl,
          ...(resume === undefined ? {} : { resume }),
          onEvent: changed,
          onEnd: (reason) => {
            if (held.session !== undefined) broke(reason)
          },
        })
      held.session = await holdSession(connect, ttl, memory)
      return new ZookeeperSession(
        new Znodes(held.session, connection.username !== undefined),
        broken,
      )
    },
  }
}

function accountOf(connection: Connection) {
  const { username, scheme } = connection
  const password = passwordOf(connection)
  return {
    ...(scheme === 'https' ? { tls: tlsOptions(connection) } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  }
}

/** Goes on with the session of the last run, or begins one. */
async function holdSession(
  connect: (resume: Resumable | undefined) => Promise<ZkSession>,
  ttl: number,
  memory: Memory,
): Promise<ZkSession> {
  const { session: id, secret } = memory.kept
  const isKept = typeof id === 'string' && /^-?\d+$/.test(id) && typeof secret === 'string'
  let session = await connect(
    isKept ? { id: BigInt(id), password: Buffer.from(secret, 'base64') } : undefined,
  )
  if (session.identity.id === 0n) {
    // It has expired, and the server has said so.
    session.leave()
    session = await connect(undefined)
  }
  if (
    isKept &&
    session.identity.id !== 0n &&
    (await new Znodes(session, false).ephemerals()) === undefined
  ) {
    // Before 3.6 a server cannot say what an earlier run has left: everything is put again.
    session.close()
    session = await connect(undefined)
  }
  if (session.timeout > ttl) {
    session.close()
    const [least, asked] = [session.timeout / 1000, ttl / 1000]
    raise(
      'store',
      `${session.place} keeps entries for ${least} s at least, and -ttl is ${asked} s`,
      {
        hint: `Write -ttl ${least}s or more, or lower the server's minSessionTimeout.`,
        permanent: true,
      },
    )
  }
  const { identity } = session
  const kept = { session: String(identity.id), secret: identity.password.toString('base64') }
  if (kept.session !== id) await memory.keep({ ...memory.kept, ...kept })
  return session
}

class ZookeeperSession implements Session {
  constructor(
    private readonly znodes: Znodes,
    readonly broken: Promise<never>,
  ) {}

  async present(wanted: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const texts = new Map<string, string>()
    const keys = new Set([...((await this.znodes.ephemerals()) ?? []), ...wanted])
    await forEach([...keys], async (key) => {
      const found = await this.znodes.get(key)
      if (found?.owner === this.znodes.session) texts.set(key, found.text)
    })
    return texts
  }

  async put(entries: readonly Entry[]): Promise<ReadonlyMap<string, Refused>> {
    const refused = new Map<string, Refused>()
    await forEach(entries, async ({ key, text }) => {
      if (await this.znodes.create(key, text)) return
      const found = await this.znodes.get(key)
      const isOurs = found?.owner === this.znodes.session
      if (isOurs && (await this.znodes.set(key, text))) return
      refused.set(key, { taken: true, fault: takenFault(key) })
    })
    return refused
  }

  async remove(keys: readonly string[]): Promise<void> {
    await forEach(keys, async (key) => {
      const found = await this.znodes.get(key)
      if (found?.owner === this.znodes.session) await this.znodes.delete(key)
    })
  }

  /** The session's own pings do. */
  renew(): Promise<readonly string[]> {
    return Promise.resolve([])
  }

  close(): Promise<void> {
    this.znodes.leave()
    return Promise.resolve()
  }

  end(): Promise<void> {
    this.znodes.close()
    return Promise.resolve()
  }
}

/** As registrator writes it, in the order of its fields. */
function bodyOf({ name, address, port, tags, meta, container }: Service): string {
  return JSON.stringify({
    Name: name,
    IP: address,
    PublicPort: port,
    PrivatePort: container?.privatePort ?? port,
    ContainerID: container?.hostname ?? '',
    Tags: tags,
    Attrs: meta,
  })
}
