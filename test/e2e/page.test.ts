// The status page in a real browser: it must update without a reload, mask secret values, and be accessible, even on
// a phone or with only a keyboard.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { until } from '../support/until.ts'
import { openBrowser, openPage } from './browser.ts'
import { tokenOf } from './page.ts'
import { withSite, type Running, type Site } from './support.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** SCREENSHOTS=1 saves screenshots of the page in this folder, for review. The README shows other pictures. */
const pictures = fileURLToPath(new URL('../../.cache/pictures/', import.meta.url))

let browser: Browser
let etcd: EtcdServer

beforeAll(async () => {
  ;[browser, etcd] = await Promise.all([openBrowser(), startEtcd()])
})

afterAll(async () => {
  await browser.close()
  await etcd.stop()
})

const template = (dir: string): string =>
  `backend ${dir}\n{% for p in range("/${dir}") %}  server {{ p.key }} {{ p.value }} check\n{% endfor %}`

/** Runs a daemon on etcd with three resources: one that can be broken, a plain one, and a sensitive one. */
async function withDaemon(
  use: (world: { site: Site; address: string; daemon: Running }) => Promise<void>,
  ...flags: string[]
): Promise<void> {
  await withSite(['-backend', 'etcdv3', '-node', etcd.node], async (site) => {
    for (const dir of ['web', 'api', 'secret']) {
      await etcd.client.delTree(`/${dir}`)
      await etcd.client.put(`/${dir}/node-1`, `${dir}-value-1`)
      site.template(dir, template(dir))
    }
    const reload = `test ! -e ${site.path('broken')} || { echo cannot bind; false; }`
    site.resource('web', { keys: ['/web'], mode: '0644', reload_cmd: reload })
    site.resource('api', { keys: ['/api'], mode: '0644', reload_cmd: 'true' })
    site.resource('secret', { keys: ['/secret'], mode: '0644', sensitive: true })
    const daemon = site.start('-watch', '-http', '127.0.0.1:0', ...flags)
    const pattern = /status page at (http:\/\/[^"/]+\/)/
    await daemon.until('the page', () => pattern.test(daemon.stderr))
    const [, address = ''] = pattern.exec(daemon.stderr) ?? []
    await use({ site, address, daemon })
  })
}

const verdict = (page: Page, text: string): Promise<void> =>
  page.locator('#verdict p', { hasText: text }).waitFor()

/** Browser options of a viewer who has the token. */
const trusted = (site: Site) => ({
  extraHTTPHeaders: { authorization: `Bearer ${tokenOf(site)}` },
})

/** Returns the violations of accessibility rules that axe finds. */
async function violationsIn(page: Page): Promise<string[]> {
  // Evaluates the script, because the page's content security policy would refuse a script element.
  await page.evaluate(axe)
  const found = await page.evaluate<{
    violations: { id: string; nodes: { html: string }[] }[]
  }>('axe.run()')
  return found.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`,
  )
}

async function picture(page: Page, name: string): Promise<void> {
  if (process.env['SCREENSHOTS'] === undefined) return
  mkdirSync(pictures, { recursive: true })
  // New entries are highlighted with an animation. Reduced motion gives a stable picture.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
}

test('a change appears, a failed reload is owed and clears, without reloading the page', async () => {
  await withDaemon(async ({ site, address }) => {
    const { page, complaints } = await openPage(browser, address, trusted(site))
    await verdict(page, 'all 3 resources in sync')
    await page.evaluate('window.isTheSame = true')

    await etcd.client.put('/api/node-2', 'api-value-2')
    const change = page.locator('#changes li', { hasText: '/api/node-2' }).first()
    await change.waitFor()
    await change.locator('summary').click()
    await change.locator('.plus', { hasText: 'server /api/node-2 api-value-2 check' }).waitFor()
    expect(await change.locator('.minus').count()).toBe(0)
    await picture(page, 'status-in-sync')

    writeFileSync(site.path('broken'), '')
    await etcd.client.put('/web/node-2', 'web-value-2')
    await verdict(page, '1 owed, 2 in sync')
    expect(await page.title()).toContain('↻ 1 owed, 2 in sync')
    const owed = page.locator('#resources tbody.owed', { hasText: 'web.toml' })
    await owed.getByText('failed with exit code 1').first().waitFor()
    await page.locator('#reloads li', { hasText: 'failed with exit code 1' }).first().waitFor()
    await owed.locator('.output', { hasText: 'cannot bind' }).waitFor()
    expect(await (await fetch(address)).text()).not.toContain('<pre class="output"')
    await picture(page, 'status-owed')
    expect(await violationsIn(page)).toEqual([])
    // Parts that the viewer has opened must stay open during updates.
    expect(await change.locator('details').getAttribute('open')).not.toBeNull()

    rmSync(site.path('broken'))
    await verdict(page, 'all 3 resources in sync')
    expect(await page.title()).toContain('✓ all 3 resources in sync')
    expect(await page.evaluate('window.isTheSame')).toBe(true)
    expect(complaints).toEqual([])
  })
})

test('masked values are neither in the source of the page nor in updates', async () => {
  await withDaemon(async ({ site, address }) => {
    const { page } = await openPage(browser, address, trusted(site))
    const sent: string[] = []
    await page.exposeFunction('keep', (text: string) => void sent.push(text))
    await page.evaluate(`new Promise((opened) => {
      const more = new EventSource('/events')
      for (const name of ['part', 'title']) more.addEventListener(name, ({ data }) => keep(data))
      more.addEventListener('open', () => opened())
    })`)
    await verdict(page, 'all 3 resources in sync')
    await etcd.client.put('/secret/node-1', 'secret-value-2')
    await etcd.client.put('/api/node-1', 'api-value-2')
    const change = page.locator('#changes li', { hasText: '/secret/node-1' }).first()
    await change.locator('summary').click()
    await change.getByText('Masked: the resource is marked sensitive.').waitFor()
    expect(await change.locator('.plus').allTextContents()).toEqual(['+••••••'])
    await page.locator('#changes li', { hasText: '/api/node-1' }).first().waitFor()
    // These updates arrive through another connection than those of the page.
    await until('the update', () => sent.join('').includes('api-value-2'))
    const again = await (await fetch(address, { headers: trusted(site).extraHTTPHeaders })).text()
    for (const text of [await page.content(), again, sent.join('')]) {
      expect(text).toContain('api-value-2')
      expect(text).not.toContain('secret-value')
    }
  })
})

test('many resources: most of those in sync are folded; tiles and search filter them', async () => {
  await withDaemon(async ({ site, address, daemon }) => {
    for (let n = 10; n < 60; n++) {
      site.template(`many-${n}`, 'x')
      site.resource(`many-${n}`, { keys: ['/web'] })
    }
    daemon.signal('SIGHUP')
    const { page, complaints } = await openPage(browser, address)
    await verdict(page, 'all 53 resources in sync')
    const more = page.locator('#more-resources')
    expect(await more.locator('> summary').textContent()).toBe('and 38 more, all in sync')
    const visible = page.locator('#resources tbody:visible')
    expect(await visible.count()).toBe(15)
    await more.locator('> summary').click()
    await etcd.client.put('/web/node-9', 'web-value-9')
    await page.locator('#changes li', { hasText: '/web/node-9' }).first().waitFor()
    expect(await more.getAttribute('open')).not.toBeNull()
    expect(await visible.count()).toBe(53)
    expect(await violationsIn(page)).toEqual([])

    await page.locator('#q').pressSequentially('MANY-3')
    await page.getByText('10 of 53').waitFor()
    expect(await visible.count()).toBe(10)
    // The update must keep the typed text, the focus and the filter.
    await etcd.client.put('/web/node-10', 'web-value-10')
    await page.locator('#changes li', { hasText: '/web/node-10' }).first().waitFor()
    expect(
      await page.evaluate('[document.activeElement.id, document.activeElement.value]'),
    ).toEqual(['q', 'MANY-3'])
    expect(await visible.count()).toBe(10)
    await page.locator('#q').fill('')

    writeFileSync(site.path('broken'), '')
    await etcd.client.put('/web/node-2', 'web-value-2')
    const owed = page.locator('#tile-owed')
    await owed.getByText('1', { exact: true }).waitFor()
    await owed.click()
    expect(await visible.allTextContents()).toEqual([expect.stringContaining('web.toml')])
    expect(page.url()).toBe(`${address}?state=owed`)
    expect(await violationsIn(page)).toEqual([])
    await owed.click()
    await page.locator('#tile-held').click()
    await page.getByText('No resource matches.').waitFor()
    await page.getByText('Show all').click()
    expect(page.url()).toBe(address)
    expect(complaints).toEqual([])
  })
})

test('a resource has its own page: history, diffs, keys, commands, and commands to type', async () => {
  await withDaemon(async ({ site, address, daemon }) => {
    const options = { ...trusted(site), permissions: ['clipboard-read', 'clipboard-write'] }
    const { page, complaints } = await openPage(browser, address, options)
    await verdict(page, 'all 3 resources in sync')
    site.resource('web', { keys: ['/web'], mode: '0644', reload_cmd: 'echo did nothing; exit 3' })
    await daemon.until('the new command', () => daemon.stderr.includes('generation-loaded'))
    await page.getByRole('link', { name: 'web.toml', exact: true }).first().click()
    expect(page.url()).toBe(`${address}#/web.toml`)
    const own = page.locator('#resource')
    await own.getByText('reconfd why web.toml').waitFor()
    await own.getByText('sha256').waitFor()
    await own.getByText('/web', { exact: true }).first().waitFor()
    await page.locator('#resources').waitFor({ state: 'hidden' })

    await etcd.client.put('/web/node-2', 'web-value-2')
    const change = own.locator('.cards li', { hasText: '/web/node-2' }).first()
    await change.locator('summary').click()
    await change.locator('.plus', { hasText: 'web-value-2' }).waitFor()
    await own.locator('.output', { hasText: 'did nothing' }).first().waitFor()
    await own.getByText('failed with exit code 3').first().waitFor()
    expect(await violationsIn(page)).toEqual([])

    await own.getByRole('button', { name: 'Copy reconfd why web.toml' }).click()
    await own.getByText('copied').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('reconfd why web.toml')

    await page.goBack()
    await page.locator('#resources').waitFor()
    await own.waitFor({ state: 'hidden' })
    await page.goto(`${address}#/api.toml`)
    await own.getByText('reconfd why api.toml').waitFor()
    await page.goto(`${address}#/nosuch`)
    await own.getByText('There is no such resource.').waitFor()
    expect(complaints).toEqual([])
  })
})

test('the store becomes unreachable and returns', async () => {
  await withDaemon(async ({ address }) => {
    const { page } = await openPage(browser, address, { colorScheme: 'dark' })
    await verdict(page, 'all 3 resources in sync')
    await etcd.kill()
    try {
      await verdict(page, '3 stale')
      await page.locator('#stores', { hasText: 'cannot reach etcd' }).waitFor()
      expect(await violationsIn(page)).toEqual([])
    } finally {
      await etcd.start()
    }
    await verdict(page, 'all 3 resources in sync')
  })
})

test('the page reports that the daemon has ended, and that it is back', async () => {
  await withDaemon(async ({ site, address, daemon }) => {
    const { page } = await openPage(browser, address)
    await verdict(page, 'all 3 resources in sync')
    await daemon.stop()
    await page.getByText('The connection to reconfd is lost.').waitFor()
    const port = new URL(address).port
    site.start('-watch', '-http', `127.0.0.1:${port}`)
    await page.getByText('The connection to reconfd is lost.').waitFor({ state: 'hidden' })
    await verdict(page, 'all 3 resources in sync')
  })
})

test('on a phone, nothing is wider than the screen', async () => {
  await withDaemon(async ({ address }) => {
    const viewport = { width: 360, height: 740 }
    const { page } = await openPage(browser, address, { viewport, isMobile: true })
    await verdict(page, 'all 3 resources in sync')
    for (const summary of await page.locator('summary').all()) await summary.click()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    expect(await violationsIn(page)).toEqual([])
  })
})

test('by keyboard: every control is reachable, rows open, and updates keep the focus', async () => {
  await withDaemon(async ({ site, address }) => {
    const { page } = await openPage(browser, address, trusted(site))
    await verdict(page, 'all 3 resources in sync')
    const focused = (): Promise<unknown> => page.evaluate('document.activeElement.id')
    const reached: unknown[] = []
    for (let n = 0; n < 14; n++) {
      await page.keyboard.press('Tab')
      reached.push(await focused())
    }
    const tiles = ['in-sync', 'stale', 'held', 'owed', 'failed', 'behind'].map((n) => `tile-${n}`)
    const links = ['api', 'secret', 'web'].map((name) => `link-${name}_46toml`)
    expect(reached.slice(0, 11)).toEqual([...tiles, 'q', ...links, 'window-0'])
    await page.locator('#changes summary').first().focus()
    await page.keyboard.press('Enter')
    await etcd.client.put('/api/node-3', 'api-value-3')
    const change = page.locator('#changes li', { hasText: '/api/node-3' }).first()
    await change.locator('summary').focus()
    const row = await focused()
    await page.keyboard.press('Enter')
    const details = page.locator(`details:has(> #${String(row)})`)
    await details.locator('.diff').waitFor()
    await etcd.client.put('/api/node-4', 'api-value-4')
    await page.locator('#changes li', { hasText: '/api/node-4' }).first().waitFor()
    expect(await focused()).toBe(row)
    expect(await details.getAttribute('open')).not.toBeNull()
  })
})

test('the page works without scripts: tiles, search, a resource, the windows of the chart', async () => {
  await withDaemon(async ({ site, address, daemon }) => {
    await daemon.until('all at rest', () => daemon.tells('reloaded'))
    const options = { ...trusted(site), javaScriptEnabled: false }
    const { page } = await openPage(browser, address, options)
    // Without scripts, the page reloads itself.
    await verdict(page, 'all 3 resources in sync')
    expect(await page.locator('#stores time').textContent()).toMatch(/now|ago/)
    await page.locator('#changes summary').first().click()
    await page.locator('#changes summary', { hasText: 'api.toml' }).first().click()
    await page.locator('#changes .plus', { hasText: 'api-value-1' }).first().waitFor()
    await page.locator('label[for=window-1]').click()
    await page.getByText('in the last 24 h').waitFor()
    await page.locator('#q').fill('secret')
    await page.keyboard.press('Enter')
    await page.getByText('1 of 3').waitFor()
    await page.getByRole('link', { name: 'secret.toml' }).first().click()
    await page.getByText('reconfd why secret.toml').waitFor()
    expect(await page.locator('#resources').isVisible()).toBe(false)
    await page.getByText('all resources', { exact: false }).last().click()
    await page.locator('#tile-failed').click()
    await page.getByText('No resource matches.').waitFor()
  })
})
