// Two Consul datacenters joined over WAN. Templates look up services and keys in the other datacenter. When that
// datacenter is unreachable, only the resources that read from it may be affected.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  instance,
  reaches,
  startDatacenters,
  type Datacenters,
} from '../support/consul-datacenters.ts'
import { until } from '../support/until.ts'
import { withSite, type Site } from './support.ts'

const EXAMPLE = new URL('../../examples/two-datacenters/', import.meta.url)
const example = (path: string): string => readFileSync(new URL(path, EXAMPLE), 'utf8')

let both: Datacenters
beforeAll(async () => {
  both = await startDatacenters()
  await until('dc1 reaches dc2', () => reaches(both.dc1[0] as never, 'dc2'))
  const [one] = both.dc1
  await instance(one as never, ['n1', 'a'], '10.1.0.1', 8001)
  await instance(one as never, ['n2', 'b'], '10.1.0.2', 8001)
  await instance(both.dc2, ['m1', 'c'], '10.2.0.1', 8002)
  await both.dc2.client.call('PUT', '/v1/kv/app/where', 'far')
  await one?.client.call('PUT', '/v1/kv/app/where', 'near')
})
afterAll(() => both.stop())

const list = (call: string): string =>
  `{% for s in ${call} %}${'{{ s.node }} {{ s.datacenter }}'}\n{% endfor %}`

function resources(site: Site): void {
  site.template('backup', example('templates/haproxy.cfg.njk'))
  site.resource('backup', { keys: ['/services/web'], optional_stores: ['dc2'] })
  site.template('local', list('service("web")'))
  site.resource('local', { keys: ['/services/web'] })
  site.template('strict', `${list('service("web@dc2")')}{{ datacenters() | join(" ") }}\n`)
  site.resource('strict', { keys: ['/services/web'] })
}

interface Told {
  readonly store?: string
  readonly resource?: string
  readonly message?: string
  readonly msg?: string
}

test('the other datacenter is unreachable at the start, returns, fails and returns again', async () => {
  const [one, , third] = both.dc1
  if (one === undefined || third === undefined) throw new Error('three servers')
  await withSite(['-backend', 'consul-catalog', '-node', one.node], async (site) => {
    resources(site)
    await both.dc2.kill()
    await until('dc2 is away', async () => !(await reaches(one, 'dc2')))

    const run = site.start('-watch')
    await run.until('without it', () => site.read('backup') === example('dc2-away/haproxy.cfg'))
    await run.until('others are not concerned', () => site.read('local') === 'n1 dc1\nn2 dc1\n')
    expect(site.read('strict')).toBeUndefined()
    const without = 'rendered without dc2, which cannot be reached'
    await run.until('it is logged', () => run.stderr.includes(without))
    await run.until('that one fails', () => run.log.some((line) => line.event === 'failed'))

    await both.dc2.start()
    await run.until('with it', () => site.read('backup') === example('expected/haproxy.cfg'))
    await run.until('that one, too', () => site.read('strict') === 'm1 dc2\ndc1 dc2\n')

    await both.dc2.kill()
    const stale = (line: object): boolean => (line as Told).store === 'consul-catalog@dc2'
    const before = run.log.filter(stale).length
    await run.until('it is logged as stale', () => run.log.filter(stale).length > before)
    await instance(one, ['n3', 'd'], '10.1.0.3', 8001)
    await run.until('the rest is followed', () => site.read('backup')?.includes('n3-d') === true)
    expect(site.read('backup')).toContain('dc2-m1-c')
    expect(site.read('strict')).toBe('m1 dc2\ndc1 dc2\n')

    // Two of the three servers of dc1 remain, which is a quorum.
    await third.kill()
    await both.dc2.start()
    await instance(both.dc2, ['m2', 'e'], '10.2.0.2', 8002)
    await run.until('both of it', () => site.read('backup')?.includes('dc2-m2-e') === true)
    expect(site.read('backup')).toContain('dc2-m1-c')
    await third.start()
    await one.client.call('PUT', '/v1/catalog/deregister', JSON.stringify({ Node: 'n3' }))
    await run.until('and here', () => site.read('backup')?.includes('n3-d') === false)
    await run.stop()
  })
})

// The first test leaves both datacenters running.
test('keys of another datacenter, addressed by its name', async () => {
  const [one] = both.dc1
  await until('dc1 reaches dc2', () => reaches(one as never, 'dc2'))
  await withSite(['-backend', 'consul', '-node', one?.node ?? ''], async (site) => {
    site.template(
      'keys',
      '{{ getv("/app/where") }} {{ getv("dc2:/app/where") }} {{ getv("far:/app/where") }}',
    )
    site.resource('keys', { keys: ['/app', 'dc2:/app', 'far:/app'] })
    site.config(
      `[stores.far]\nbackend = "consul"\nnodes = ["${one?.node}"]\nconsul-datacenter = "dc2"\nconsul-max-stale = "10s"\n`,
    )
    const { code, stderr } = await site.start('-onetime').finished
    expect(code, stderr).toBe(0)
    expect(site.read('keys')).toBe('near far far')
  })
})

test('optional stores that are unreachable at the start: all their readers follow once they are back', async () => {
  const [one] = both.dc1
  const store = (backend: string): string =>
    `[stores.far]\nbackend = "${backend}"\nnodes = ["${both.dc2.node}"]\n`
  const local = ['-backend', 'consul', '-node', one?.node ?? '']
  await withSite(local, async (catalog) => {
    // The catalog is read on demand. While its datacenter is unreachable, reconfd knows nothing that the template
    // looks up there.
    catalog.config(store('consul-catalog'))
    catalog.template('services', list('service("far:web")'))
    catalog.resource('services', {
      keys: ['/app', 'far:/services/web'],
      optional_stores: ['far'],
    })
    await withSite(local, async (keys) => {
      keys.config(store('consul'))
      keys.template('keys', '{{ getv("far:/app/where", "nowhere") }}')
      keys.resource('keys', { keys: ['far:/app'], optional_stores: ['far'] })
      keys.template('strict', '{{ getv("far:/app/where") }}')
      keys.resource('strict', { keys: ['far:/app'] })
      await both.dc2.kill()

      const runs = [catalog.start('-watch'), keys.start('-watch')] as const
      await runs[0].until('without it', () => catalog.read('services') === '')
      await runs[1].until('without its keys', () => keys.read('keys') === 'nowhere')
      expect(keys.read('strict')).toBeUndefined()

      await both.dc2.start()
      const hasServices = (): boolean => catalog.read('services')?.includes('m1 dc2') === true
      await runs[0].until('its services', hasServices)
      await runs[1].until('its keys', () => keys.read('keys') === 'far')
      await runs[1].until('for who needs them', () => keys.read('strict') === 'far')
      for (const run of runs) await run.stop()
    })
  })
})
