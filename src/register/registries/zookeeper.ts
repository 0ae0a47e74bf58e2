// Registers services in ZooKeeper as ephemeral nodes, which ZooKeeper removes with their session. The session's id and
// password are kept in the state directory, so that a restart resumes the session and keeps the nodes.
import { raise } from '../../core/fault.ts'
import { joinKeys } from '../../core/key.ts'
import type { RegisterSettings } from '../../core/register.ts'
import { err, ok } from '../../core/result.ts'
import type { ConnectionSettings } from '../../core/settings.ts'
import { passwordOf } from '../../stores/secrets.ts'
import { tlsOptions } from '../../stores/tls.ts'
import { parseZookeeperNode } from '../../core/zookeeper-node.ts'
import { Session as ZkSession, type Resumable } from '../../stores/zookeeper/session.ts'
import { hostAndPort, type Service } from '../service.ts'
import { otherOwnerFault } from './layout.ts'
import { forEach } from './ledger.ts'
import type {
  RegistryEntry,
  RegistryMemory,
  EntryRefusal,
  Registry,
  RegistrySession,
} from './registry.ts'
import { ZnodeWriter } from './znodes.ts'

export function zookeeper(settings: RegisterSettings, memory: RegistryMemory): Registry {
  const { to, connection, limits, ttl } = settings
  return {
    product: 'ZooKeeper',
    nodes: connection.nodes,
    makes: new Set(),
    entryOf: (service) => {
      if (INVALID.test(service.name))
        return err('its name contains a character that ZooKeeper refuses')
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
        // Does not pass `signal`, because aborting would end the session on the server.
        ZkSession.open(parseZookeeperNode(node), {
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
        new ZnodeWriter(held.session, connection.username !== undefined),
        broken,
      )
    },
  }
}

/** ZooKeeper refuses control characters, private ones, and those above U+FFFF, such as emoji. */
const INVALID = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]/

function accountOf(connection: ConnectionSettings) {
  const { username, scheme } = connection
  const password = passwordOf(connection)
  return {
    ...(scheme === 'https' ? { tls: tlsOptions(connection) } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  }
}

/** Resumes the session of the previous run, or creates one. */
async function holdSession(
  connect: (resume: Resumable | undefined) => Promise<ZkSession>,
  ttl: number,
  memory: RegistryMemory,
): Promise<ZkSession> {
  const { session: id, secret } = memory.kept
  const isKept = typeof id === 'string' && /^-?\d+$/.test(id) && typeof secret === 'string'
  let session = await connect(
    isKept ? { id: BigInt(id), password: Buffer.from(secret, 'base64') } : undefined,
  )
  if (session.identity.id === 0n) {
    // The session has expired.
    session.leave()
    session = await connect(undefined)
  }
  if (
    isKept &&
    session.identity.id !== 0n &&
    (await new ZnodeWriter(session, false).ephemerals()) === undefined
  ) {
    // Servers before 3.6 cannot list the nodes of an earlier run, so its session is closed, which removes the nodes.
    session.close()
    session = await connect(undefined)
  }
  if (session.timeout > ttl) {
    session.close()
    const [least, asked] = [session.timeout / 1000, ttl / 1000]
    raise(
      'store',
      `${session.place} keeps entries for at least ${least} s, but -ttl is ${asked} s`,
      {
        hint: `set -ttl to ${least}s or more, or lower the server's minSessionTimeout`,
        permanent: true,
      },
    )
  }
  const { identity } = session
  const kept = { session: String(identity.id), secret: identity.password.toString('base64') }
  if (kept.session !== id) await memory.keep({ ...memory.kept, ...kept })
  return session
}

class ZookeeperSession implements RegistrySession {
  constructor(
    private readonly znodes: ZnodeWriter,
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

  async put(entries: readonly RegistryEntry[]): Promise<ReadonlyMap<string, EntryRefusal>> {
    const refused = new Map<string, EntryRefusal>()
    await forEach(entries, async ({ key, text }) => {
      if (await this.znodes.create(key, text)) return
      const found = await this.znodes.get(key)
      const isOurs = found?.owner === this.znodes.session
      if (isOurs && (await this.znodes.set(key, text))) return
      refused.set(key, { taken: true, fault: otherOwnerFault(key) })
    })
    return refused
  }

  async remove(keys: readonly string[]): Promise<void> {
    await forEach(keys, async (key) => {
      const found = await this.znodes.get(key)
      if (found?.owner === this.znodes.session) await this.znodes.delete(key)
    })
  }

  /** Nothing to do: the session's pings renew the nodes. */
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

/** Returns the JSON that registrator would write, with the fields in the same order. */
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
