// HAProxy without reloads: the built program changes the servers of a running HAProxy.
import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { ABLE, commandOf, Haproxy } from '../haproxy/support.ts'
import { programWith } from '../support/program.ts'
import { freePorts } from '../support/servers.ts'
import { adminSocket, haproxyTemplate, serversBelow } from '../support/haproxy-template.ts'
import { Site, type Running } from './support.ts'

/** One file with servers, the HAProxy that loads it, and the program that keeps it up to date. */
class Scene {
  readonly site: Site
  readonly keys: string
  readonly haproxy: Haproxy
  #run: Running | undefined

  constructor(
    readonly release: string,
    private readonly port: number,
    drain = '1s',
  ) {
    this.keys = ''
    const store: string[] = []
    this.site = new Site(store)
    this.site.config('')
    this.keys = this.site.path('keys.json')
    store.push('-backend', 'file', '-file', this.keys, '-poll-interval', '50ms')
    this.haproxy = Haproxy.at(release, this.site.path('haproxy.cfg'), join(this.site.root, 'out'))
    this.site.template('haproxy.cfg', template(this.port, this.haproxy.socket))
    this.site.resource(
      'haproxy.cfg',
      {
        check_cmd: `${commandOf(release)} -c -q -f {{.src}}`,
        reload_cmd: `echo reload >> ${this.site.path('reloads')}; [ ! -e ${this.haproxy.pidFile} ] || ${this.haproxy.reloadCommand}`,
      },
      { haproxy: { socket: this.haproxy.socket, drain } },
    )
  }

  /** The text of server lines, by name. */
  set(
    servers: Readonly<Record<string, string>>,
    more: Readonly<Record<string, string>> = {},
  ): void {
    const content = JSON.stringify({ services: { web: servers }, ...more })
    writeFileSync(`${this.keys}.new`, content)
    // As a whole, as every tool that is kind does.
    writeFileSync(this.keys, content)
  }

  get reloads(): number {
    return this.site.lines('reloads')
  }

  /** HAProxy runs with these servers, and reconfd knows what it has loaded: one reload came before. */
  async begin(servers: Readonly<Record<string, string>>): Promise<Running> {
    this.set({})
    const first = await this.site.start('-onetime').finished
    expect(first.code, first.stderr).toBe(0)
    await this.haproxy.start()
    this.#run = this.site.start('-watch', '-log-level', 'debug')
    this.set(servers)
    const wanted = Object.entries(servers).map(([name, text]) => line(name, text))
    await this.haproxy.has(...wanted)
    return this.#run
  }

  /** reconfd ends; HAProxy stays. */
  async leave(): Promise<void> {
    await this.#run?.stop()
    this.#run = undefined
  }

  async end(): Promise<void> {
    await this.leave()
    await this.haproxy.stop()
    await this.site.close()
  }
}

const line = (name: string, text: string): string => {
  const [, address = '', weight = '1'] = /^(\S+)(?: weight (\d+))?/.exec(text) ?? []
  return `web/${name} ${address} weight ${weight}${/ disabled/.test(text) ? ' maint' : ''}`
}

const template = (port: number, socket: string): string =>
  haproxyTemplate({
    port,
    global: adminSocket(socket),
    client: '{{ getv("/client", "5s") }}',
    servers: serversBelow('/services/web'),
  })

/** What a command of the program prints. */
const said = ({ site, keys }: Scene, ...args: readonly string[]): string => {
  const where = ['-confdir', site.root, '-conf-file', join(site.root, 'confd.toml')]
  const store = ['-backend', 'file', '-file', keys, '-state-dir', join(site.root, 'state')]
  const run = spawnSync(...programWith(...args, ...where, ...store), { encoding: 'utf8' })
  return run.stdout + run.stderr
}

let scene: Scene | undefined
afterEach(async () => {
  await scene?.end()
  scene = undefined
})

describe.each(ABLE)('HAProxy %s', (release) => {
  test('servers come, change and go without a reload', { timeout: 240_000 }, async () => {
    const [port] = (await freePorts(1)) as [number]
    scene = new Scene(release, port)
    const { haproxy } = scene
    await scene.begin({ n1: '127.0.0.1:8001', n2: '127.0.0.1:8002' })
    const [id, reloads] = [await haproxy.id(), scene.reloads]

    scene.set({ n1: '127.0.0.1:8001', n2: '127.0.0.1:8002', n3: '127.0.0.1:8003 weight 5 check' })
    await haproxy.has(
      'web/n1 127.0.0.1:8001 weight 1',
      'web/n2 127.0.0.1:8002 weight 1',
      'web/n3 127.0.0.1:8003 weight 5',
    )
    scene.set({ n1: '127.0.0.1:8009 weight 7', n2: '127.0.0.1:8002 disabled' })
    await haproxy.has('web/n1 127.0.0.1:8009 weight 7', 'web/n2 127.0.0.1:8002 weight 1 maint')
    scene.set({ n1: '127.0.0.1:8009 weight 7', n2: '127.0.0.1:8002' })
    await haproxy.has('web/n1 127.0.0.1:8009 weight 7', 'web/n2 127.0.0.1:8002 weight 1')
    expect(scene.reloads).toBe(reloads)
    expect(await haproxy.id()).toBe(id)

    // What cannot be done at run time is a reload.
    scene.set({ n1: '127.0.0.1:8009 weight 7', n2: '127.0.0.1:8002' }, { client: '6s' })
    const { site } = scene
    await haproxy.has('web/n1 127.0.0.1:8009 weight 7', 'web/n2 127.0.0.1:8002 weight 1')
    expect(site.read('haproxy.cfg')).toBeDefined()
  })
})

test('it is told beforehand and afterwards', { timeout: 240_000 }, async () => {
  const [port] = (await freePorts(1)) as [number]
  scene = new Scene('3.2', port)
  const { haproxy, site } = scene
  const run = await scene.begin({ n1: '127.0.0.1:8001' })
  await run.until('it is known what HAProxy has loaded', () =>
    readdirSync(join(site.root, 'state')).some((name) => name.startsWith('haproxy-')),
  )
  const status = (): string => said(scene as Scene, 'why', 'haproxy.cfg.toml')
  expect(status()).toContain(
    'not at run time, since the content that HAProxy has loaded is unknown',
  )
  scene.set({ n1: '127.0.0.1:8001', n2: '127.0.0.1:8002' })
  await haproxy.has('web/n1 127.0.0.1:8001 weight 1', 'web/n2 127.0.0.1:8002 weight 1')
  await run.until('it is told', () => status().includes('without a reload: add web/n2'))
  await scene.leave()

  scene.set({ n2: '127.0.0.1:8002', n3: '127.0.0.1:8003' })
  const foreseen = 'would be applied without a reload: add web/n3, drain web/n1'
  expect(said(scene, '-onetime', '-noop', '-diff')).toContain(foreseen)
  scene.set({ n2: '127.0.0.1:8002' }, { client: '6s' })
  expect(said(scene, '-onetime', '-noop')).toContain('would need a reload: line 6 differs')
  expect(said(scene, 'check')).toContain('no faults')
  await haproxy.stop()
  expect(said(scene, 'check')).toMatch(/warning: (the socket \S+ is missing|nothing listens)/)
})
