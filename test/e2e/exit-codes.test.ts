// The exit codes of a onetime run. A failed run must leave the destination unchanged.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts, startEtcd, type EtcdServer } from '../support/servers.ts'
import { withSite, type Site } from './support.ts'

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd()
  await etcd.client.put('/app/name', 's3cret')
})
afterAll(async () => {
  await etcd.stop()
})

const store = (): string[] => ['-backend', 'etcd', '-node', etcd.node]
const good = (site: Site, name = 'app.conf'): void => {
  site.template(name, 'name = {{ getv("/app/name") }}\n')
  site.resource(name)
}

/** Returns the level of each line. With -log-format json, even the final error of a refused run is JSON. */
const levels = (stderr: string): string[] =>
  stderr
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { level: string }).level)

test('0: success', async () => {
  await withSite(store(), async (site) => {
    good(site)
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    expect(site.read('app.conf')).toBe('name = s3cret\n')
  })
})

test('1: a resource failed; all are tried, and each failure is reported', async () => {
  await withSite(store(), async (site) => {
    good(site, 'good.conf')
    good(site, 'check.conf')
    site.resource('check.conf', { check_cmd: 'echo no good; exit 3' })
    good(site, 'reload.conf')
    site.resource('reload.conf', { reload_cmd: 'exit 4' })
    site.template('missing.conf', '{{ getv("/app/missing") }}')
    site.resource('missing.conf')
    for (const name of ['check.conf', 'missing.conf']) writeFileSync(site.path(name), 'old\n')
    const run = await site.start('-onetime').finished
    expect(run.code).toBe(1)
    expect(site.read('good.conf')).toBe('name = s3cret\n')
    expect(site.read('check.conf')).toBe('old\n')
    expect(site.read('missing.conf')).toBe('old\n')
    expect(run.stderr).toContain('check.conf')
    expect(run.stderr).toContain('no good')
    expect(run.stderr).toContain('reload.conf')
    expect(run.stderr).toContain('/app/missing')
    // Values are secrets, even in an error message.
    expect(run.stderr).not.toContain('s3cret')
  })
})

test('2: changes are pending or were made, only with -detailed-exitcode', async () => {
  await withSite(store(), async (site) => {
    good(site)
    const pending = ['-onetime', '-noop']
    expect(await site.start(...pending).finished).toMatchObject({ code: 0 })
    const detailed = [...pending, '-detailed-exitcode']
    expect(await site.start(...detailed).finished).toMatchObject({ code: 2 })
    expect(site.read('app.conf')).toBeUndefined()
    const made = ['-onetime', '-detailed-exitcode']
    expect(await site.start(...made).finished).toMatchObject({ code: 2 })
    expect(await site.start(...made).finished).toMatchObject({ code: 0 })
    expect(await site.start(...detailed).finished).toMatchObject({ code: 0 })
  })
})

test('64: the command line is wrong', async () => {
  await withSite(store(), async (site) => {
    good(site)
    const run = await site.start('-onetime', '-no-such-flag').finished
    expect(run.code).toBe(64)
    expect(levels(run.stderr).at(-1)).toBe('error')
    expect(run.stderr).toContain('no-such-flag')
    expect(site.read('app.conf')).toBeUndefined()
  })
})

test('69: the store is not reachable within the timeout', async () => {
  const [port] = await freePorts(1)
  await withSite(['-backend', 'etcd', '-node', `127.0.0.1:${port}`], async (site) => {
    good(site)
    writeFileSync(site.path('app.conf'), 'old\n')
    const run = await site.start('-onetime', '-timeout', '1').finished
    expect(run.code).toBe(69)
    expect(levels(run.stderr).at(-1)).toBe('error')
    expect(run.stderr).toContain(`127.0.0.1:${port}`)
    expect(site.read('app.conf')).toBe('old\n')
  })
})

test('78: the configuration is wrong; the error names file and line', async () => {
  await withSite(store(), async (site) => {
    good(site)
    writeFileSync(join(site.root, 'conf.d', 'bad.toml'), '[template]\nsrc = "a.njk"\nkeyz = []\n')
    const run = await site.start('-onetime').finished
    expect(run.code).toBe(78)
    expect(levels(run.stderr).at(-1)).toBe('error')
    expect(run.stderr).toContain('bad.toml:3')
    expect(run.stderr).toContain('keyz')
    expect(site.read('app.conf')).toBeUndefined()
  })
})
