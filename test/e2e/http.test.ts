// The endpoints of -http besides the page, and who may use them: readiness follows the store, promtool accepts the
// metrics, and web pages of other origins are refused.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isLoopback } from '../../src/http/access.ts'
import type { Readiness } from '../../src/http/ready.ts'
import { serverBinary } from '../support/process.ts'
import { startEtcd } from '../support/servers.ts'
import { until } from '../support/until.ts'
import { addressOf, ask, tokenOf } from './page.ts'
import { withSite, type Site } from './support.ts'

async function withFile(
  use: (site: Site, start: (...flags: string[]) => Promise<string>) => Promise<void>,
): Promise<void> {
  await withSite([], async (site) => {
    writeFileSync(join(site.root, 'keys.json'), JSON.stringify({ app: { name: 'a-value' } }))
    site.template('app', '{{ getv("/app/name") }}\n')
    site.resource('app', { mode: '0644', reload_cmd: 'true' })
    await use(site, async (...flags) => {
      const daemon = site.start('-file', `${site.root}/keys.json`, '-watch', ...flags)
      const address = await addressOf(daemon)
      await daemon.until('the reload', () => daemon.tells('reloaded'))
      return address
    })
  })
}

const readiness = async (address: string): Promise<Readiness & { status: number }> => {
  const { status, text } = await ask(`${address}/readyz`)
  return { status, ...(JSON.parse(text) as Readiness) }
}

test('/readyz follows the store and the resources, /healthz the process', async () => {
  const etcd = await startEtcd()
  try {
    await withSite(['-backend', 'etcdv3', '-node', etcd.node], async (site) => {
      await etcd.client.put('/app/name', 'one')
      site.template('app', '{{ getv("/app/name") }}\n')
      site.resource('app')
      const address = await addressOf(site.start('-watch', '-http', '127.0.0.1:0'))
      const isReady = () => readiness(address).then(({ ready }) => ready)
      await until('ready', isReady)
      expect(await readiness(address)).toEqual({ status: 200, ready: true, reasons: [] })

      await etcd.kill()
      await until('not ready', async () => !(await isReady()))
      const away = await readiness(address)
      expect(away).toMatchObject({
        status: 503,
        reasons: [
          { store: 'etcdv3', state: 'stale' },
          { resource: 'app.toml', state: 'stale' },
        ],
      })
      expect((await ask(`${address}/healthz`)).status).toBe(200)
      const { text } = await ask(`${address}/metrics`)
      expect(text).toContain('reconfd_store_up{store="etcdv3"} 0')
      expect(text).toMatch(/reconfd_store_last_sync_age_seconds\{store="etcdv3"\} \d/)

      await etcd.start()
      await until('ready again', isReady)
      await etcd.client.del('/app/name')
      await until('not ready: the template fails', async () => !(await isReady()))
      expect((await readiness(address)).reasons).toMatchObject([
        {
          resource: 'app.toml',
          state: 'failed',
          why: expect.stringContaining('/app/name') as string,
        },
      ])
      expect((await ask(`${address}/metrics`)).text).toContain(
        'reconfd_store_reconnects_total{store="etcdv3"} 1',
      )
    })
  } finally {
    await etcd.stop()
  }
})

test('promtool accepts the metrics', async () => {
  await withFile(async (_, start) => {
    const address = await start('-http', ':0')
    const { status, headers, text } = await ask(`${address}/metrics`)
    expect(status).toBe(200)
    expect(headers['content-type']).toContain('text/plain; version=0.0.4')
    const { path, env } = serverBinary('promtool')
    const checked = spawnSync(path, ['check', 'metrics'], {
      input: text,
      env: { ...process.env, ...env },
      encoding: 'utf8',
    })
    expect(checked.stdout + checked.stderr).toBe('')
    expect(checked.status).toBe(0)
    for (const line of [
      'reconfd_store_up{store="file"} 1',
      'reconfd_store_last_sync_age_seconds{store="file"} 0',
      'reconfd_renders_total{resource="app.toml"} 1',
      'reconfd_writes_total{resource="app.toml"} 1',
      'reconfd_reloads_total{resource="app.toml",result="succeeded"} 1',
      'reconfd_resource_state{resource="app.toml",state="in sync"} 1',
      'reconfd_resource_owed{resource="app.toml"} 0',
      'reconfd_resource_held{resource="app.toml"} 0',
      'reconfd_render_duration_seconds_count 1',
      'reconfd_reload_duration_seconds_count 1',
      'reconfd_configuration_good 1',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    expect(text).toMatch(/reconfd_build_info\{version="[^"]+",node="[^"]+"\} 1/)
    expect(text).not.toContain('a-value')
  })
})

test('a resource that fails and owes a reload counts as both', async () => {
  await withFile(async (site, start) => {
    site.resource('app', { mode: '0644', reload_cmd: `test ! -e ${site.path('broken')}` })
    const address = await start('-http', ':0')
    const says = (line: string) => async (): Promise<boolean> =>
      (await ask(`${address}/metrics`)).text.split('\n').includes(line)
    writeFileSync(site.path('broken'), '')
    writeFileSync(join(site.root, 'keys.json'), JSON.stringify({ app: { name: 'another' } }))
    await until('owed', says('reconfd_resource_state{resource="app.toml",state="owed"} 1'))
    writeFileSync(join(site.root, 'keys.json'), JSON.stringify({ app: {} }))
    await until('failed', says('reconfd_resource_state{resource="app.toml",state="failed"} 1'))
    expect(await says('reconfd_resource_owed{resource="app.toml"} 1')()).toBe(true)
    expect((await ask(`${address}/?resource=app.toml`)).text).toContain('a reload is owed')
  })
})

test('the page shows the content that a rollback has restored', async () => {
  await withFile(async (site, start) => {
    const reload = `! grep -q bad ${site.path('app')}`
    writeFileSync(
      join(site.root, 'conf.d/app.toml'),
      `on_reload_failure = "rollback"\nreload_attempts = 1\n[template]\nsrc = "app.njk"\n` +
        `dest = "${site.path('app')}"\nkeys = ["/"]\nmode = "0644"\nreload_cmd = "${reload}"\n`,
    )
    const address = await start('-http', ':0')
    writeFileSync(join(site.root, 'keys.json'), JSON.stringify({ app: { name: 'bad' } }))
    const trusted = { authorization: `Bearer ${tokenOf(site)}` }
    const page = async (): Promise<string> => (await ask(`${address}/`, trusted)).text
    const told = 'the reload did not succeed with the new file'
    const lines = (text: string): string[] | null => {
      const change = text.slice(text.indexOf('id="changes"'), text.indexOf('<footer'))
      return change.match(/<span class="(?:plus|minus)">[^<]*/g)
    }
    const shown = await until('the rollback', async () => {
      const text = await page()
      return text.includes(told) && lines(text)?.length === 5 && lines(text)
    })
    expect(shown).toEqual([
      '<span class="minus">-bad',
      '<span class="plus">+a-value',
      '<span class="minus">-a-value',
      '<span class="plus">+bad',
      '<span class="plus">+a-value',
    ])
    expect(site.read('app')).toBe('a-value\n')
  })
})

test('requests for another host, by another origin, or to change something are refused', async () => {
  await withFile(async (_, start) => {
    const address = await start('-http', ':0', '-http-name', 'Web1.example.com')
    const { host, port } = new URL(address)
    const statusWith = async (headers: Record<string, string>, method?: string) =>
      (await ask(`${address}/`, headers, method)).status
    for (const good of [
      host,
      `localhost:${port}`,
      `[::1]:${port}`,
      '10.1.2.3',
      'web1.example.com',
    ]) {
      expect([good, await statusWith({ host: good })]).toEqual([good, 200])
    }
    for (const bad of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', 'a b']) {
      expect([bad, await statusWith({ host: bad })]).toEqual([bad, 403])
    }
    expect(await statusWith({ origin: address })).toBe(200)
    expect(await statusWith({ origin: 'http://evil.example' })).toBe(403)
    expect(await statusWith({ origin: 'null' })).toBe(403)
    const cross = { 'sec-fetch-site': 'cross-site' }
    expect(await statusWith({ ...cross, 'sec-fetch-mode': 'no-cors' })).toBe(403)
    expect(await statusWith({ ...cross, 'sec-fetch-mode': 'navigate' })).toBe(200)
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
      const { status, headers } = await ask(`${address}/`, {}, method)
      expect([method, status, headers['allow']]).toEqual([method, 405, 'GET, HEAD'])
    }
    const head = await ask(`${address}/`, {}, 'HEAD')
    expect([head.status, head.text]).toEqual([200, ''])
    expect(head.headers['content-security-policy']).toContain("default-src 'none'")
    expect((await ask(`${address}/nosuch`)).status).toBe(404)
  })
})

test.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['fe80::1', false],
  ['', false],
])('%s is this machine: %s', (address, is) => {
  expect(isLoopback(address)).toBe(is)
})

test('an empty conf.d: ready, and the page says so', async () => {
  await withSite([], async (site) => {
    writeFileSync(join(site.root, 'keys.json'), '{}')
    const run = site.start('-file', `${site.root}/keys.json`, '-watch', '-http', ':0')
    const address = await addressOf(run)
    await until('ready', async () => (await readiness(address)).ready)
    const { text } = await ask(`${address}/`)
    expect(text).toContain('no resources: conf.d is empty')
    expect(text).toMatch(/version \d+\.\d+/)
  })
})

test('fifty viewers, one of whom never reads', async () => {
  await withFile(async (site, start) => {
    const address = await start('-http', ':0', '-http-token', 'open-sesame')
    const headers = { authorization: 'Bearer open-sesame' }
    const told = await Promise.all(
      Array.from({ length: 50 }, (_, n) => {
        const seen = { text: '' }
        return new Promise<typeof seen>((resolve, reject) => {
          const asked = request(`${address}/events`, { agent: false, headers }, (response) => {
            response.on('error', () => undefined)
            if (n > 0) response.on('data', (data: Buffer) => (seen.text += data.toString()))
            resolve(seen)
          })
          asked.once('error', reject).end()
        })
      }),
    )
    const others = told.slice(1)
    await until('the page as it is', () =>
      others.every(({ text }) => text.includes('event: title')),
    )
    writeFileSync(join(site.root, 'keys.json'), JSON.stringify({ app: { name: 'another-value' } }))
    await until('the change', () => others.every(({ text }) => text.includes('+another-value')))
  })
})

test('a port in use: the daemon keeps working and reports it', async () => {
  await withFile(async (site, start) => {
    const address = await start('-http', ':0')
    const { port } = new URL(address)
    const second = site.start('-file', `${site.root}/keys.json`, '-watch', '-http', `:${port}`)
    await second.until('the warning', () => second.stderr.includes('no status page: cannot listen'))
    await second.until('its work', () => second.tells('store-live'))
    expect((await second.stop()).code).toBe(0)
  })
})
