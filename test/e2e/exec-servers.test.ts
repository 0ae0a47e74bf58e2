// Exec mode runs HAProxy and nginx under traffic. No request may fail during 50 reloads.
import { createServer, type Server } from 'node:http'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test as inTurn } from 'vitest'
import { HttpClient } from '../support/http.ts'
import { freePorts, serverBinary, startEtcd, type EtcdServer } from '../support/servers.ts'
import { adminSocket, haproxyTemplate, serversBelow } from '../support/haproxy-template.ts'
import { until } from '../support/until.ts'
import { countOf, lineOf } from './exec-support.ts'
import { withSite, type Running, type Site } from './support.ts'

const RELOADS = 50
/** The tests mostly wait, so they run concurrently. */
const test = inTurn.concurrent
/** The pause between two requests, in milliseconds. It keeps the traffic steady without fully loading the CPU. */
const PACE = 5

let etcd: EtcdServer
let backend: Server
let address = ''

beforeAll(async () => {
  etcd = await startEtcd()
  backend = createServer((_, response) => response.end('well'))
  await new Promise<void>((listening) => backend.listen(0, '127.0.0.1', listening))
  address = `127.0.0.1:${(backend.address() as { port: number }).port}`
})
afterAll(async () => {
  backend.close()
  await etcd.stop()
})

/** Sends requests on new connections until `isOver()`. Returns the number of good answers, and all bad answers. */
async function ask(port: number, isOver: () => boolean): Promise<{ good: number; bad: string[] }> {
  const bad: string[] = []
  let good = 0
  while (!isOver()) {
    const http = new HttpClient(`http://127.0.0.1:${port}`)
    try {
      const { status, text } = await http.send('GET', '/')
      if (status === 200 && text === 'well') good++
      else bad.push(`status ${status}`)
    } catch (error) {
      bad.push(String(error))
    }
    http.close()
    await pause(PACE)
  }
  return { good, bad }
}

const answers = async (port: number): Promise<boolean> => {
  const http = new HttpClient(`http://127.0.0.1:${port}`)
  try {
    return (await http.send('GET', '/')).status === 200
  } catch {
    return false
  } finally {
    http.close()
  }
}

/** Reloads the server 50 times under traffic and expects no failed request and no restart. */
async function underTraffic(site: Site, run: Running, port: number, key: string): Promise<void> {
  await run.until('it has started', () => run.tells('reloaded'))
  await until('it answers', () => answers(port))
  let isOver = false
  const asking = ask(port, () => isOver)
  for (let n = 1; n <= RELOADS; n++) {
    await etcd.client.put(key, String(n))
    await run.until(`reload ${n}`, () => countOf(run, 'reloaded') > n)
  }
  isOver = true
  const { good, bad } = await asking
  expect(bad).toEqual([])
  expect(good).toBeGreaterThan(RELOADS)
  expect(countOf(run, 'reload-owed')).toBe(0)
  expect(countOf(run, 'child-started')).toBe(1)
}

const HAPROXY = (port: number): string =>
  haproxyTemplate({
    port,
    global: 'maxconn 100 # {{ getv("/haproxy/n") }}',
    servers: '    server one {{ getv("/haproxy/address") }}',
  })

test('HAProxy', { timeout: 240_000 }, async () => {
  const [port = 0] = await freePorts(1)
  const { path, env } = serverBinary('haproxy')
  await etcd.client.put('/haproxy/address', address)
  await etcd.client.put('/haproxy/n', '0')
  await withSite(
    ['-backend', 'etcdv3', '-node', etcd.node],
    async (site) => {
      // On USR1, HAProxy stops gracefully and exits with 0. On TERM, its master would exit with 143.
      site.config('[exec]\nreload_signal = "USR2"\nkill_signal = "USR1"\n')
      site.template('haproxy.cfg', HAPROXY(port))
      site.resource('haproxy.cfg', { check_cmd: `${path} -c -q -f {{.src}}` })
      const config = site.path('haproxy.cfg')
      const run = site.start('-watch', '-debounce', '0', '--', path, '-W', '-db', '-f', config)
      await underTraffic(site, run, port, '/haproxy/n')
      expect(await run.stop()).toMatchObject({ code: 0 })
      expect(await answers(port)).toBe(false)
    },
    env,
  )
})

test('HAProxy, with [template.haproxy]: servers change without a reload', async () => {
  const [port = 0] = await freePorts(1)
  const { path, env } = serverBinary('haproxy')
  await etcd.client.put('/run-time/n1', address)
  await withSite(
    ['-backend', 'etcdv3', '-node', etcd.node],
    async (site) => {
      site.config('[exec]\nreload_signal = "USR2"\nkill_signal = "USR1"\n')
      const socket = site.path('admin.sock')
      const [global, servers] = [adminSocket(socket), serversBelow('/run-time')]
      site.template('haproxy.cfg', haproxyTemplate({ port, global, servers }))
      site.resource('haproxy.cfg', {}, { haproxy: { socket, drain: '1s' } })
      const config = site.path('haproxy.cfg')
      const run = site.start('-watch', '-debounce', '0', '--', path, '-W', '-db', '-f', config)
      await run.until('it has started', () => run.tells('reloaded'))
      // The content that the program has loaded is known from its start.
      await run.until('the record is written', () =>
        readdirSync(join(site.root, 'state')).some((name) => name.startsWith('haproxy-')),
      )
      await etcd.client.put('/run-time/n2', address)
      await run.until('n2 is in use', () => countOf(run, 'reloaded') === 2)
      expect(lineOf(run, 'reloaded')['runtime']).toEqual(['add web/n2'])
      await etcd.client.del('/run-time/n1')
      await run.until('n1 is removed', () => countOf(run, 'reloaded') === 3)
      expect(lineOf(run, 'reloaded')['runtime']).toEqual(['drain web/n1'])
      expect(countOf(run, 'child-started')).toBe(1)
      expect(await answers(port)).toBe(true)
      expect(await run.stop()).toMatchObject({ code: 0 })
    },
    env,
  )
}, 240_000)

test('nginx', { timeout: 240_000 }, async () => {
  const [port = 0] = await freePorts(1)
  const { path, env } = serverBinary('nginx')
  await etcd.client.put('/nginx/n', '0')
  await withSite(
    ['-backend', 'etcdv3', '-node', etcd.node],
    async (site) => {
      site.config('[exec]\nreload_signal = "HUP"\nkill_signal = "QUIT"\n')
      const work = site.path('work')
      mkdirSync(work)
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((name) => `${name}_temp_path ${work}/${name};`)
        .join(' ')
      site.template(
        'nginx.conf',
        `# {{ getv("/nginx/n") }}
pid ${work}/pid; error_log ${work}/error.log; worker_processes 1;
events {}
http { access_log off; ${temporary}
  server { listen 127.0.0.1:${port}; location / { return 200 well; } } }
`,
      )
      site.resource('nginx.conf', { check_cmd: `${path} -q -t -e ${work}/check.log -c {{.src}}` })
      const daemon = ['-e', `${work}/error.log`, '-g', 'daemon off;', '-c', site.path('nginx.conf')]
      const run = site.start('-watch', '-debounce', '0', '--', path, ...daemon)
      await underTraffic(site, run, port, '/nginx/n')
      expect(await run.stop()).toMatchObject({ code: 0 })
      expect(await answers(port)).toBe(false)
    },
    env,
  )
})
