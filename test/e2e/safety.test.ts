// A bad change must never take the service down: rollback, verification, guards, groups, hold-down, reload intervals.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { withSite, type Site } from './support.ts'

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(async () => {
  await etcd.stop()
})
beforeEach(async () => {
  for (const dir of ['/app', '/web']) await etcd.client.delTree(dir)
  await etcd.client.put('/app/name', 'good')
})

const store = (): string[] => ['-backend', 'etcd', '-node', etcd.node, '-debounce', '10ms']

const toml = (site: Site, name: string, text: string): void =>
  writeFileSync(join(site.root, 'conf.d', `${name}.toml`), text)

/** Returns a reload command that records the content it reads and fails if the content is bad. */
const pickyReload = (site: Site): string =>
  `cat ${site.path('app.conf')} >> ${site.path('reloads')}; ! grep -q bad ${site.path('app.conf')}`

const seen = (site: Site): string[] => (site.read('reloads') ?? '').split('\n').slice(0, -1)

function rollbackSite(site: Site): void {
  site.template('app.conf', '{{ getv("/app/name") }}\n')
  toml(
    site,
    'app',
    `on_reload_failure = "rollback"\nreload_attempts = 2\n[template]\nsrc = "app.conf.njk"\n` +
      `dest = "${site.path('app.conf')}"\nkeys = ["/app"]\nreload_cmd = '${pickyReload(site)}'\n`,
  )
}

test('rollback: restores the previous file, reloads it, and does not retry the rejected content', async () => {
  await withSite(store(), async (site) => {
    rollbackSite(site)
    const run = site.start('-watch')
    await run.until('the first reload', () => run.tells('reloaded'))
    await etcd.client.put('/app/name', 'bad')
    await run.until('the way back', () => run.tells('rolled-back'))
    await run.until('the reload of it', () => seen(site).length === 4)
    expect(seen(site)).toEqual(['good', 'bad', 'bad', 'good'])
    expect(site.read('app.conf')).toBe('good\n')
    // The rejected content must not be tried again, but different content must be.
    await etcd.client.put('/app/other', 'x')
    run.signal('SIGHUP')
    await run.until('it is refused', () => run.stderr.includes('was rolled back'))
    expect(site.read('app.conf')).toBe('good\n')
    await etcd.client.put('/app/name', 'better')
    await run.until('the better one', () => seen(site).at(-1) === 'better')
    expect(await run.stop()).toMatchObject({ code: 0 })
    expect(seen(site)).toEqual(['good', 'bad', 'bad', 'good', 'better'])
  })
})

test('rollback survives a crash: it knows the proved and the rejected content', async () => {
  await withSite(store(), async (site) => {
    rollbackSite(site)
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    await etcd.client.put('/app/name', 'bad')
    const run = site.start('-watch')
    await run.until('the first failure', () => run.tells('reload-owed'))
    run.signal('SIGKILL')
    await run.finished
    expect(site.read('app.conf')).toBe('bad\n')
    const second = await site.start('-onetime').finished
    expect(second.code).toBe(1)
    expect(second.stderr).toContain('rolled-back')
    expect(site.read('app.conf')).toBe('good\n')
    const tries = seen(site).length
    const third = await site.start('-onetime').finished
    expect(third.code).toBe(1)
    expect(third.stderr).toContain('was rolled back')
    expect(seen(site)).toHaveLength(tries)
    expect(site.read('app.conf')).toBe('good\n')
  })
})

test('verify_cmd counts as part of the reload', async () => {
  await withSite(store(), async (site) => {
    site.template('app.conf', '{{ getv("/app/name") }}\n')
    // Each verification records how many reloads there have been, because the reload is retried while the test looks.
    const healthy = `wc -l < ${site.path('reloads')} >> ${site.path('verified')}; test -e ${site.path('healthy')}`
    site.resource('app.conf', {
      reload_cmd: `echo reload >> ${site.path('reloads')}`,
      verify_cmd: healthy,
      verify_timeout: '5s',
    })
    const run = site.start('-watch')
    await run.until('it is owed', () => run.tells('reload-owed'))
    // `reload_attempts` is 3 by default.
    const ofFirst = (site.read('verified') ?? '').split('\n').filter((line) => line.trim() === '1')
    expect(ofFirst).toHaveLength(3)
    expect(run.stderr).toContain('verify_cmd')
    writeFileSync(site.path('healthy'), '')
    await run.until('it is healthy', () => run.tells('reloaded'))
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

const guarded = (site: Site, guard: string): void => {
  site.template('app.conf', '{% for s in range("/web") %}{{ s.value }}\n{% endfor %}')
  toml(
    site,
    'app',
    `[template]\nsrc = "app.conf.njk"\ndest = "${site.path('app.conf')}"\nkeys = ["/web"]\n[template.guard]\n${guard}\n`,
  )
}

test('a guard holds a change that removes too much, also across a restart', async () => {
  await withSite(store(), async (site) => {
    guarded(site, 'max_removed = "50%"')
    for (const n of [1, 2, 3, 4]) await etcd.client.put(`/web/${n}`, `s${n}`)
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    await etcd.client.delTree('/web')
    await etcd.client.put('/web/4', 's4')
    const once = await site.start('-onetime').finished
    expect(once.code).toBe(1)
    expect(once.stderr).toContain('/web/1')
    expect(site.read('app.conf')).toBe('s1\ns2\ns3\ns4\n')
    const run = site.start('-watch')
    await run.until('it is held', () => run.tells('held'))
    expect(site.read('app.conf')).toBe('s1\ns2\ns3\ns4\n')
    // With one key back, the change is within the guard.
    await etcd.client.put('/web/1', 's1')
    await run.until('half of them', () => site.read('app.conf') === 's1\ns4\n')
    // An empty directory must never be published without allow_empty.
    await etcd.client.delTree('/web')
    await run.until('it is held again', () => run.stderr.includes('allow_empty'))
    expect(site.read('app.conf')).toBe('s1\ns4\n')
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

function group(site: Site, check: string): void {
  for (const name of ['cert', 'cfg']) {
    site.template(name, `${name} {{ getv("/app/name") }}\n`)
    toml(
      site,
      name,
      `group = "edge"\n${name === 'cfg' ? `group_check_cmd = '${check}'\n` : ''}[template]\nsrc = "${name}.njk"\n` +
        `dest = "${site.path(name)}"\nkeys = ["/app"]\nreload_cmd = "cat ${site.path('cert')} ${site.path('cfg')} >> ${site.path('reloads')}"\n`,
    )
  }
}

test('a group changes together: its check sees the files in place, and its failure restores all', async () => {
  await withSite(store(), async (site) => {
    group(site, `! grep -q bad ${site.path('cert')} && ! grep -q bad ${site.path('cfg')}`)
    const run = site.start('-watch')
    await run.until('one reload for both', () => seen(site).length === 2)
    expect(seen(site)).toEqual(['cert good', 'cfg good'])
    await etcd.client.put('/app/name', 'bad')
    await run.until('the check has failed', () => run.tells('failed'))
    expect([site.read('cert'), site.read('cfg')]).toEqual(['cert good\n', 'cfg good\n'])
    await etcd.client.put('/app/name', 'new')
    await run.until('the next reload', () => seen(site).length === 4)
    expect(seen(site).slice(2)).toEqual(['cert new', 'cfg new'])
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('a group changes nothing if one member cannot be rendered', async () => {
  await withSite(store(), async (site) => {
    group(site, 'true')
    const run = site.start('-watch')
    await run.until('one reload for both', () => seen(site).length === 2)
    site.template('cfg', '{{ getv("/app/missing") }}\n')
    const failures = (): number => run.log.filter(({ event }) => event === 'failed').length
    await run.until('the failure', () => failures() === 1)
    await etcd.client.put('/app/name', 'new')
    await run.until('the next one', () => failures() === 2)
    expect([site.read('cert'), site.read('cfg')]).toEqual(['cert good\n', 'cfg good\n'])
    await etcd.client.put('/app/missing', 'there')
    await run.until(
      'both',
      () => site.read('cfg') === 'there\n' && site.read('cert') === 'cert new\n',
    )
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

/** Creates a member of a group that is rolled back after one failed reload. */
function edge(site: Site, name: string, reload: string): void {
  toml(
    site,
    name,
    `group = "edge"\non_reload_failure = "rollback"\nreload_attempts = 1\n[template]\nsrc = "${name}.njk"\n` +
      `dest = "${site.path(name)}"\nkeys = ["/app"]\nreload_cmd = "${reload}"\n`,
  )
}

test('a group is rolled back together, and retried together once that is accepted', async () => {
  await withSite(store(), async (site) => {
    for (const name of ['cert', 'cfg']) {
      site.template(name, `${name} {{ getv("/app/name") }}\n`)
      edge(
        site,
        name,
        `cat ${site.path('cert')} >> ${site.path('reloads')}; test -e ${site.path('mended')} || ! grep -q bad ${site.path(name)}`,
      )
    }
    const run = site.start('-watch')
    const both = (): unknown => [site.read('cert'), site.read('cfg')]
    await run.until('both are good', () => site.lines('reloads') === 2)
    await etcd.client.put('/app/name', 'bad')
    await run.until(
      'both are back',
      () => run.log.filter(({ event }) => event === 'rolled-back').length >= 2,
    )
    expect(both()).toEqual(['cert good\n', 'cfg good\n'])
    writeFileSync(site.path('mended'), '')
    await run.until('the reloads of them', () => seen(site).at(-1) === 'cert good')
    expect(await site.start('accept', 'cert').finished).toMatchObject({ code: 0 })
    await run.until('both are tried again', () => site.read('cfg') === 'cfg bad\n')
    expect(both()).toEqual(['cert bad\n', 'cfg bad\n'])
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('a rolled-back group is retried when any of its files changes', async () => {
  await withSite(store(), async (site) => {
    const names = ['cert', 'cfg']
    for (const [n, name] of names.entries()) {
      site.template(name, `{{ getv("/app/both").split(" ")[${n}] }}\n`)
      edge(site, name, `! grep -q bad ${site.path('cfg')}`)
    }
    const both = (): unknown => names.map((name) => site.read(name))
    const put = (cert: string, cfg: string): Promise<unknown> =>
      etcd.client.put('/app/both', `${cert} ${cfg}`)
    const rollbacks = (): number => run.log.filter(({ event }) => event === 'rolled-back').length
    await put('1', '1')
    const run = site.start('-watch')
    await run.until('both are good', () => run.tells('reloaded'))
    await put('2', 'bad')
    await run.until('both are back', () => rollbacks() === 2)
    // The certificate was rejected only together with that cfg, so it may be tried again with another cfg.
    await put('2', '2')
    await run.until('the correction', () => site.read('cfg') === '2\n')
    expect(both()).toEqual(['2\n', '2\n'])
    // After the next rollback, this cfg may be tried again with another certificate.
    await put('2', 'bad')
    await run.until('it is back', () => rollbacks() === 3)
    await put('3', 'bad')
    await run.until('it is tried with another certificate', () => rollbacks() === 5)
    expect(both()).toEqual(['2\n', '2\n'])
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('hold_down: a flapping key causes no reload; a key that stays missing does', async () => {
  await withSite(store(), async (site) => {
    site.template('app.conf', '{% for s in range("/web") %}{{ s.value }}\n{% endfor %}')
    const reload = { reload_cmd: `echo reload >> ${site.path('reloads')}` }
    site.resource('app.conf', { ...reload, hold_down: '1h' })
    await etcd.client.put('/web/1', 's1')
    await etcd.client.put('/web/2', 's2')
    const run = site.start('-watch', '-log-level', 'debug')
    await run.until('the first reload', () => site.lines('reloads') === 1)
    await etcd.client.del('/web/1')
    await run.until('it is noticed', () => run.tells('changed'))
    await etcd.client.put('/web/1', 's1')
    await etcd.client.put('/web/3', 's3')
    await run.until('the third one', () => site.read('app.conf') === 's1\ns2\ns3\n')
    await run.until('its reload', () => site.lines('reloads') === 2)
    site.resource('app.conf', { ...reload, hold_down: '1500ms' })
    await run.until('the new duration', () => run.tells('generation-loaded'))
    await etcd.client.del('/web/2')
    await run.until('it is gone in the end', () => site.read('app.conf') === 's1\ns3\n')
    await run.until('its reload', () => site.lines('reloads') === 3)
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('hold_down: kept keys stay when the configuration is reloaded', async () => {
  await withSite(store(), async (site) => {
    site.template('app.conf', '{% for s in range("/web") %}{{ s.value }}\n{% endfor %}')
    site.resource('app.conf', { hold_down: '1h' })
    await etcd.client.put('/web/1', 's1')
    await etcd.client.put('/web/2', 's2')
    const run = site.start('-watch', '-log-level', 'debug')
    await run.until('both', () => site.read('app.conf') === 's1\ns2\n')
    await etcd.client.del('/web/1')
    await run.until('it is noticed', () => run.tells('changed'))
    run.signal('SIGHUP')
    await run.until('the configuration', () => run.tells('generation-loaded'))
    await etcd.client.put('/web/3', 's3')
    await run.until('the third one', () => site.read('app.conf')?.endsWith('s3\n') === true)
    expect(site.read('app.conf')).toBe('s1\ns2\ns3\n')
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('min_reload_interval delays reloads and never drops one', async () => {
  await withSite(store(), async (site) => {
    site.template('app.conf', '{{ getv("/app/name") }}\n')
    site.resource('app.conf', {
      reload_cmd: `cut -d' ' -f1 /proc/uptime >> ${site.path('times')}; cat ${site.path('app.conf')} >> ${site.path('reloads')}`,
      min_reload_interval: '1s',
    })
    const run = site.start('-watch')
    await run.until('the first reload', () => seen(site).length === 1)
    for (const value of ['a', 'b', 'c']) {
      await etcd.client.put('/app/name', value)
      await run.until(value, () => site.read('app.conf') === `${value}\n`)
    }
    await run.until('the last one', () => seen(site).at(-1) === 'c')
    expect(await run.stop()).toMatchObject({ code: 0 })
    // On a quiet machine, the three changes share one reload. /proc/uptime counts hundredths of a second.
    const times = (site.read('times') ?? '').trim().split('\n').map(Number)
    const gaps = times.slice(1).map((time, n) => time - (times[n] ?? 0))
    expect(gaps.filter((gap) => gap < 0.9)).toEqual([])
  })
})

test('for_each: one file per match, one check and one reload for all; obsolete files are removed', async () => {
  await withSite(store(), async (site) => {
    mkdirSync(site.path('sites'))
    writeFileSync(site.path('sites/foreign.conf'), 'not ours\n')
    site.template('vhost', '{{ item.name }} {{ item.get("port", "80") }}\n')
    site.resource('vhost', {
      for_each: '/web/*',
      keys: ['/web'],
      dest: `${site.path('sites')}/{{ base(item.key) }}.conf`,
      check_cmd: `echo check >> ${site.path('checks')}`,
      reload_cmd: `echo reload >> ${site.path('reloads')}`,
    })
    const sites = (): string[] => readdirSync(site.path('sites')).sort()
    for (let n = 0; n < 50; n++) await etcd.client.put(`/web/v${n}/port`, `${n}`)
    const run = site.start('-watch', '-log-level', 'debug')
    await run.until('all of them', () => sites().length === 51 && site.lines('reloads') === 1)
    expect(site.lines('checks')).toBe(1)
    expect(site.read('sites/v7.conf')).toBe('v7 7\n')
    const written = (): number => run.log.filter(({ event }) => event === 'written').length
    await run.until('each is logged', () => written() === 50)
    await etcd.client.put('/web/v7/port', '8080')
    await run.until('one reload', () => site.lines('reloads') === 2)
    expect(site.read('sites/v7.conf')).toBe('v7 8080\n')
    await run.until('only that one is logged', () => written() === 51)
    await etcd.client.delTree('/web/v8')
    await etcd.client.delTree('/web/foreign')
    await run.until('it is removed', () => !sites().includes('v8.conf'))
    await run.until('one reload', () => site.lines('reloads') === 3)
    expect(await run.stop()).toMatchObject({ code: 0 })
    // Files whose keys vanished between two runs must be removed at the next start. Files that reconfd did not create
    // must stay.
    await etcd.client.delTree('/web/v9')
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    expect(sites()).toHaveLength(49)
    expect(sites()).toContain('foreign.conf')
    await etcd.client.delTree('/web')
    expect(await site.start('-onetime').finished).toMatchObject({ code: 1 })
    expect(sites()).toHaveLength(49)
    expect(await site.start('-onetime', '-allow-empty').finished).toMatchObject({ code: 0 })
    expect(sites()).toEqual(['foreign.conf'])
  })
})
