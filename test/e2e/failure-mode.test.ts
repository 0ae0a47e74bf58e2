// An invalid file in conf.d: a daemon serves the other resources, and a onetime run refuses to start. Also tests -only,
// which limits a onetime run to one resource, and -reload-always, which reloads even without a change.
import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { expect, test } from 'vitest'
import { freePorts } from '../support/process.ts'
import { until } from '../support/until.ts'
import { withSite, type Site } from './support.ts'

/** Creates a site with two valid resources, `a` and `b`, which read the same key from a file. */
async function withFiles(use: (site: Site) => Promise<void>): Promise<void> {
  await withSite([], async (site) => {
    keys(site, 'one')
    for (const name of ['a', 'b']) {
      site.template(name, `${name} {{ getv("/name") }}\n`)
      site.resource(name, { reload_cmd: `echo x >> ${site.path(`${name}.reloads`)}` })
    }
    await use(site)
  })
}

const file = (site: Site): string => join(site.root, 'keys.yaml')
const keys = (site: Site, name: string): void => writeFileSync(file(site), `name: ${name}\n`)
const bad = (site: Site, name: string): void =>
  writeFileSync(join(site.root, 'conf.d', `${name}.toml`), '[template]\nsrc = 1\n')

/** Returns the daemon's answer to /readyz. */
async function readiness(port: number): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`)
  return { status: response.status, body: await response.text() }
}

test('a daemon starts despite a bad file, reports it, and loads it once it is corrected', async () => {
  await withFiles(async (site) => {
    const [port = 0] = await freePorts(1)
    bad(site, 'b')
    const run = site.start('-watch', '-file', file(site), '-http', `127.0.0.1:${port}`)
    await run.until('the good one', () => site.lines('a.reloads') === 1)
    expect(site.read('b')).toBeUndefined()
    expect(run.log).toContainEqual(
      expect.objectContaining({ event: 'failed', resource: 'b.toml', at: 'configuration' }),
    )
    const { status, body } = await readiness(port)
    expect(status).toBe(503)
    expect(body).toContain('b.toml')
    expect(body).toContain('src must be a string')
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    expect(metrics).toContain('reconfd_configuration_good 0')
    expect(metrics).toContain('reconfd_resource_state{resource="b.toml",state="failed"} 1')
    site.resource('b')
    await run.until('the mended one', () => site.read('b') === 'b one\n')
    await until('all is well', async () => (await readiness(port)).status === 200)
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('a [backend] that cannot be opened does not affect other resources, and is retried', async () => {
  await withFiles(async (site) => {
    const [port = 0, consul = 0] = await freePorts(2)
    const ca = site.path('ca.pem')
    const backend = `[backend]\nbackend = "consul"\nnodes = ["https://127.0.0.1:${consul}"]\n`
    site.resource('b')
    appendFileSync(join(site.root, 'conf.d', 'b.toml'), `${backend}client_cakeys = "${ca}"\n`)
    const run = site.start('-watch', '-file', file(site), '-http', `127.0.0.1:${port}`)
    await run.until('the good one', () => site.lines('a.reloads') === 1)
    const { body } = await readiness(port)
    expect(body).toContain('cannot read the file given by -client-ca-keys')
    // Nothing changes in conf.d itself; only the missing file appears.
    writeFileSync(ca, rootCertificates[0] as string)
    await run.until('a new generation', () => run.tells('generation-loaded'))
    expect(run.log).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('2 resources') as string }),
    )
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('a resource that becomes invalid keeps its previous definition, and is failed until corrected', async () => {
  await withFiles(async (site) => {
    const [port = 0] = await freePorts(1)
    const run = site.start('-watch', '-file', file(site), '-http', `127.0.0.1:${port}`)
    await run.until('both', () => site.lines('a.reloads') === 1 && site.lines('b.reloads') === 1)
    bad(site, 'b')
    await run.until('it is refused', () => run.tells('failed'))
    keys(site, 'two')
    await run.until('its former definition works', () => site.read('b') === 'b two\n')
    await run.until('and reloads', () => site.lines('b.reloads') === 2)
    // The previous definition has been applied, but this must not make the resource ready.
    const { status, body } = await readiness(port)
    expect(status).toBe(503)
    expect(body).toContain('invalid definition')
    site.resource('b')
    await until('all is well', async () => (await readiness(port)).status === 200)
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test.each([
  [[], 78, undefined],
  [['-failure-mode', 'best-effort'], 1, 'a one\n'],
])('a onetime run with a bad file, %j: exit code %j', async (argv, code, content) => {
  await withFiles(async (site) => {
    bad(site, 'b')
    const ended = await site.start('-onetime', '-file', file(site), ...argv).finished
    expect(ended.code).toBe(code)
    expect(ended.stderr).toContain('src must be a string')
    expect(site.read('a')).toBe(content)
  })
})

test('a daemon with -failure-mode fail-fast does not start', async () => {
  await withFiles(async (site) => {
    bad(site, 'b')
    const argv = ['-watch', '-file', file(site), '-failure-mode', 'fail-fast']
    expect((await site.start(...argv).finished).code).toBe(78)
    expect(site.read('a')).toBeUndefined()
  })
})

test('an invalid resource keeps its debts', async () => {
  await withFiles(async (site) => {
    site.resource('b', { reload_cmd: 'exit 1' })
    expect((await site.start('-onetime', '-file', file(site)).finished).code).toBe(1)
    bad(site, 'b')
    const argv = ['-onetime', '-file', file(site), '-failure-mode', 'best-effort']
    expect((await site.start(...argv).finished).code).toBe(1)
    site.resource('b', { reload_cmd: `echo x >> ${site.path('b.reloads')}` })
    expect((await site.start('-onetime', '-file', file(site)).finished).code).toBe(0)
    expect(site.lines('b.reloads')).toBe(1)
  })
})

test('-only: applies one resource even if others are invalid; debts of others stay', async () => {
  await withFiles(async (site) => {
    bad(site, 'c')
    site.resource('b', { reload_cmd: 'exit 1' })
    const once = ['-onetime', '-file', file(site)]
    expect((await site.start(...once, '-only', 'b').finished).code).toBe(1)
    expect(site.read('a')).toBeUndefined()
    site.resource('b', { reload_cmd: `echo x >> ${site.path('b.reloads')}` })
    expect((await site.start(...once, '-only', 'a.toml').finished).code).toBe(0)
    expect([site.read('a'), site.lines('a.reloads'), site.lines('b.reloads')]).toEqual([
      'a one\n',
      1,
      0,
    ])
    rmSync(join(site.root, 'conf.d', 'c.toml'))
    expect((await site.start(...once).finished).code).toBe(0)
    expect(site.lines('b.reloads')).toBe(1)
  })
})

test('-only removes no file of another resource', async () => {
  await withSite([], async (site) => {
    writeFileSync(file(site), 'hosts: {x: 1, y: 2}\nname: one\n')
    site.template('a', '{{ getv("/name") }}\n')
    site.resource('a')
    mkdirSync(site.path('each'))
    site.template('each', '{{ item.value }}\n')
    site.resource('each', {
      dest: `${site.path('each')}/{{ base(item.key) }}.conf`,
      keys: ['/hosts'],
      for_each: '/hosts/*',
    })
    const once = ['-onetime', '-file', file(site)]
    expect((await site.start(...once).finished).code).toBe(0)
    writeFileSync(file(site), 'hosts: {x: 1}\nname: two\n')
    expect((await site.start(...once, '-only', 'a').finished).code).toBe(0)
    expect(site.read('a')).toBe('two\n')
    expect(readdirSync(site.path('each')).sort()).toEqual(['x.conf', 'y.conf'])
    expect((await site.start(...once).finished).code).toBe(0)
    expect(readdirSync(site.path('each'))).toEqual(['x.conf'])
  })
})

test('-only with an unknown name', async () => {
  await withFiles(async (site) => {
    const ended = await site.start('-onetime', '-file', file(site), '-only', 'aa.toml').finished
    expect(ended.code).toBe(78)
    expect(ended.stderr).toContain('did you mean a.toml?')
  })
})

test('-reload-always: runs each reload once, even if no file has changed', async () => {
  await withFiles(async (site) => {
    const once = ['-onetime', '-file', file(site)]
    expect((await site.start(...once, '-reload-always').finished).code).toBe(0)
    expect([site.lines('a.reloads'), site.lines('b.reloads')]).toEqual([1, 1])
    expect((await site.start(...once).finished).code).toBe(0)
    expect([site.lines('a.reloads'), site.lines('b.reloads')]).toEqual([1, 1])
    expect((await site.start(...once, '-reload-always', '-only', 'a').finished).code).toBe(0)
    expect([site.lines('a.reloads'), site.lines('b.reloads')]).toEqual([2, 1])
    // A failed reload must stay owed, even with -reload-always.
    site.resource('a', { reload_cmd: 'exit 1' })
    expect((await site.start(...once, '-reload-always').finished).code).toBe(1)
    site.resource('a', { reload_cmd: `echo x >> ${site.path('a.reloads')}` })
    expect((await site.start(...once).finished).code).toBe(0)
    expect([site.lines('a.reloads'), site.lines('b.reloads')]).toEqual([3, 2])
  })
})

test.each([
  [['-watch', '-only', 'a'], '-only is for onetime runs and checks'],
  [['-watch', '-reload-always'], '-reload-always is for onetime runs'],
  [['-onetime', '-reload-always', '-noop'], '-reload-always and -noop contradict each other'],
])('%j is refused', async (argv, message) => {
  await withFiles(async (site) => {
    const ended = await site.start('-file', file(site), ...argv).finished
    expect(ended.code).toBe(64)
    expect(ended.stderr).toContain(message)
  })
})
