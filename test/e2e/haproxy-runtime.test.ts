// HAProxy without reloads: the built program changes the servers of a running HAProxy process.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { addressOf, ask } from './page.ts'
import { Scene } from '../haproxy/scene.ts'
import { ABLE } from '../haproxy/support.ts'
import { programWith } from '../support/program.ts'
import { freePorts } from '../support/servers.ts'

/** Runs a command of the program and returns its output. */
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
  test('adds, changes and removes servers without a reload', { timeout: 240_000 }, async () => {
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

    // A change that is impossible at run time must cause a reload.
    scene.set({ n1: '127.0.0.1:8009 weight 7', n2: '127.0.0.1:8002' }, { client: '6s' })
    const { site } = scene
    await haproxy.has('web/n1 127.0.0.1:8009 weight 7', 'web/n2 127.0.0.1:8002 weight 1')
    expect(site.read('haproxy.cfg')).toBeDefined()
  })
})

test('run-time changes are reported in advance and afterwards', { timeout: 240_000 }, async () => {
  const [port] = (await freePorts(1)) as [number]
  scene = new Scene('3.2', port)
  const { haproxy, site } = scene
  const run = await scene.begin({ n1: '127.0.0.1:8001' })
  await run.until('it is known what HAProxy has loaded', () =>
    readdirSync(join(site.root, 'state')).some((name) => name.startsWith('haproxy-')),
  )
  const status = (): string => said(scene as Scene, 'why', 'haproxy.cfg.toml')
  expect(status()).toContain(
    'not at run time, because the content that HAProxy has loaded is unknown',
  )
  scene.set({ n1: '127.0.0.1:8001', n2: '127.0.0.1:8002' })
  await haproxy.has('web/n1 127.0.0.1:8001 weight 1', 'web/n2 127.0.0.1:8002 weight 1')
  await run.until('the status shows it', () => status().includes('without a reload: add web/n2'))
  const address = await addressOf(run)
  const { text: metrics } = await ask(`${address}/metrics`)
  expect(metrics).toContain('reconfd_haproxy_runtime_changes_total 1\n')
  expect(metrics).toContain('reconfd_reloads_avoided_total{resource="haproxy.cfg.toml"} 1\n')
  expect(metrics).toContain('reconfd_haproxy_fallbacks_total{reason="unknown-content"} 1\n')
  const { text: page } = await ask(`${address}/`)
  expect(page).toContain('without a reload: add web/n2')
  expect(page).toContain('1 reload in the last 1 h, 0 failed, 1 avoided')
  await scene.leave()

  scene.set({ n2: '127.0.0.1:8002', n3: '127.0.0.1:8003' })
  const foreseen = 'would be applied without a reload: add web/n3, drain web/n1'
  expect(said(scene, '-onetime', '-noop', '-diff')).toContain(foreseen)
  scene.set({ n2: '127.0.0.1:8002' }, { client: '6s' })
  expect(said(scene, '-onetime', '-noop')).toContain('would need a reload: line 6 differs')
  expect(said(scene, 'check')).toContain('no faults')
  await haproxy.stop()
  expect(said(scene, 'check')).toMatch(/warning: (the socket \S+ is missing|nothing is listening)/)
})
