// Signals, and edits of templates and configuration, while the program runs.
import { rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { withSite, type Site } from './support.ts'

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd()
  await etcd.client.put('/one/name', 'first')
  await etcd.client.put('/two/name', 'second')
})
afterAll(async () => {
  await etcd.stop()
})

const store = (): string[] => ['-backend', 'etcd', '-node', etcd.node]

/** Returns a command that records its start, waits until the test creates the file `go`, and records its end. */
const waiting = (site: Site): string =>
  `echo begun >> ${site.path('begun')}; while [ ! -e ${site.path('go')} ]; do sleep 0.05; done; echo ended >> ${site.path('ended')}`

test('SIGTERM during a reload finishes it', async () => {
  await withSite(store(), async (site) => {
    site.template('app.conf', '{{ getv("/one/name") }}\n')
    site.resource('app.conf', { reload_cmd: waiting(site) })
    const run = site.start('-watch')
    await run.until('the reload has begun', () => site.lines('begun') === 1)
    run.signal('SIGTERM')
    await run.until('it says that it stops', () => run.tells('stopping'))
    expect(site.read('ended')).toBeUndefined()
    writeFileSync(site.path('go'), '')
    expect(await run.finished).toMatchObject({ code: 0, signal: null })
    expect(site.lines('ended')).toBe(1)
    // The reload has succeeded, so the next run finds nothing owed.
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    expect(site.lines('begun')).toBe(1)
  })
})

test('SIGHUP loads new settings', async () => {
  await withSite(store(), async (site) => {
    site.config('prefix = "/one"\n')
    site.template('app.conf', '{{ getv("/name") }}\n')
    site.resource('app.conf')
    const run = site.start('-watch')
    await run.until('the file', () => site.read('app.conf') === 'first\n')
    site.config('prefix = "/two"\n')
    run.signal('SIGHUP')
    await run.until('the file by the new prefix', () => site.read('app.conf') === 'second\n')
    await etcd.client.put('/two/name', 'third')
    await run.until('the new prefix is watched', () => site.read('app.conf') === 'third\n')
    await etcd.client.put('/two/name', 'second')
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('an edited template takes effect', async () => {
  await withSite(store(), async (site) => {
    site.template('app.conf', 'a {{ getv("/one/name") }}\n')
    site.resource('app.conf', { reload_cmd: `echo reload >> ${site.path('reloads')}` })
    const run = site.start('-watch')
    await run.until('the first reload', () => site.lines('reloads') === 1)
    site.template('app.conf', 'b {{ getv("/one/name") }}\n')
    await run.until('the second reload', () => site.lines('reloads') === 2)
    expect(site.read('app.conf')).toBe('b first\n')
    // A template that does not parse must leave the file unchanged, until the template is corrected.
    site.template('app.conf', '{% if %}')
    await run.until('the fault', () => run.tells('failed'))
    expect(site.read('app.conf')).toBe('b first\n')
    site.template('app.conf', 'c {{ getv("/one/name") }}\n')
    await run.until('the mended template', () => site.read('app.conf') === 'c first\n')
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('an edited conf.d is a new generation; a bad file does not affect the others', async () => {
  await withSite(store(), async (site) => {
    site.template('app.conf', '{{ getv("/one/name") }}\n')
    site.resource('app.conf')
    const run = site.start('-watch')
    await run.until('the file', () => site.read('app.conf') === 'first\n')
    const bad = join(site.root, 'conf.d', 'bad.toml')
    writeFileSync(bad, '[template]\nsrc = 1\n')
    await run.until('the fault', () => run.tells('failed'))
    await etcd.client.put('/one/name', 'still at work')
    await run.until('the old one works', () => site.read('app.conf') === 'still at work\n')
    site.template('bad', 'good {{ getv("/one/name") }}\n')
    site.resource('bad')
    await run.until('the new resource', () => site.read('bad') === 'good still at work\n')
    await etcd.client.put('/one/name', 'first')
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('a template that appears after its resource was refused is picked up', async () => {
  await withSite(store(), async (site) => {
    site.template('app.conf', '{{ getv("/one/name") }}\n')
    site.resource('app.conf')
    const run = site.start('-watch')
    await run.until('the file', () => site.read('app.conf') === 'first\n')
    site.resource('late')
    await run.until('the refusal', () => run.tells('failed'))
    site.template('late', 'late {{ getv("/one/name") }}\n')
    await run.until('the late one', () => site.read('late') === 'late first\n')
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('a removed resource no longer retries its failing reload', async () => {
  await withSite(store(), async (site) => {
    site.template('app.conf', '{{ getv("/one/name") }}\n')
    site.resource('app.conf', { reload_cmd: `echo try >> ${site.path('tries')}; exit 1` })
    const run = site.start('-watch')
    await run.until('it is owed', () => run.tells('reload-owed'))
    rmSync(join(site.root, 'conf.d', 'app.conf.toml'))
    await run.until('it is set aside', () => run.stderr.includes('was removed from conf.d'))
    const tries = site.lines('tries')
    expect(await run.stop()).toMatchObject({ code: 0 })
    expect(site.lines('tries')).toBe(tries)
    // Once the resource is back, its owed reload must run.
    site.resource('app.conf', { reload_cmd: `echo good >> ${site.path('good')}` })
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    expect(site.lines('good')).toBe(1)
  })
})

test.each(['SIGTERM', 'SIGHUP'] as const)(
  '%s ends a onetime run that waits for its store',
  async (signal) => {
    await withSite(['-backend', 'etcd', '-node', '127.0.0.1:1'], async (site) => {
      site.template('app.conf', '{{ getv("/one/name") }}\n')
      site.resource('app.conf')
      const run = site.start('-onetime', '-timeout', '60')
      await run.until('it waits', () => run.tells('store-stale'))
      run.signal(signal)
      expect(await run.finished).toMatchObject({ code: 128 + constants.signals[signal] })
      expect(site.read('app.conf')).toBeUndefined()
    })
  },
)
