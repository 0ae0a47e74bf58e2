// A change that removes everything must be held even without a guard. Keys that return one by one must stay held until
// all of them are back or their number no longer grows. Hold-downs must survive a restart.
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { withSite, type Running, type Site } from './support.ts'

const LIST = '{% for s in range("/web") %}{{ s.value }}\n{% endfor %}'

/** Replaces a file by a rename, so that the program never reads a half-written file. */
function replace(site: Site, path: string, text: string): void {
  writeFileSync(join(site.root, 'new'), text)
  renameSync(join(site.root, 'new'), join(site.root, path))
}

const keys = (site: Site, all: Readonly<Record<string, string>>): void =>
  replace(site, 'keys.json', JSON.stringify(all))

const web = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`/web/${n}`, `s${n}`]))
const lines = (count: number): string => Object.values(web(count)).join('\n') + '\n'

async function withKeys(
  use: (site: Site, store: readonly string[]) => Promise<void>,
): Promise<void> {
  await withSite([], async (site) => {
    const store = ['-backend', 'file', '-file', join(site.root, 'keys.json'), '-debounce', '10ms']
    await use(site, store)
  })
}

const heldNow = (run: Running): boolean => run.tells('held')

test('a onetime run that finds no key any more holds the change until it is accepted', async () => {
  await withKeys(async (site, store) => {
    site.template('app', LIST)
    site.resource('app')
    keys(site, web(2))
    const once = (...args: string[]) => site.start(...store, '-onetime', ...args).finished
    expect(await once()).toMatchObject({ code: 0 })
    const held = await once('-prefix', '/typo')
    expect(held).toMatchObject({ code: 1 })
    expect(held.stderr).toMatch(
      /"level":"warn".*no keys are left under \/typo.*reconfd accept app\.toml/,
    )
    expect(site.read('app')).toBe(lines(2))
    const status = await site.start('status').finished
    expect(status.stdout).toMatch(/app\.toml +held .*\n +.*reconfd accept\s+app\.toml/s)
    // An accepted change must be applied. After that, there must be nothing left to accept.
    expect(await site.start('accept', 'app').finished).toMatchObject({ code: 0 })
    expect(await once('-prefix', '/typo')).toMatchObject({ code: 0 })
    expect(site.read('app')).toBe('')
    expect(await site.start('accept', 'app').finished).toMatchObject({ code: 1 })
  })
})

test.each([
  ['in the resource', { allow_empty: true }, []],
  ['for all', {}, ['-allow-empty']],
])('allow_empty %s', async (_, fields, args) => {
  await withKeys(async (site, store) => {
    site.template('app', LIST)
    site.resource('app', fields)
    for (const count of [2, 0]) {
      keys(site, web(count))
      expect(await site.start(...store, '-onetime', ...args).finished).toMatchObject({ code: 0 })
    }
    expect(site.read('app')).toBe('')
  })
})

test('the files of a for_each stay when all its keys are gone', async () => {
  await withKeys(async (site, store) => {
    site.template('app', '{{ item.value }}\n')
    site.resource('app', { for_each: '/web/*', dest: `${site.path('app')}.{{ base(item.key) }}` })
    keys(site, web(2))
    const run = site.start(...store, '-watch')
    await run.until('the files', () => site.read('app.1') === 's1\n')
    keys(site, { '/other': 'x' })
    await run.until('it is held', () => heldNow(run))
    expect(site.read('app.0')).toBe('s0\n')
    keys(site, web(1))
    await run.until('one of them is back', () => site.read('app.1') === undefined)
    expect(site.read('app.0')).toBe('s0\n')
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('returning keys are published together, or once their number no longer grows', async () => {
  await withKeys(async (site, store) => {
    site.template('app', LIST)
    const guard = (settle: string): void => {
      const table = `[template.guard]\nmax_removed = "50%"\nsettle = "${settle}"\n`
      replace(site, 'conf.d/app.toml', `${resourceText(site)}${table}`)
    }
    // With this duration, only complete counts pass, however slow the machine is.
    guard('1h')
    keys(site, web(6))
    const run = site.start(...store, '-watch')
    await run.until('all', () => site.read('app') === lines(6))
    keys(site, web(1))
    await run.until('it is held', () => heldNow(run))
    for (const back of [3, 4]) {
      const before = heldCount(run)
      keys(site, web(back))
      await run.until(`${back} are back`, () => heldCount(run) > before)
    }
    keys(site, { ...web(6), '/web/0': 'new' })
    await run.until('all are back', () => site.read('app')?.startsWith('new\n') === true)
    keys(site, web(1))
    const before = heldCount(run)
    await run.until('it is held again', () => heldCount(run) > before)
    guard('1s')
    await run.until('the new duration', () => run.tells('generation-loaded'))
    keys(site, web(4))
    await run.until('four pass once they stand still', () => site.read('app') === lines(4))
    await run.until('the reload', () => site.lines('seen') === 6 + 6 + 4)
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

const heldCount = (run: Running): number => run.log.filter(({ event }) => event === 'held').length

const resourceText = (site: Site): string =>
  `[template]\nsrc = "app.njk"\ndest = "${site.path('app')}"\nkeys = ["/web"]\n` +
  `reload_cmd = "cat ${site.path('app')} >> ${site.path('seen')}"\n`

const stateHolds = (site: Site, key: string): boolean => {
  const dir = join(site.root, 'state')
  const files = readdirSync(dir).filter((name) => name.startsWith('held-keys-'))
  return files.some((name) => readFileSync(join(dir, name), 'utf8').includes(`"${key}"`))
}

test.each<['SIGTERM' | 'SIGKILL', 'before' | 'during']>([
  ['SIGTERM', 'before'],
  ['SIGKILL', 'before'],
  ['SIGTERM', 'during'],
])('hold_down survives a restart: %s, a key that vanishes %s it', async (signal, when) => {
  await withKeys(async (site, store) => {
    site.template('app', LIST)
    site.resource('app', { hold_down: '1h' })
    keys(site, web(3))
    const first = site.start(...store, '-watch', '-log-level', 'debug')
    await first.until('all three', () => site.read('app') === lines(3))
    if (when === 'before') {
      keys(site, web(2))
      await first.until('it is noticed', () => first.tells('changed'))
      const kept = (): boolean => stateHolds(site, '/web/2')
      await until('it is written down', kept)
    }
    first.signal(signal)
    await first.finished
    if (when === 'during') keys(site, web(2))
    const second = site.start(...store, '-watch', '-log-level', 'debug')
    await second.until('the next run looks', () => second.tells('applied'))
    keys(site, { ...web(2), '/web/3': 's3' })
    await second.until('a new key', () => site.read('app')?.includes('s3') === true)
    expect(site.read('app')).toBe(lines(4))
    expect(await second.stop()).toMatchObject({ code: 0 })
    // With this short hold-down, the view no longer contains the vanished key.
    site.resource('app', { hold_down: '1ms' })
    expect(await site.start(...store, '-onetime').finished).toMatchObject({ code: 0 })
    expect(site.read('app')).toBe('s0\ns1\ns3\n')
  })
})

test('a key that vanishes while a new configuration reopens the store gets its hold-down', async () => {
  await withKeys(async (site, store) => {
    site.template('app', LIST)
    site.resource('app', { keys: ['/web'], hold_down: '1h' })
    keys(site, web(3))
    const run = site.start(...store, '-watch', '-log-level', 'debug')
    await run.until('all three', () => site.read('app') === lines(3))
    // The new configuration has more keys, so the store is reopened. The new snapshot contains changes that the
    // previous watch has not received yet.
    keys(site, web(2))
    site.resource('app', { keys: ['/web', '/more'], hold_down: '1h' })
    run.signal('SIGHUP')
    await run.until('the configuration', () => run.tells('generation-loaded'))
    keys(site, { ...web(2), '/web/3': 's3' })
    await run.until('a new key', () => site.read('app')?.includes('s3') === true)
    expect(site.read('app')).toBe(lines(4))
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})
