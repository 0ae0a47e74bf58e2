// `reconfd register -docker` with real containers (podman implements Docker's API), and with a fake engine whose events
// are wrong in every way that occurs in practice.
import { copyFileSync, readFileSync } from 'node:fs'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Authority } from '../support/certificates.ts'
import { FakeEngine } from '../support/engine.ts'
import { Podman, whyNoContainers } from '../support/podman.ts'
import { heldByEtcd, startRegister, type Held } from '../support/registry.ts'
import { freePorts, startEtcd, tempDir, until, type EtcdServer } from '../support/servers.ts'
import type { Running } from './support.ts'

let etcd: EtcdServer
const runs = new Set<Running>()

beforeAll(async () => {
  etcd = await startEtcd()
})

afterEach(async () => {
  for (const run of runs) run.signal('SIGKILL')
  await Promise.all([...runs].map((run) => run.finished))
  runs.clear()
  await etcd.client.delTree('/services')
})

afterAll(() => etcd.stop())

function register(url: string, ...more: readonly string[]): ReturnType<typeof startRegister> {
  const to = ['-to', `etcd://${etcd.node}/services`, '-host', 'h', '-ip', '127.0.0.1']
  const run = startRegister([...to, '-docker', url, '-ttl', '60s', ...more])
  runs.add(run)
  return run
}

async function untilHeld(expected: Held): Promise<void> {
  let last: Held = {}
  try {
    const isThere = async (): Promise<boolean> => {
      last = await heldByEtcd(etcd)
      return JSON.stringify(last) === JSON.stringify(expected)
    }
    await until('etcd holds what it should', isThere)
  } catch (error) {
    expect(last).toEqual(expected)
    throw error
  }
}

const why = whyNoContainers()
if (why !== undefined) process.stderr.write(`SKIPPED: tests with real containers: ${why}\n`)

describe.skipIf(why !== undefined)('real containers', () => {
  let podman: Podman

  beforeAll(async () => {
    podman = await Podman.start()
  })
  afterEach(() => podman.cli('rm', '-fa', '-t', '0'))
  afterAll(() => podman.close())

  test('start, die by a signal, start again, are renamed, removed', async () => {
    const [port] = (await freePorts(1)) as [number]
    register(podman.url)
    podman.run('one', ['-p', `${port}:80`, '-e', 'SERVICE_NAME=web'])
    await untilHeld({ '/services/web/h:one:80': `127.0.0.1:${port}` })
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('one\n')
    podman.cli('kill', '-s', 'KILL', 'one')
    await untilHeld({})
    podman.cli('start', 'one')
    await untilHeld({ '/services/web/h:one:80': `127.0.0.1:${port}` })
    podman.cli('rename', 'one', 'two')
    await untilHeld({ '/services/web/h:two:80': `127.0.0.1:${port}` })
    podman.cli('rm', '-f', '-t', '0', 'two')
    await untilHeld({})
  })

  test('the engine ends and returns', async () => {
    const ports = await freePorts(2)
    register(podman.url)
    podman.run('one', ['-p', `${ports[0]}:80`, '--label', 'SERVICE_NAME=web'])
    await untilHeld({ '/services/web/h:one:80': `127.0.0.1:${ports[0]}` })
    await podman.kill()
    podman.run('two', ['-p', `${ports[1]}:80`, '--label', 'SERVICE_NAME=web'])
    podman.cli('rm', '-f', '-t', '0', 'one')
    expect(await heldByEtcd(etcd)).toEqual({ '/services/web/h:one:80': `127.0.0.1:${ports[0]}` })
    await podman.serve()
    await untilHeld({ '/services/web/h:two:80': `127.0.0.1:${ports[1]}` })
  })

  test('-internal, host networking, and a check inside a container', async () => {
    register(podman.url, '-internal', '-allow-script-checks')
    podman.run('inner', [
      ...['-e', 'SERVICE_NAME=in', '-e', 'SERVICE_CHECK_INTERVAL=300ms'],
      ...['-e', 'SERVICE_CHECK_CMD=test -f /tmp/well'],
    ])
    podman.run('outer', ['--network', 'host', '-e', 'SERVICE_NAME=out'], ['/bin/sleep', '1000'])
    await untilHeld({ '/services/out/h:outer:80': '127.0.0.1:80' })
    const address = podman.cli('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'inner')
    podman.cli('exec', 'inner', '/bin/sh', '-c', ': > /tmp/well')
    await untilHeld({
      '/services/in/h:inner:80': `${address}:80`,
      '/services/out/h:outer:80': '127.0.0.1:80',
    })
  })

  test('-deregister on-success', async () => {
    const [one, two] = (await freePorts(2)) as [number, number]
    // The TTL must be longer than a busy machine takes to deregister the other container.
    register(podman.url, '-deregister', 'on-success', '-ttl', '10s')
    const serve = (code: number) => [
      ...['/bin/sh', '-c'],
      `httpd -p 80; until [ -e /tmp/end ]; do sleep 0.1; done; exit ${code}`,
    ]
    podman.run('good', ['-p', `${one}:80`, '-e', 'SERVICE_NAME=web'], serve(0))
    podman.run('bad', ['-p', `${two}:80`, '-e', 'SERVICE_NAME=web'], serve(3))
    const bad = { '/services/web/h:bad:80': `127.0.0.1:${two}` }
    await untilHeld({ ...bad, '/services/web/h:good:80': `127.0.0.1:${one}` })
    for (const name of ['good', 'bad']) podman.cli('exec', name, '/bin/sh', '-c', ': > /tmp/end')
    await untilHeld(bad)
    await untilHeld({})
  })
})

describe('an engine with wrong events', () => {
  let engine: FakeEngine
  const published = (number: number) => ({ '80/tcp': [{ HostPort: String(number) }] })
  const start = (name: string, number: number): string =>
    engine.run({ name, env: ['SERVICE_NAME=web'], ports: published(number) })
  const held = (...all: readonly (readonly [string, number])[]): Held =>
    Object.fromEntries(
      all.map(([name, number]) => [`/services/web/h:${name}:80`, `127.0.0.1:${number}`]),
    )

  beforeAll(async () => {
    engine = await FakeEngine.start()
  })
  afterEach(() => {
    engine.containers.clear()
    engine.deliver = (line) => [line]
    engine.beforeAnswer = () => undefined
  })
  afterAll(() => engine.kill())

  test('a container starts and another dies between the list and the events', async () => {
    const dying = start('dying', 1)
    let once = true
    engine.beforeAnswer = (path) => {
      if (!path.includes(dying) || !once) return
      once = false
      // The inspection still reports the container as running, so only the event reveals its death.
      setImmediate(() => engine.die(dying))
      start('fresh', 2)
    }
    register(engine.url, '-resync', '0')
    await untilHeld(held(['fresh', 2]))
  })

  test('an engine that supports only new versions of its API', async () => {
    engine.least = 44
    try {
      const run = register(engine.url, '-resync', '0')
      await run.until('it listens', () => engine.listeners > 0)
      start('one', 1)
      await untilHeld(held(['one', 1]))
    } finally {
      engine.least = 24
    }
  })

  test('an engine with TLS, configured by DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH', async () => {
    const folder = tempDir('engine-tls')
    const authority = new Authority(folder)
    const own = authority.issue('engine')
    const client = authority.issue('client')
    copyFileSync(authority.cert, join(folder, 'ca.pem'))
    copyFileSync(client.cert, join(folder, 'cert.pem'))
    copyFileSync(client.key, join(folder, 'key.pem'))
    const [ca = '', cert = '', key = ''] = [authority.cert, own.cert, own.key].map((path) =>
      readFileSync(path, 'utf8'),
    )
    const server = createServer({ ca, cert, key, requestCert: true }, (socket) => {
      const inner = connect(engine.socket)
      inner.on('error', () => socket.destroy())
      socket.on('error', () => inner.destroy()).on('close', () => inner.destroy())
      socket.pipe(inner).pipe(socket)
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const { port } = server.address() as AddressInfo
    try {
      start('one', 1)
      const to = ['-to', `etcd://${etcd.node}/services`, '-host', 'h', '-ip', '127.0.0.1']
      const env = {
        DOCKER_HOST: `tcp://127.0.0.1:${port}`,
        DOCKER_TLS_VERIFY: '1',
        DOCKER_CERT_PATH: folder,
      }
      runs.add(startRegister([...to, '-docker', '-ttl', '60s'], { env }))
      await untilHeld(held(['one', 1]))
    } finally {
      server.close()
    }
  })

  test('the next list makes up for lost events', async () => {
    engine.deliver = () => []
    register(engine.url, '-resync', '500ms')
    const one = start('one', 1)
    await untilHeld(held(['one', 1]))
    start('two', 2)
    engine.die(one)
    await untilHeld(held(['two', 2]))
  })

  test('events that are repeated, reordered, for unknown containers, or invalid', async () => {
    const late: string[] = []
    engine.deliver = (line) => {
      late.unshift(line, line, '{"Type":"container","Action":"die","Actor":{"ID":"unknown"}}\n')
      return late.length > 12 ? late.splice(0) : []
    }
    const run = register(engine.url, '-resync', '0')
    await run.until('it listens', () => engine.listeners > 0)
    const one = start('one', 1)
    start('two', 2)
    engine.die(one)
    engine.deliver = (line) => [...late.splice(0), line]
    start('three', 3)
    await untilHeld(held(['three', 3], ['two', 2]))
    engine.deliver = () => []
    start('four', 4)
    engine.say('nonsense\n\n[]\n')
    await untilHeld(held(['four', 4], ['three', 3], ['two', 2]))
  })

  test('an event stream that ends in the middle of a line', async () => {
    const run = register(engine.url, '-resync', '0')
    await run.until('it listens', () => engine.listeners > 0)
    engine.deliver = () => []
    start('one', 1)
    engine.endStreams('{"Type":"container","Act')
    await untilHeld(held(['one', 1]))
  })

  test('an event that comes before the state has changed', async () => {
    const one = start('one', 1)
    const run = register(engine.url, '-resync', '0')
    await untilHeld(held(['one', 1]))
    const inspections = engine.requests.length
    engine.say(`${JSON.stringify({ Type: 'container', Action: 'die', Actor: { ID: one } })}\n`)
    await run.until('it is inspected', () => engine.requests.length > inspections)
    const container = engine.containers.get(one)
    if (container !== undefined) container.running = false
    await untilHeld({})
  })

  test('an engine that is unreachable at the start, and restarts', async () => {
    await engine.kill()
    const run = register(engine.url)
    await run.until('it is away', () => run.stderr.includes('"event":"source-away"'))
    expect(run.stderr).toContain('check -docker')
    await engine.listen()
    start('one', 1)
    await untilHeld(held(['one', 1]))
    await engine.kill()
    await engine.listen()
    start('two', 2)
    await untilHeld(held(['one', 1], ['two', 2]))
  })

  test('a service name that contains a path is refused with a warning', async () => {
    engine.run({ name: 'evil', env: ['SERVICE_NAME=../../admin'], ports: published(1) })
    const run = register(engine.url)
    await run.until('it is refused', () => run.stderr.includes('contains a slash'))
    start('good', 2)
    await untilHeld(held(['good', 2]))
  })
})
