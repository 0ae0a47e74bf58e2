// Services registered with Consul become HAProxy's backends, and a change causes no unnecessary work.
import { createServer, type Server } from 'node:http'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { fillCatalog, startAgent } from '../support/consul-agents.ts'
import { HttpClient } from '../support/http.ts'
import { freePorts, serverBinary, startHaproxy } from '../support/servers.ts'
import { connectionsTo } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { haproxyTemplate } from '../support/haproxy-template.ts'
import { withSite } from './support.ts'

const backends: Server[] = []
afterAll(() => {
  for (const server of backends) server.close()
})

/** Starts a web server that answers with its name; returns its port. */
async function webServer(name: string): Promise<number> {
  const server = createServer((_, response) => response.end(name))
  backends.push(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return (server.address() as { port: number }).port
}

/** Returns the name of the server that answers a request on a new connection. */
async function answerOf(port: number): Promise<string> {
  const http = new HttpClient(`http://127.0.0.1:${port}`)
  try {
    const { status, text } = await http.send('GET', '/')
    return status === 200 ? text : String(status)
  } finally {
    http.close()
  }
}

const template = (port: number): string =>
  haproxyTemplate({
    port,
    global: 'log stderr local0 emerg',
    servers: `{% for s in service("web") %}
    server {{ s.node }}-{{ s.id }} {{ s.address }}:{{ s.port }} weight {{ s.weights.passing }}
{% endfor %}`,
  })

test("HAProxy's backends are the healthy instances", async () => {
  const agent = await startAgent()
  onTestFinished(() => agent.server.stop())
  const [one, two] = await Promise.all([webServer('one'), webServer('two')])
  const [port] = (await freePorts(1)) as [number]
  await agent.registerChecked({ Name: 'web', ID: 'a', Address: '127.0.0.1', Port: one })
  const { path, env } = serverBinary('haproxy')
  const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`)

  await withSite(['-backend', 'consul-catalog', '-node', agent.server.node], async (site) => {
    site.template('haproxy.cfg', template(port))
    const pidFile = site.path('haproxy.pid')
    site.resource('haproxy.cfg', {
      keys: ['/services/web'],
      check_cmd: ['env', ...environment, path, '-c', '-q', '-f', '{{.src}}'].join(' '),
      reload_cmd: `[ ! -e ${pidFile} ] || kill -USR2 $(cat ${pidFile}); echo reload >> ${site.path('reloads')}`,
    })
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    const haproxy = await startHaproxy(site.path('haproxy.cfg'), port, pidFile)
    onTestFinished(() => haproxy.stop())
    const run = site.start('-watch')
    await until('the first serves', async () => (await answerOf(port)) === 'one')

    await agent.registerChecked({ Name: 'web', ID: 'b', Address: '127.0.0.1', Port: two })
    // HAProxy's master loses a signal during its restart, so each change waits for the previous one.
    const bothServe = async (): Promise<boolean> => {
      const answers = await Promise.all(Array.from({ length: 6 }, () => answerOf(port)))
      return answers.includes('one') && answers.includes('two')
    }
    await until('both serve', bothServe)
    await agent.check('a', 'critical')
    await until('only the second serves', async () => {
      const answers = await Promise.all([answerOf(port), answerOf(port)])
      return answers.every((answer) => answer === 'two')
    })
    await agent.check('a', 'passing')
    await until('the first is back', bothServe)
    await agent.maintain('b', true)
    await until('only the first serves', async () => {
      const answers = await Promise.all([answerOf(port), answerOf(port)])
      return answers.every((answer) => answer === 'one')
    })
    await run.until('each change was reloaded once', () => site.lines('reloads') === 5)

    // New output of a health check must not count as a change. Once reconfd has received the change below, it has
    // also received these updates.
    for (let n = 0; n < 20; n++) await agent.check('a', 'passing', `requests: ${n}`)
    await agent.maintain('b', false)
    await run.until('the next change', () => site.lines('reloads') === 6)
    // The log line may lag behind the reload, because more urgent work comes first.
    const reloaded = (): number => run.log.filter(({ event }) => event === 'reloaded').length
    await run.until('it is logged', () => reloaded() === 5)
    expect(run.log.filter(({ event }) => event === 'written')).toHaveLength(5)

    // An unreachable agent must not be mistaken for an agent without instances.
    const before = site.read('haproxy.cfg')
    await agent.server.kill()
    await run.until('it says so', () => run.tells('store-stale'))
    expect(site.read('haproxy.cfg')).toBe(before)
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('300 services: one change writes one file, over few connections', async () => {
  const agent = await startAgent()
  onTestFinished(() => agent.server.stop())
  await fillCatalog(agent, 300, 10)
  await withSite(['-backend', 'consul-catalog', '-node', agent.server.node], async (site) => {
    for (let n = 0; n < 300; n++) {
      site.template(
        `s${n}`,
        `{% for s in service("s${n}") %}{{ s.address }}:{{ s.port }} {% endfor %}`,
      )
      site.resource(`s${n}`, { keys: [`/services/s${n}`] })
    }
    const run = site.start('-watch', '-log-level', 'debug')
    const written = (): unknown[] => run.log.filter(({ event }) => event === 'written')
    await run.until('all are written', () => written().length === 300)
    expect(site.read('s42')?.trim().split(' ')).toHaveLength(10)
    const port = Number(agent.server.node.split(':')[1])
    expect(connectionsTo(port, run.pid)).toBeLessThanOrEqual(19)
    const Service = { Service: 's42', ID: 's42-3', Address: '10.0.3.1', Port: 9999 }
    const change = { Node: 'n3', SkipNodeUpdate: true, Service }
    await agent.server.client.call('PUT', '/v1/catalog/register', JSON.stringify(change))
    await run.until('the change', () => site.read('s42')?.includes('10.0.3.1:9999') === true)
    await run.until('it is logged', () => written().length === 301)
    expect(run.log.filter(({ event }) => event === 'changed')).toMatchObject([
      { keys: ['/services/s42/n3:s42-3'], resources: ['s42.toml'] },
    ])
    expect(connectionsTo(port, run.pid)).toBeLessThanOrEqual(19)
    expect(await run.stop()).toMatchObject({ code: 0 })
    expect(written()).toHaveLength(301)
  })
})
