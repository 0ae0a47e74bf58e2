// Several stores together: named in confd.toml or in a resource, read by one template, and unreachable one at a time.
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { deadNodes } from '../support/dead-nodes.ts'
import { startConsul, startEtcd, type ConsulServer, type EtcdServer } from '../support/servers.ts'
import { connectionsTo } from '../support/sockets.ts'
import { withSite, type Site } from './support.ts'

let etcd: EtcdServer
let consul: ConsulServer
beforeAll(async () => {
  ;[etcd, consul] = await Promise.all([startEtcd(), startConsul()])
})
beforeEach(async () => {
  await etcd.client.put('/app/name', 'from etcd')
  await consul.client.put('/secret/app/password', 'from consul')
  await consul.client.put('/secret/other', 'hidden')
})
afterAll(async () => {
  await Promise.all([etcd.stop(), consul.stop()])
})

const store = (): string[] => ['-backend', 'etcd', '-node', etcd.node, '-debounce', '10ms']

const named = (site: Site): void =>
  site.config(`[stores.vault2]\nbackend = "consul"\nnodes = ["${consul.node}"]\n`)

test('one template reads two stores; each is watched', async () => {
  await withSite(store(), async (site) => {
    named(site)
    site.template(
      'app.conf',
      '{{ getv("/app/name") }} {{ getv("vault2:/secret/app/password") }}\n' +
        '{% for p in range("vault2:/secret") %}{{ p.key }} {{ getv(p.key) }}\n{% endfor %}',
    )
    site.resource('app.conf', { keys: ['/app', 'vault2:/secret/app'] })
    const run = site.start('-watch')
    const wanted = (one: string, two: string): string =>
      `${one} ${two}\n/vault2:/secret/app/password ${two}\n`
    await run.until('both', () => site.read('app.conf') === wanted('from etcd', 'from consul'))
    await consul.client.put('/secret/app/password', 'renewed')
    await run.until('the second', () => site.read('app.conf') === wanted('from etcd', 'renewed'))
    await etcd.client.put('/app/name', 'new')
    await run.until('the first', () => site.read('app.conf') === wanted('new', 'renewed'))
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('an unreachable store affects only its readers', async () => {
  await withSite(store(), async (site) => {
    site.config('[stores.gone]\nbackend = "consul"\nnodes = ["127.0.0.1:1"]\n')
    site.template('plain', '{{ getv("/app/name") }}\n')
    site.resource('plain')
    site.template('both', '{{ getv("gone:/x", "none") }}\n')
    site.resource('both', { keys: ['/app', 'gone:/x'] })
    const once = await site.start('-onetime', '-timeout', '5').finished
    expect(once.code).toBe(69)
    expect(once.stderr).toContain('gone')
    expect(site.read('plain')).toBe('from etcd\n')
    // A key of an unreachable store is unknown, not missing, so nothing is rendered from it.
    expect(site.read('both')).toBeUndefined()
  })
})

test('readers of a store that becomes unreachable are stale; other resources are not', async () => {
  await withSite(store(), async (site) => {
    named(site)
    site.template('plain', '{{ getv("/app/name") }}\n')
    site.resource('plain', { keys: ['/app'] })
    site.template('both', '{{ getv("/app/name") }} {{ getv("vault2:/secret/app/password") }}\n')
    site.resource('both', { keys: ['/app', 'vault2:/secret/app'] })
    const run = site.start('-watch')
    await run.until('both', () => site.read('both') === 'from etcd from consul\n')
    const states = async (): Promise<Record<string, string>> => {
      const { stdout } = await site.start('status', '-json').finished
      const { resources } = JSON.parse(stdout) as { resources: { name: string; state: string }[] }
      return Object.fromEntries(resources.map(({ name, state }) => [name, state]))
    }
    await consul.kill()
    await run.until('it says so', () => run.tells('store-stale'))
    await etcd.client.put('/app/name', 'meanwhile')
    await run.until('the change', () => site.read('plain') === 'meanwhile\n')
    expect(await states()).toEqual({ 'plain.toml': 'in sync', 'both.toml': 'stale' })
    // The file contains the last known keys of the unreachable store, and the current keys of the other store.
    await run.until('it too', () => site.read('both') === 'meanwhile from consul\n')
    await consul.start()
    await consul.client.put('/secret/app/password', 'back')
    await run.until('it is back', () => site.read('both') === 'meanwhile back\n')
    expect(await states()).toEqual({ 'plain.toml': 'in sync', 'both.toml': 'in sync' })
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('stores with identical settings share one connection, regardless of their names', async () => {
  await withSite(['-backend', 'consul', '-node', consul.node], async (site) => {
    const same = `backend = "consul"\nnodes = ["${consul.node}"]\n`
    site.config(`[stores.one]\n${same}[stores.two]\n${same}`)
    site.template('all', '{{ getv("/secret/other") }} {{ getv("one:/secret/app/password") }}\n')
    site.resource('all', { keys: ['/secret', 'one:/secret/app', 'two:/secret/app'] })
    site.template('own', '{{ getv("/secret/other") }}\n')
    writeFileSync(
      join(site.root, 'conf.d', 'own.toml'),
      `[template]\nsrc = "own.njk"\ndest = "${site.path('own')}"\nkeys = ["/secret"]\n[backend]\n${same}`,
    )
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    expect(site.read('all')).toBe('hidden from consul\n')
    expect(site.read('own')).toBe('hidden\n')
    const run = site.start('-watch')
    await run.until('it is live', () => run.tells('store-live'))
    await consul.client.put('/secret/app/password', 'shared')
    await run.until('the change', () => site.read('all') === 'hidden shared\n')
    // All keys are below one directory, so one blocking query is enough.
    const port = Number(consul.node.split(':')[1])
    await run.until('one connection', () => connectionsTo(port, run.pid) === 1)
    const asked = await site.start('status', '-json').finished
    const { stores } = JSON.parse(asked.stdout) as { stores: { name: string }[] }
    expect(stores.map(({ name }) => name).sort()).toEqual(['consul', 'one', 'two'])
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('a resource with a [backend] of its own', async () => {
  await withSite(store(), async (site) => {
    site.template('own', '{{ getv("/app/password") }}\n')
    writeFileSync(
      join(site.root, 'conf.d', 'own.toml'),
      `[template]\nsrc = "own.njk"\ndest = "${site.path('own')}"\nprefix = "/secret"\nkeys = ["/app"]\n` +
        `[backend]\nbackend = "consul"\nnodes = ["${consul.node}"]\n`,
    )
    site.template('default', '{{ getv("/app/name") }}\n')
    site.resource('default')
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    expect([site.read('own'), site.read('default')]).toEqual(['from consul\n', 'from etcd\n'])
  })
})

test('a snapshot of all stores renders the same without any store', async () => {
  await withSite(store(), async (site) => {
    named(site)
    site.template(
      'app.conf',
      '{{ getv("/app/name") }} {{ getv("vault2:/secret/app/password") }}\n' +
        '{% for p in range("vault2:/secret/app") %}{{ p.key }}\n{% endfor %}',
    )
    site.resource('app.conf', { keys: ['/app', 'vault2:/secret/app'] })
    const file = site.path('keys.json')
    expect(await site.start('snapshot', '-o', file).finished).toMatchObject({ code: 0 })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      '/app/name': 'from etcd',
      '/vault2:/secret/app/password': 'from consul',
    })
    site.config(`[stores.vault2]\nbackend = "consul"\nnodes = ["127.0.0.1:1"]\n`)
    const replayed = site.start('-onetime', '-replay', file, '-node', '127.0.0.1:1')
    expect(await replayed.finished).toMatchObject({ code: 0 })
    expect(site.read('app.conf')).toBe('from etcd from consul\n/vault2:/secret/app/password\n')
    // A snapshot can also be used as a file store, including the keys of named stores.
    const asFile = ['-onetime', '-sync-only', '-backend', 'file', '-file', file]
    expect(await site.start(...asFile, '-noop', '-detailed-exitcode').finished).toMatchObject({
      code: 0,
    })
    writeFileSync(file, readFileSync(file, 'utf8').replace('from consul', 'edited'))
    expect(await site.start(...asFile).finished).toMatchObject({ code: 0 })
    expect(site.read('app.conf')).toBe('from etcd edited\n/vault2:/secret/app/password\n')
    // A missing folder must be an error, because its name is probably mistyped.
    const nowhere = site.path('none/keys.json')
    const failed = await site.start('snapshot', '-replay', file, '-o', nowhere).finished
    expect(failed.code).toBe(1)
    expect(failed.stderr).toContain(nowhere)
    // A snapshot must fail if one of the stores is unreachable.
    const half = await site.start('snapshot', '-timeout', '1').finished
    expect(half).toMatchObject({ code: 69, stdout: '' })
  })
})

const optional = (site: Site, node: string): void => {
  site.config(`[stores.far]\nbackend = "consul"\nnodes = ["${node}"]\n`)
  site.template('app', '{{ getv("/app/name") }} {{ getv("far:/secret/app/password", "none") }}\n')
  site.resource('app', { keys: ['/app', 'far:/secret/app'], optional_stores: ['far'] })
}

test('a onetime run, too, proceeds without an optional store that does not answer', async () => {
  const dead = await deadNodes['takes connections and stays silent']()
  onTestFinished(() => dead.close())
  await withSite(store(), async (site) => {
    optional(site, dead.node)
    const { code, stderr } = await site.start('-onetime', '-timeout', '5s').finished
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('rendered without far')
    expect(site.read('app')).toBe('from etcd none\n')
  })
})

test('an optional store that is unreachable after a restart does not cause a hold', async () => {
  await withSite(store(), async (site) => {
    optional(site, consul.node)
    await site.start('-onetime').finished
    expect(site.read('app')).toBe('from etcd from consul\n')

    optional(site, '127.0.0.1:1')
    const run = site.start('-watch')
    await run.until('without it', () => site.read('app') === 'from etcd none\n')
    await etcd.client.put('/app/name', 'new')
    await run.until('what is there', () => site.read('app') === 'new none\n')
    await run.stop()

    // The store is reachable but has lost its keys, so the change is held.
    optional(site, consul.node)
    await site.start('-onetime').finished
    expect(site.read('app')).toBe('new from consul\n')
    await consul.client.call('DELETE', '/v1/kv/secret/app?recurse')
    const { stderr } = await site.start('-onetime').finished
    expect(stderr).toContain('held')
    expect(site.read('app')).toBe('new from consul\n')
  })
})
