// Tests that a registrar's entries become servers of HAProxy. Uses the templates of the examples on each store that a
// registrar writes to, and a real HAProxy process whose servers are listed and tried.
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HttpClient } from '../support/http.ts'
import {
  freePorts,
  serverBinary,
  startConsul,
  startEtcd,
  startHaproxy,
  type ConsulServer,
  type EtcdServer,
  type ServerProcess,
} from '../support/servers.ts'
import { until } from '../support/until.ts'
import { startZookeeper, type ZookeeperServer } from '../support/zookeeper.ts'
import { withSite, type Site } from './support.ts'

let etcd: EtcdServer
let consul: ConsulServer
let zookeeper: ZookeeperServer
/** Web servers that answer with their name. */
const web: Server[] = []
let addresses: Readonly<Record<'one' | 'two' | 'three', string>>

beforeAll(async () => {
  ;[etcd, consul, zookeeper] = await Promise.all([
    startEtcd({ v2: true }),
    startConsul(),
    startZookeeper(),
  ])
  const [one, two, three] = await Promise.all([
    webServer('one'),
    webServer('two'),
    webServer('three'),
  ])
  addresses = { one, two, three }
})
afterAll(async () => {
  for (const server of web) server.close()
  etcd.v2.close()
  await Promise.all([etcd.stop(), consul.stop(), zookeeper.stop()])
})

async function webServer(name: string): Promise<string> {
  const server = createServer((_, response) => response.end(name))
  web.push(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return `127.0.0.1:${(server.address() as { port: number }).port}`
}

/**
 * The key and the value of an instance for each kind of registrar, and the name that the example gives to its server.
 */
const registrars = {
  registrator: {
    key: (id: string) => `/services/web/${id}:web:80`,
    value: (address: string) => address,
    server: (id: string) => `${id}-web-80`,
  },
  skydns: {
    key: (id: string) => `/skydns/local/cluster/web/${id}`,
    value: (address: string) => {
      const [host, port] = address.split(':')
      return JSON.stringify({ host, port: Number(port), priority: 10, weight: 50 })
    },
    server: (id: string) => id,
  },
} as const

const stores = [
  ['etcdv3', () => etcd, () => etcd.client],
  ['etcdv2', () => etcd, () => etcd.v2],
  ['consul', () => consul, () => consul.client],
  ['zookeeper', () => zookeeper, () => zookeeper.client],
] as const

// Concurrent, since the tests mostly wait for entries to expire.
describe.concurrent.each(stores)('%s', (backend, server, client) => {
  test.for(['registrator', 'skydns'] as const)('as %s writes', async (example) => {
    const { key, value, server: nameOf } = registrars[example]
    const register = (id: string, address: string): Promise<void> =>
      client().put(key(id), value(address))

    await withSite(['-backend', backend, '-node', server().node], async (site) => {
      const haproxy = await Haproxy.from(site, example)
      /** Waits until HAProxy has exactly these servers and all of them answer. */
      const serves = async (instances: Record<string, keyof typeof addresses>): Promise<void> => {
        const servers = Object.entries(instances).map(
          ([id, name]) => `${nameOf(id)} ${addresses[name]}`,
        )
        await until(`the servers ${servers.join(', ')}`, async () => {
          return (await haproxy.servers()).join() === servers.join()
        })
        const names = [...new Set(Object.values(instances))].sort()
        await until(`${names.join()} answer`, async () => {
          const answers = await Promise.all(Array.from({ length: 6 }, () => haproxy.ask('/web/')))
          return [...new Set(answers)].sort().join() === names.join()
        })
      }

      await register('host-1', addresses.one)
      expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
      await haproxy.start()
      const run = site.start('-watch')
      await serves({ 'host-1': 'one' })
      await register('host-2', addresses.two)
      await serves({ 'host-1': 'one', 'host-2': 'two' })
      // The instance moves to another address.
      await register('host-2', addresses.three)
      await serves({ 'host-1': 'one', 'host-2': 'three' })
      await client().del(key('host-1'))
      await serves({ 'host-2': 'three' })
      let reloads = 4
      if (example === 'registrator') {
        // An entry that is no longer renewed expires, as it does when its machine has crashed.
        // The TTL must exceed the time that a busy machine needs to reload HAProxy.
        await client().putWithTtl(key('host-3'), value(addresses.two), 15)
        await serves({ 'host-2': 'three', 'host-3': 'two' })
        await serves({ 'host-2': 'three' })
        reloads += 2
      }
      expect(await run.stop()).toMatchObject({ code: 0 })
      expect(run.tells('failed')).toBe(false)
      // There is exactly one reload at the start, and one for each change.
      expect(site.lines('reloads')).toBe(reloads)
      await haproxy.stop()
    })
  })
})

/** A real HAProxy process, which loads the file rendered from an example. */
class Haproxy {
  readonly #site: Site
  readonly #socket: string
  readonly #http: HttpClient
  #server: ServerProcess | undefined

  private constructor(
    site: Site,
    readonly port: number,
  ) {
    this.#site = site
    this.#socket = site.path('haproxy.sock')
    this.#http = new HttpClient(`http://127.0.0.1:${port}`)
  }

  /** Copies the example and changes only its port, destination and commands. */
  static async from(site: Site, example: string): Promise<Haproxy> {
    const [port] = (await freePorts(1)) as [number]
    const haproxy = new Haproxy(site, port)
    cpSync(`examples/${example}`, site.root, { recursive: true })
    haproxy.#edit(
      example === 'skydns' ? 'templates/haproxy.cfg.tmpl' : 'templates/haproxy.cfg.njk',
      [
        ['bind 127.0.0.1:8080', `bind 127.0.0.1:${port}`],
        [
          'global\n',
          `global\n    stats socket ${haproxy.#socket} level admin expose-fd listeners\n`,
        ],
      ],
    )
    const { path, env } = serverBinary('haproxy')
    const library = Object.entries(env).map((pair) => pair.join('='))
    const check = ['env', ...library, path, '-c', '-q', '-f', '{{.src}}'].join(' ')
    const pid = haproxy.#pidFile
    // HAProxy is not running yet during the first run.
    const reload = `[ ! -e ${pid} ] || kill -USR2 $(cat ${pid}); echo reload >> ${site.path('reloads')}`
    haproxy.#edit('conf.d/haproxy.toml', [
      [/^dest .*/m, `dest = ${JSON.stringify(site.path('haproxy.cfg'))}`],
      [/^check_cmd = '''.*?'''/ms, `check_cmd = ${JSON.stringify(check)}`],
      [/^reload_cmd .*/m, `reload_cmd = ${JSON.stringify(reload)}`],
    ])
    return haproxy
  }

  get #pidFile(): string {
    return this.#site.path('haproxy.pid')
  }

  #edit(name: string, edits: readonly (readonly [string | RegExp, string])[]): void {
    const file = join(this.#site.root, name)
    let text = readFileSync(file, 'utf8')
    for (const [from, to] of edits) {
      const edited = text.replace(from, () => to)
      if (edited === text) throw new Error(`${name} has no ${String(from)}`)
      text = edited
    }
    writeFileSync(file, text)
  }

  async start(): Promise<void> {
    this.#server = await startHaproxy(this.#site.path('haproxy.cfg'), this.port, this.#pidFile)
  }

  async stop(): Promise<void> {
    this.#http.close()
    await this.#server?.stop()
  }

  /** Returns the answer to a request, or the error as text. */
  async ask(path: string): Promise<string> {
    try {
      return (await this.#http.send('GET', path, undefined, { connection: 'close' })).text
    } catch (error) {
      return String(error)
    }
  }

  /** Returns `NAME ADDRESS` of each server, in the order of the configuration; empty while HAProxy restarts. */
  async servers(): Promise<string[]> {
    if (!existsSync(this.#socket)) return []
    const socket = connect(this.#socket)
    let answer = ''
    try {
      socket.write('show stat -1 4 -1\n')
      for await (const chunk of socket) answer += String(chunk)
    } catch {
      return []
    }
    const [head = '', ...lines] = answer.trim().split('\n')
    const columns = head.replace('# ', '').split(',')
    return lines.map((line) => {
      const fields = line.split(',')
      return ['svname', 'addr'].map((name) => fields[columns.indexOf(name)]).join(' ')
    })
  }
}
