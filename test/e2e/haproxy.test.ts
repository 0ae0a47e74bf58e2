// The main use case: a running HAProxy gets a new backend from etcd, and no client may be refused.
import { createServer, type Server } from 'node:http'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HttpClient } from '../support/http.ts'
import {
  freePorts,
  serverBinary,
  startEtcd,
  startHaproxy,
  type EtcdServer,
  type ServerProcess,
} from '../support/servers.ts'
import { adminSocket, haproxyTemplate, serversBelow } from '../support/haproxy-template.ts'
import { withSite } from './support.ts'

let etcd: EtcdServer
const backends: Server[] = []
let haproxy: ServerProcess | undefined

beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(async () => {
  await haproxy?.stop()
  for (const server of backends) server.close()
  await etcd.stop()
})

/** Starts a web server that answers with its name; returns its address. */
async function webServer(name: string): Promise<string> {
  const server = createServer((_, response) => response.end(name))
  backends.push(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return `127.0.0.1:${(server.address() as { port: number }).port}`
}

/** Sends requests until it is stopped, each on a new connection. */
class ContinuousClient {
  readonly answers: string[] = []
  readonly errors: string[] = []
  #stopped = false
  readonly #done: Promise<void>

  constructor(port: number) {
    this.#done = this.#run(`http://127.0.0.1:${port}`)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #run(url: string): Promise<void> {
    while (!this.#stopped) {
      const http = new HttpClient(url)
      try {
        const { status, text } = await http.send('GET', '/')
        if (status === 200) this.answers.push(text)
        else this.errors.push(`status ${status}`)
      } catch (error) {
        this.errors.push(String(error))
      }
      http.close()
    }
  }
}

const template = (port: number, socket: string): string =>
  haproxyTemplate({ port, global: adminSocket(socket), servers: serversBelow('/services/web') })

test('HAProxy is reloaded and serves the new backend; no connection is refused', async () => {
  const [one, two] = await Promise.all([webServer('one'), webServer('two')])
  const [port] = (await freePorts(1)) as [number]
  await etcd.client.put('/services/web/node', one)
  const { path, env } = serverBinary('haproxy')
  const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const check = ['env', ...environment, path, '-c', '-q', '-f', '{{.src}}'].join(' ')

  await withSite(['-backend', 'etcd', '-node', etcd.node], async (site) => {
    site.template('haproxy.cfg', template(port, site.path('haproxy.sock')))
    const pidFile = site.path('haproxy.pid')
    site.resource('haproxy.cfg', {
      keys: ['/services/web'],
      check_cmd: check,
      // HAProxy is not running yet during the onetime run.
      reload_cmd: `[ ! -e ${pidFile} ] || kill -USR2 $(cat ${pidFile}); echo reload >> ${site.path('reloads')}`,
    })
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    haproxy = await startHaproxy(site.path('haproxy.cfg'), port, pidFile)
    expect(Number(readFileSync(pidFile, 'utf8'))).toBe(haproxy.pid)

    const run = site.start('-watch')
    const client = new ContinuousClient(port)
    await run.until('the first backend serves', () => client.answers.at(-1) === 'one')
    // Each change of the backend causes a reload under load.
    for (const [backend, address] of Object.entries({ two, one, 'two ': two })) {
      await etcd.client.put('/services/web/node', address)
      await run.until(`${backend} serves`, () => client.answers.at(-1) === backend.trim())
    }
    await client.stop()
    expect(client.errors).toEqual([])

    // A configuration that HAProxy does not accept must not be swapped in.
    const before = site.read('haproxy.cfg')
    await etcd.client.put('/services/web/node', 'not an address')
    await run.until('the check fails', () => run.tells('failed'))
    expect(site.read('haproxy.cfg')).toBe(before)
    expect(await run.stop()).toMatchObject({ code: 0 })
    expect(site.lines('reloads')).toBe(4)
    await haproxy.stop()
  })
})
