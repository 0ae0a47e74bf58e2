// The status page in a real browser: it follows what happens without being loaded anew, hides what it
// is to hide, and can be read by everybody, on a phone and by keyboard.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { openBrowser, openPage } from './browser.ts'
import { withSite, type Running, type Site } from './support.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** SCREENSHOTS=1 writes the pictures of the README anew. */
const pictures = fileURLToPath(new URL('../../docs/images/', import.meta.url))

let browser: Browser
let etcd: EtcdServer

beforeAll(async () => {
  ;[browser, etcd] = await Promise.all([openBrowser(), startEtcd()])
}, 120_000)

afterAll(async () => {
  await browser.close()
  await etcd.stop()
})

const template = (dir: string): string =>
  `backend ${dir}\n{% for p in range("/${dir}") %}  server {{ p.key }} {{ p.value }} check\n{% endfor %}`

/** A daemon on etcd with three resources: one that can be broken, a plain one, and a sensitive one. */
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
    const reload = `test ! -e ${site.path('broken')}`
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

/** Violations of the rules for people who see, hear or type in other ways. */
async function seriousIn(page: Page): Promise<string[]> {
  // Evaluated, and not added as a script: the page's own policy refuses every other script.
  await page.evaluate(axe)
  const found = await page.evaluate<{
    violations: { id: string; impact: string; nodes: { html: string }[] }[]
  }>('axe.run()')
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)
}

async function picture(page: Page, name: string): Promise<void> {
  if (process.env['SCREENSHOTS'] === undefined) return
  mkdirSync(pictures, { recursive: true })
  // What has just come is lit up for a moment.
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
}

test('a change appears, a failed reload is owed and clears; nothing is loaded anew', async () => {
  await withDaemon(async ({ site, address }) => {
    const { page, complaints } = await openPage(browser, address)
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
    expect(await page.title()).toContain('✗ 1 owed, 2 in sync')
    const owed = page.locator('#resources li', { hasText: 'web.toml' })
    await owed.getByText('failed with exit code 1').first().waitFor()
    await page.locator('#reloads li', { hasText: 'failed with exit code 1' }).first().waitFor()
    await picture(page, 'status-owed')
    expect(await seriousIn(page)).toEqual([])
    // What was opened by hand stays open, whatever comes in.
    expect(await change.locator('details').getAttribute('open')).not.toBeNull()

    rmSync(site.path('broken'))
    await verdict(page, 'all 3 resources in sync')
    expect(await page.title()).toContain('✓ all 3 resources in sync')
    expect(await page.evaluate('window.isTheSame')).toBe(true)
    expect(complaints).toEqual([])
  })
}, 60_000)

test('what is masked is not in the source of the page, nor in what is sent later', async () => {
  await withDaemon(async ({ address }) => {
    const { page } = await openPage(browser, address)
    const sent: string[] = []
    await page.exposeFunction('keep', (text: string) => void sent.push(text))
    await page.evaluate(`{
      const more = new EventSource('/events')
      for (const name of ['part', 'title']) more.addEventListener(name, ({ data }) => keep(data))
    }`)
    await verdict(page, 'all 3 resources in sync')
    await etcd.client.put('/secret/node-1', 'secret-value-2')
    await etcd.client.put('/api/node-1', 'api-value-2')
    const change = page.locator('#changes li', { hasText: '/secret/node-1' }).first()
    await change.locator('summary').click()
    await change.getByText('Masked: the resource is marked sensitive.').waitFor()
    expect(await change.locator('.plus').allTextContents()).toEqual(['+••••••'])
    await page.locator('#changes li', { hasText: '/api/node-1' }).first().waitFor()
    const again = await (await fetch(address)).text()
    for (const text of [await page.content(), again, sent.join('')]) {
      expect(text).toContain('api-value-2')
      expect(text).not.toContain('secret-value')
    }
  })
}, 60_000)

test('of many resources that are in sync most are folded away', async () => {
  await withDaemon(async ({ site, address, daemon }) => {
    for (let n = 10; n < 60; n++) {
      site.template(`many-${n}`, 'x')
      site.resource(`many-${n}`, { keys: ['/web'] })
    }
    daemon.signal('SIGHUP')
    const { page } = await openPage(browser, address)
    await verdict(page, 'all 53 resources in sync')
    const more = page.locator('#more-resources')
    expect(await more.locator('> summary').textContent()).toBe('and 33 more, all in sync')
    expect(await page.locator('#resources > ul > li').count()).toBe(20)
    await more.locator('> summary').click()
    await etcd.client.put('/web/node-9', 'web-value-9')
    await page.locator('#changes li', { hasText: '/web/node-9' }).first().waitFor()
    expect(await more.getAttribute('open')).not.toBeNull()
    expect(await seriousIn(page)).toEqual([])
  })
}, 60_000)

test('the store goes away and comes back', async () => {
  await withDaemon(async ({ address }) => {
    const { page } = await openPage(browser, address, { colorScheme: 'dark' })
    await verdict(page, 'all 3 resources in sync')
    await etcd.kill()
    try {
      await verdict(page, '3 stale')
      await page.locator('#stores', { hasText: 'cannot reach etcd' }).waitFor()
      expect(await seriousIn(page)).toEqual([])
    } finally {
      await etcd.start()
    }
    await verdict(page, 'all 3 resources in sync')
  })
}, 60_000)

test('a daemon that ends is told of, and one that comes back as well', async () => {
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
}, 60_000)

test('on a phone nothing is wider than the screen', async () => {
  await withDaemon(async ({ address }) => {
    const viewport = { width: 360, height: 740 }
    const { page } = await openPage(browser, address, { viewport, isMobile: true })
    await verdict(page, 'all 3 resources in sync')
    for (const summary of await page.locator('summary').all()) await summary.click()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    expect(await seriousIn(page)).toEqual([])
  })
}, 60_000)

test('by keyboard: every row is reached and opened, and the focus stays where it is', async () => {
  await withDaemon(async ({ address }) => {
    const { page } = await openPage(browser, address)
    await verdict(page, 'all 3 resources in sync')
    const focused = (): Promise<unknown> => page.evaluate('document.activeElement.id')
    const reached: unknown[] = []
    for (let n = 0; n < 6; n++) {
      await page.keyboard.press('Tab')
      reached.push(await focused())
    }
    expect(reached.slice(0, 3)).toEqual([
      'resource-row-api_46toml',
      'resource-row-secret_46toml',
      'resource-row-web_46toml',
    ])
    expect(reached.slice(3)).toEqual([
      expect.stringMatching(/^change-row-/),
      expect.stringMatching(/^change-row-/),
      expect.stringMatching(/^change-row-/),
    ])
    const row = await focused()
    await page.keyboard.press('Enter')
    const details = page.locator(`details:has(> #${String(row)})`)
    await details.locator('.diff').waitFor()
    await etcd.client.put('/api/node-3', 'api-value-3')
    await page.locator('#changes li', { hasText: '/api/node-3' }).first().waitFor()
    expect(await focused()).toBe(row)
    expect(await details.getAttribute('open')).not.toBeNull()
  })
}, 60_000)

test('without scripts the page is whole', async () => {
  await withDaemon(async ({ address, daemon }) => {
    await daemon.until('all at rest', () => daemon.tells('reloaded'))
    const { page } = await openPage(browser, address, { javaScriptEnabled: false })
    // It is loaded anew by itself.
    await verdict(page, 'all 3 resources in sync')
    await page.locator('#changes summary', { hasText: 'api.toml' }).first().click()
    await page.locator('#changes .plus', { hasText: 'api-value-1' }).first().waitFor()
    expect(await page.locator('#stores time').textContent()).toMatch(/now|ago/)
  })
}, 60_000)
