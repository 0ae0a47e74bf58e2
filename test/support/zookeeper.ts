// A real ZooKeeper for tests, and a client that writes to it. Version 3.8 has recursive watches, and 3.4 does not.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { parseZookeeperNode } from '../../src/core/zookeeper-node.ts'
import { errorCode, opcode, readBody, ZkError } from '../../src/stores/zookeeper/protocol.ts'
import { Session, type SessionOptions } from '../../src/stores/zookeeper/session.ts'
import type { StoreClient } from './clients.ts'
import { startProxy } from './proxy.ts'
import { serverBinary, startOnFreePorts, tempDir, type ProcessSpec } from './process.ts'
import { StoreServer } from './servers.ts'

const create = 1
const remove = 2
const setData = 5
const setAcl = 7

const READ = 1
const EVERYTHING = 31

/** Milliseconds. Session timeouts are 2 to 20 ticks, so short ticks let a test see a session expire. */
const TICK = 250

export class ZookeeperClient implements StoreClient {
  #session: Promise<Session> | undefined

  constructor(
    readonly node: string,
    readonly options: SessionOptions = {},
  ) {}

  async put(key: string, value: string): Promise<void> {
    await this.putAll(new Map([[key, value]]))
  }

  /** Pipelines the requests, because ZooKeeper processes the requests of a session in order. */
  async putAll(entries: ReadonlyMap<string, string>): Promise<void> {
    const session = await this.session()
    const folders = new Set<string>()
    for (const key of entries.keys()) {
      const path: string[] = []
      for (let at = dirname(key); at !== '/' && !folders.has(at); at = dirname(at)) path.push(at)
      for (const folder of path.reverse()) folders.add(folder)
    }
    const isThere = (error: unknown): void => {
      if (!(error instanceof ZkError) || error.code !== errorCode.nodeExists) throw error
    }
    await Promise.all([
      ...[...folders].map((folder) => createNode(session, folder, '').catch(isThere)),
      ...[...entries].map(async ([key, value]) => {
        // Most keys are new. Existing keys need a second request.
        await createNode(session, key, value).catch(async (error: unknown) => {
          isThere(error)
          await this.set(key, value)
        })
      }),
    ])
  }

  async set(key: string, value: string): Promise<void> {
    const session = await this.session()
    await session.request(setData, (writer) => writer.string(key).string(value).int(-1))
  }

  /** Creates an ephemeral znode and cuts the connection of its session, so the server deletes it after the timeout. */
  async putWithTtl(key: string, value: string, seconds: number): Promise<void> {
    const proxy = await startProxy(this.node)
    const session = await Session.open(parseZookeeperNode(proxy.node), { timeout: seconds * 1000 })
    await createNode(session, key, value, { ephemeral: true })
    await proxy.close()
  }

  async del(key: string): Promise<void> {
    const session = await this.session()
    await session.request(remove, (writer) => writer.string(key).int(-1))
  }

  async delTree(dir: string): Promise<void> {
    const session = await this.session()
    const listing = await session.request(opcode.getChildren2, readBody(dir, false))
    await Promise.all(listing.strings().map((name) => this.delTree(`${dir}/${name}`)))
    await this.del(dir)
  }

  /** Lets only one user read a znode. Everyone, including this client, keeps the other permissions. */
  async restrict(key: string, name: string, password: string): Promise<void> {
    const hash = createHash('sha1').update(`${name}:${password}`).digest('base64')
    const session = await this.session()
    await session.request(setAcl, (writer) =>
      writer
        .string(key)
        .int(2)
        .int(READ)
        .string('digest')
        .string(`${name}:${hash}`)
        .int(EVERYTHING & ~READ)
        .string('world')
        .string('anyone')
        .int(-1),
    )
  }

  /** Returns the open session, or a new one if the previous session has ended. */
  async session(): Promise<Session> {
    this.#session ??= Session.open(parseZookeeperNode(this.node), {
      ...this.options,
      onEnd: () => (this.#session = undefined),
    })
    return this.#session
  }

  close(): void {
    this.#session?.then(
      (session) => session.close(),
      () => undefined,
    )
  }
}

async function createNode(
  session: Session,
  path: string,
  value: string,
  { ephemeral = false } = {},
): Promise<void> {
  await session.request(create, (writer) =>
    writer
      .string(path)
      .string(value)
      .int(1) // one ACL: all permissions for everyone
      .int(EVERYTHING)
      .string('world')
      .string('anyone')
      .int(ephemeral ? 1 : 0),
  )
}

export type ZookeeperServer = StoreServer<ZookeeperClient> & { readonly secureNode: string }

/** PEM files: the server's key and certificate in one file, and the CA of its clients in the other. */
export interface ServerTls {
  readonly keyStore: string
  readonly trustStore: string
}

export interface ZookeeperOptions {
  /** 3.4 is the newest version in Debian that lacks recursive watches. */
  readonly version?: '3.8' | '3.4'
  /** Options for the Java virtual machine. */
  readonly flags?: readonly string[]
  /** If set, the server also accepts TLS, at `secureNode`, from clients with a certificate. */
  readonly tls?: ServerTls
  /** Milliseconds; default: 20 ticks. */
  readonly maxSessionTimeout?: number
}

export async function startZookeeper(options: ZookeeperOptions = {}): Promise<ZookeeperServer> {
  const jar = serverBinary(options.version === '3.4' ? 'zookeeper-3.4' : 'zookeeper').path
  return startOnFreePorts(2, async ([port = 0, securePort = 0]) => {
    const dataDir = tempDir('zookeeper')
    const { tls, flags, maxSessionTimeout = 20 * TICK } = options
    const spec = {
      ...zookeeperProcess(jar, port, flags, {
        dataDir,
        maxClientCnxns: 0,
        maxSessionTimeout,
        ...(tls === undefined ? {} : secured(tls, securePort)),
      }),
      securePort: tls && securePort,
    }
    const server = Object.assign(
      new StoreServer(spec, `127.0.0.1:${port}`, dataDir, new ZookeeperClient(`127.0.0.1:${port}`)),
      { secureNode: `127.0.0.1:${securePort}` },
    )
    await server.start()
    return server
  })
}

/** Returns the specification of one server process. `lines` are added to the common configuration. */
export function zookeeperProcess(
  jar: string,
  port: number,
  flags: readonly string[] = [],
  lines: Readonly<Record<string, string | number | boolean>> = {},
): ProcessSpec {
  const config = join(tempDir('zookeeper-config'), 'zoo.cfg')
  const all = {
    tickTime: TICK,
    clientPort: port,
    clientPortAddress: '127.0.0.1',
    'admin.enableServer': false,
    '4lw.commands.whitelist': 'srvr,cons',
    ...lines,
  }
  const text = Object.entries(all).map((line) => line.join('='))
  writeFileSync(config, text.join('\n'))
  const args = [
    // The server runs only for seconds, so it gets a quick start and a small heap.
    ...['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    // 3.4 would look for log4j, which is not installed.
    '-Dzookeeper.jmx.log4j.disable=true',
    ...flags,
    ...['-cp', classPath(jar), 'org.apache.zookeeper.server.quorum.QuorumPeerMain', config],
  ]
  const ready = async (): Promise<boolean> => (await ask(port, 'srvr')).includes('Mode: ')
  return { name: 'java', args, ready }
}

/** Returns the archives of ZooKeeper and its dependencies, by Debian's file names. */
function classPath(jar: string): string {
  const netty = ['buffer', 'codec', 'common', 'handler', 'resolver', 'transport']
  const native = ['transport-native-epoll', 'transport-native-unix-common']
  const others = ['zookeeper-jute', 'slf4j-api', 'slf4j-simple', 'metrics-core', 'snappy-java']
  const names = [...others, ...[...netty, ...native].map((part) => `netty-${part}`)]
  return [jar, ...names.map((name) => join(dirname(jar), `${name}.jar`))].join(':')
}

const secured = ({ keyStore, trustStore }: ServerTls, port: number) => ({
  secureClientPort: port,
  secureClientPortAddress: '127.0.0.1',
  serverCnxnFactory: 'org.apache.zookeeper.server.NettyServerCnxnFactory',
  'ssl.keyStore.location': keyStore,
  'ssl.keyStore.type': 'PEM',
  'ssl.trustStore.location': trustStore,
  'ssl.trustStore.type': 'PEM',
})

/**
 * Returns the answer to a four-letter command, or '' if there is no answer, because a starting server may accept a
 * connection and never answer. https://zookeeper.apache.org/doc/current/zookeeperAdmin.html
 */
export async function ask(port: number, word: 'srvr' | 'cons'): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', timeout: 1000 })
  socket.once('timeout', () => socket.destroy())
  let answer = ''
  try {
    socket.write(word)
    for await (const chunk of socket) answer += String(chunk)
  } catch {
    // The server is not running or not listening yet.
  } finally {
    socket.destroy()
  }
  return answer
}
