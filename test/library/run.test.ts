// run() in the caller's process: faults are returned as values, several runs work side by side, and the process is left
// unchanged.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { run, type Ended, type Event, type RunOptions } from '../../src/index.ts'
import { askDaemon } from '../../src/control/ask.ts'
import { activeHandles, handlesBeyond } from '../support/handles.ts'
import { freePorts, removeDir, tempDir } from '../support/process.ts'
import { settingsFor } from '../support/settings.ts'
import { until, within } from '../support/until.ts'

const sites: Site[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const site of sites.splice(0)) await site.close()
})

/** A confdir with one resource, `page.toml`, whose keys are in a file. `run` starts a run on this confdir. */
class Site {
  readonly root = tempDir('library')
  readonly events: Event[] = []
  readonly settings = {
    confdir: this.root,
    state_dir: join(this.root, 'state'),
    backend: 'file',
    file: [join(this.root, 'keys.yaml')],
    debounce: 0,
  } as const
  readonly #stop = new AbortController()
  #ended: Promise<Ended> | undefined

  constructor(template = '{{ getv("/title") }}\n') {
    sites.push(this)
    for (const folder of ['conf.d', 'templates']) mkdirSync(join(this.root, folder))
    this.title('one')
    this.write('templates/page.njk', template)
    this.resource({ reload_cmd: `cat ${this.path('page')} >>${this.path('reloads')}` })
  }

  path(name: string): string {
    return join(this.root, name)
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text)
  }

  title(title: string): void {
    this.write('keys.yaml', `title: ${title}\n`)
  }

  resource(fields: Readonly<Record<string, string>>): void {
    const all = { src: 'page.njk', dest: this.path('page'), ...fields }
    const lines = Object.entries(all).map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
    this.write('conf.d/page.toml', `[template]\nkeys = ["/"]\n${lines.join('\n')}\n`)
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  once(more: RunOptions['settings'] = {}): Promise<Ended> {
    return run({
      settings: { ...this.settings, onetime: true, ...more },
      onEvent: (event) => this.events.push(event),
    })
  }

  start(more: RunOptions['settings'] = {}): Promise<Ended> {
    this.#ended = run({
      settings: { ...this.settings, watch: true, ...more },
      signal: this.#stop.signal,
      onEvent: (event) => this.events.push(event),
    })
    return this.#ended
  }

  async until(kind: Event['kind'], times = 1): Promise<void> {
    await until(`${kind}, ${times} times`, () => {
      return this.events.filter((event) => event.kind === kind).length >= times
    })
  }

  async stop(): Promise<Ended | undefined> {
    this.#stop.abort()
    return this.#ended && within('the end of the run', this.#ended)
  }

  async close(): Promise<void> {
    await this.stop()
    removeDir(this.root)
  }
}

describe('a onetime run', () => {
  test('writes, reloads, reports its events and ends', async () => {
    const site = new Site()
    expect(await site.once()).toEqual({ kind: 'done', failed: [], changed: ['page.toml'] })
    expect(site.read('page')).toBe('one\n')
    expect(site.read('reloads')).toBe('one\n')
    expect(site.events.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining([
        'started',
        'store-live',
        'rendered',
        'written',
        'reloaded',
        'applied',
      ]),
    )
    expect(await site.once()).toEqual({ kind: 'done', failed: [], changed: [] })
  })

  test('noop touches nothing', async () => {
    const site = new Site()
    const ended = await site.once({ noop: true })
    expect(ended).toEqual({ kind: 'done', failed: [], changed: ['page.toml'] })
    expect(() => site.read('page')).toThrow('ENOENT')
  })

  test('names the resources that have failed', async () => {
    const site = new Site('{{ getv("/nope") }}')
    expect(await site.once()).toEqual({ kind: 'done', failed: ['page.toml'], changed: [] })
    const failed = site.events.find((event) => event.kind === 'failed')
    expect(failed).toMatchObject({ fault: { file: site.path('templates/page.njk'), line: 1 } })
  })

  test('no event contains a value', async () => {
    const site = new Site()
    site.title('hunter2')
    await site.once()
    const seen = (_: string, value: unknown) =>
      value instanceof Map || value instanceof Set ? [...(value as Iterable<unknown>)] : value
    expect(JSON.stringify(site.events, seen)).not.toContain('hunter2')
  })

  test('an unreachable store and an invalid configuration are returned as values', async () => {
    const site = new Site()
    const [port] = await freePorts(1)
    const nodes = [`127.0.0.1:${port}`]
    const away = await site.once({ backend: 'etcdv3', nodes, file: undefined, timeout: '100ms' })
    expect(away).toMatchObject({ kind: 'unreachable', failed: [], changed: [] })
    expect(JSON.stringify(away)).toContain(`127.0.0.1:${port}`)
    site.write('conf.d/page.toml', '[template]\nsrc = "page.njk"\n')
    expect(await site.once()).toMatchObject({
      kind: 'configuration',
      faults: [{ file: site.path('conf.d/page.toml'), message: 'dest is missing' }],
    })
  })

  test('changes nothing when stopped before it has begun', async () => {
    const site = new Site()
    const settings = { ...site.settings, onetime: true }
    expect(await run({ settings, signal: AbortSignal.abort() })).toEqual({ kind: 'stopped' })
    expect(() => site.read('page')).toThrow('ENOENT')
  })
})

describe('settings', () => {
  const faultsOf = async (settings: object, env = {}): Promise<string> => {
    const ended = await run({ settings: { onetime: true, ...settings }, env })
    if (ended.kind !== 'configuration') throw new Error(ended.kind)
    return ended.faults.map(({ message, hint }) => `${message}; ${hint}`).join('\n')
  }

  test('all faults are returned together, as for confd.toml', async () => {
    const stores = { east: { backend: 'consulx', prefix: undefined }, west: { nodez: [] } }
    const told = await faultsOf({ nodez: [], interval: 'soon', log_level: 'debug', stores })
    expect(told).toContain('unknown setting nodez; did you mean nodes?')
    expect(told).toContain('interval: "soon" is not a duration')
    expect(told).toContain('the setting log-level applies only to the reconfd command')
    expect(told).toContain('stores.east: backend: "consulx" is not one of')
    expect(told).toContain('stores.west: unknown setting nodez')
  })

  test('contradictions, and a missing settings file', async () => {
    expect(await faultsOf({ backend: 'file' })).toContain('the backend "file" needs a file to read')
    expect(await faultsOf({ conf_file: '/nope.toml' })).toContain('the settings file is missing')
    expect(await faultsOf({ conf_file: 5 })).toContain('conf_file must be a string')
  })

  test('no password is repeated', async () => {
    const told = await faultsOf({ password: ['hunter2'], backend: 'x' })
    expect(told).toContain('password must be a string')
    expect(told).not.toContain('hunter2')
  })

  test('settings precede the given environment, which precedes a file', async () => {
    const site = new Site()
    const wrong = { CONFD_BACKEND: 'x' }
    expect(await faultsOf({}, wrong)).toContain('environment variable CONFD_BACKEND')
    const conf_file = site.path('confd.toml')
    site.write('confd.toml', `backend = "consul"\nconfdir = "${site.root}"\nlog-level = "error"\n`)
    const env = { CONFD_BACKEND: 'file', CONFD_STATE_DIR: '/nonexistent/state' }
    const { state_dir, file } = site.settings
    const ended = await run({ settings: { onetime: true, conf_file, state_dir, file }, env })
    expect(ended).toMatchObject({ kind: 'done', changed: ['page.toml'] })
  })
})

describe('a daemon', () => {
  test('follows the store and an edited conf.d until it is stopped', async () => {
    const site = new Site()
    void site.start()
    await site.until('reloaded')
    site.title('two')
    await site.until('reloaded', 2)
    site.resource({ dest: site.path('other') })
    await site.until('generation-loaded')
    await site.until('written', 3)
    expect(site.read('other')).toBe('two\n')
    expect(await site.stop()).toEqual({ kind: 'done', failed: [], changed: ['page.toml'] })
    expect(site.read('reloads')).toBe('one\ntwo\n')
  })

  test('of two concurrent runs, one keeps running when the other is stopped or fails', async () => {
    const [one, two, three] = [new Site(), new Site(), new Site()]
    void one.start()
    void two.start()
    await Promise.all([one.until('reloaded'), two.until('reloaded')])
    expect(await one.stop()).toMatchObject({ kind: 'done', failed: [] })
    three.resource({ reload_cmd: 'exit 3' })
    expect(await three.once()).toMatchObject({ kind: 'done', failed: ['page.toml'] })
    for (const n of [2, 3]) {
      two.title(`title ${n}`)
      await two.until('reloaded', n)
    }
    expect(await two.stop()).toMatchObject({ kind: 'done', failed: [] })
    expect(two.read('reloads')).toBe('one\ntitle 2\ntitle 3\n')
    expect(one.read('reloads')).toBe('one\n')
  })

  test('answers the requests of the reconfd commands', async () => {
    const site = new Site()
    void site.start()
    await site.until('reloaded')
    const { confdir, state_dir: stateDir } = site.settings
    const asked = settingsFor({ backend: 'file', confdir, stateDir })
    const status = await until('the status', async () => {
      const told = await askDaemon({ command: 'status' }, asked, false)
      return told.ok && told.value.exit === 0 && told.value.text
    })
    expect(status).toContain(`pid ${process.pid}`)
    expect(status).toMatch(/page\.toml +in sync/)
  })

  test('a listener that throws ends it, after running work has finished', async () => {
    const site = new Site()
    const ended = run({
      settings: { ...site.settings, watch: true },
      onEvent: (event) => {
        if (event.kind === 'written') throw new Error('no more')
      },
    })
    await expect(within('the end of the run', ended)).rejects.toThrow('no more')
    expect(site.read('reloads')).toBe('one\n')
  })
})

test('the process is left as it was', async () => {
  const state = () => ({
    listeners: process.eventNames().map((name) => [name, process.listenerCount(name)]),
    cwd: process.cwd(),
    title: process.title,
    exitCode: process.exitCode,
    env: { ...process.env },
    globals: Object.getOwnPropertyNames(globalThis),
    symbols: Object.getOwnPropertySymbols(globalThis),
  })
  const warmUp = new Site()
  await warmUp.once()
  const [before, handles] = [state(), activeHandles()]
  const writes = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write'))
  const site = new Site()
  void site.start({ http: '127.0.0.1:0' })
  await site.until('reloaded')
  site.title('two')
  await site.until('reloaded', 2)
  expect(state()).toEqual(before)
  await site.stop()
  for (const write of writes) expect(write).not.toHaveBeenCalled()
  expect(state()).toEqual(before)
  await until('nothing is left open', () => handlesBeyond(handles).length === 0)
})
