// `reconfd status`, `why`, `resync`, `reload` and `accept`: with a running daemon, and with the state that a stopped
// daemon has left.
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ResourceHistory, Status } from '../../src/core/status.ts'
import { until } from '../support/until.ts'
import { withSite, type Finished, type Site } from './support.ts'

/** Creates a site on a file store, with a resource `app.conf.toml` that reads /app/name. */
async function withApp(
  fields: (site: Site) => Record<string, string>,
  use: (site: Site) => Promise<void>,
): Promise<void> {
  await withSite([], async (site) => {
    setKeys(site, { name: 'one' })
    site.template('app.conf', '{{ getv("/app/name") }}\n')
    site.resource('app.conf', { keys: ['/app'], ...fields(site) })
    await use(site)
  })
}

const setKeys = (site: Site, app: Record<string, unknown>): void =>
  writeFileSync(join(site.root, 'keys.json'), JSON.stringify({ app }))

const watch = (site: Site) => site.start('-file', join(site.root, 'keys.json'), '-watch')
const ask = (site: Site, ...command: string[]): Promise<Finished> => site.start(...command).finished

async function status(
  site: Site,
): Promise<{ code: number | null; status: Status & { running: boolean } }> {
  const { code, stdout } = await ask(site, 'status', '-json')
  return { code, status: JSON.parse(stdout) as Status & { running: boolean } }
}

async function why(
  site: Site,
  resource = 'app.conf',
): Promise<ResourceHistory & { running: boolean }> {
  const { stdout } = await ask(site, 'why', resource, '-json')
  return JSON.parse(stdout) as ResourceHistory & { running: boolean }
}

/** Waits until the output of `reconfd status` satisfies the condition, and returns the output. */
const untilStatus = (site: Site, what: string, is: (status: Status) => boolean) =>
  until(what, async () => {
    const { code, stdout } = await ask(site, 'status', '-json')
    if (code !== 0 && code !== 1) return false
    const status = JSON.parse(stdout) as Status & { running: boolean }
    return status.running && is(status) ? { code, status } : false
  })

const stateIs = (state: string) => (status: Status) => status.resources[0]?.state === state

const counting = (site: Site): Record<string, string> => ({
  reload_cmd: `echo run >> ${site.path('runs')}`,
})

test('a running daemon reports in sync, changed, failed, and in sync again', async () => {
  await withApp(
    (site) => ({ ...counting(site), check_cmd: 'grep -qv bad {{.src}}' }),
    async (site) => {
      const run = watch(site)
      const good = await untilStatus(site, 'in sync', stateIs('in sync'))
      expect(good.code).toBe(0)
      expect(good.status).toMatchObject({
        stores: [{ name: 'file', state: 'live', keys: 1 }],
        resources: [
          {
            name: 'app.conf.toml',
            lastReload: { succeeded: true, exitCode: 0, command: counting(site)['reload_cmd'] },
            hashes: { [site.path('app.conf')]: expect.stringMatching(/^[0-9a-f]{12}$/) as string },
          },
        ],
      })

      setKeys(site, { name: 'bad', other: 'x' })
      const bad = await untilStatus(site, 'failed', stateIs('failed'))
      expect(bad.code).toBe(1)
      const [failed] = bad.status.resources
      expect(failed?.why).toContain('check failed')
      expect(failed?.lastChange?.keys).toEqual(['/app/name'])
      expect(failed?.hashes).toEqual(good.status.resources[0]?.hashes)

      setKeys(site, { name: 'two' })
      await untilStatus(site, 'in sync again', stateIs('in sync'))
      expect(await why(site)).toMatchObject({
        running: true,
        name: 'app.conf.toml',
        reads: { keys: ['/app/name'], files: [join(site.root, 'templates/app.conf.njk')] },
        changes: [{ keys: ['/app/name'] }, { keys: ['/app/name'] }],
      })
      const text = await ask(site, 'status')
      expect(text.stdout).toMatch(/^app\.conf\.toml +in sync +\d{4}-/m)
      expect(text.stdout).toContain('/app/name')
      expect((await ask(site, 'why', 'app.conf.toml')).stdout).toContain('/app/name')
      expect(await run.stop()).toMatchObject({ code: 0 })
    },
  )
})

test('after a stop, no try of an owed reload is promised before the next start', async () => {
  await withApp(
    () => ({ reload_cmd: 'false' }),
    async (site) => {
      const run = watch(site)
      await untilStatus(
        site,
        'a failed try',
        ({ resources: [one] }) => one?.why?.includes('next try at 2') === true,
      )
      await run.stop()
      const { stdout } = await ask(site, 'status')
      expect(stdout).toMatch(/reload try \d+ failed, next try at the next start: reload_cmd failed/)
    },
  )
})

test('a reload is owed while the daemon runs, after it was killed, and until a later run succeeds', async () => {
  await withApp(
    (site) => ({ reload_cmd: `[ -e ${site.path('mended')} ]` }),
    async (site) => {
      const run = watch(site)
      const { code, status: told } = await untilStatus(
        site,
        'a failed try',
        ({ resources: [one] }) => one?.state === 'owed' && one.lastReload !== undefined,
      )
      expect(code).toBe(1)
      expect(told.resources).toMatchObject([
        {
          why: expect.stringContaining('failed') as string,
          lastReload: { succeeded: false, exitCode: 1 },
        },
      ])
      await until('it is written down', () =>
        readdirSync(join(site.root, 'state')).some((name) => name.startsWith('status-')),
      )
      run.signal('SIGKILL')
      await run.finished
      const after = await status(site)
      expect(after).toMatchObject({
        code: 1,
        status: { running: false, resources: [{ state: 'owed' }] },
      })
      expect((await ask(site, 'status')).stdout).toMatch(/^no daemon is running; as of \d{4}-/)

      writeFileSync(site.path('mended'), '')
      const file = ['-file', join(site.root, 'keys.json')]
      expect(await ask(site, ...file, '-onetime')).toMatchObject({ code: 0 })
      expect(await status(site)).toMatchObject({
        code: 0,
        status: { running: false, resources: [{ state: 'in sync', lastReload: { exitCode: 0 } }] },
      })
    },
  )
})

test('a stopped daemon leaves its status, and the next one continues its history', async () => {
  await withApp(counting, async (site) => {
    const run = watch(site)
    await untilStatus(site, 'in sync', stateIs('in sync'))
    setKeys(site, { name: 'two' })
    await run.until('the reload of the change', () => site.lines('runs') === 2)
    expect(await run.stop()).toMatchObject({ code: 0 })
    const { code, status: told } = await status(site)
    expect(code).toBe(0)
    expect(told.resources).toMatchObject([
      { state: 'in sync', lastChange: { keys: ['/app/name'] }, lastReload: { exitCode: 0 } },
    ])
    expect(await why(site)).toMatchObject({ running: false, changes: [{ keys: ['/app/name'] }] })

    const again = watch(site)
    await untilStatus(site, 'in sync', stateIs('in sync'))
    expect(await why(site)).toMatchObject({ running: true, changes: [{ keys: ['/app/name'] }] })
    expect(await again.stop()).toMatchObject({ code: 0 })
  })
})

test('the socket is private, ends with its daemon, and is replaced after a kill', async () => {
  await withApp(counting, async (site) => {
    const state = join(site.root, 'state')
    // The operator has made the state directory accessible to others. The socket must still be private.
    mkdirSync(state)
    chmodSync(state, 0o755)
    const sockets = () => readdirSync(state).filter((name) => name.endsWith('.sock'))
    const run = watch(site)
    await untilStatus(site, 'in sync', stateIs('in sync'))
    const [name = ''] = sockets()
    expect(statSync(join(state, name)).mode & 0o777).toBe(0o600)
    run.signal('SIGKILL')
    await run.finished
    expect(sockets()).toEqual([name])
    const again = watch(site)
    await untilStatus(site, 'in sync', stateIs('in sync'))
    // Invalid, oversized and empty requests must do no harm.
    for (const text of ['nonsense\n', '{"command":"frob"}\n', 'x'.repeat(100_000)]) {
      await new Promise((closed) => {
        const socket = createConnection(join(state, name))
        socket.on('error', () => undefined).on('close', closed)
        socket.resume().end(text)
      })
    }
    const silent = createConnection(join(state, name)).on('error', () => undefined)
    await new Promise((connected) => silent.once('connect', connected))
    expect((await status(site)).code).toBe(0)
    expect(await again.stop()).toMatchObject({ code: 0 })
    silent.destroy()
    expect(sockets()).toEqual([])
    expect(readdirSync(state).filter((file) => file.startsWith('c-'))).toEqual([])
  })
})

test('a second daemon does not take the socket of the first', async () => {
  await withApp(counting, async (site) => {
    const first = watch(site)
    const { status: before } = await untilStatus(site, 'in sync', stateIs('in sync'))
    const second = watch(site)
    await second.until('it says so', () =>
      second.stderr.includes('another reconfd already listens'),
    )
    expect(await second.stop()).toMatchObject({ code: 0 })
    expect((await status(site)).status).toMatchObject({ running: true, pid: before.pid })
    expect(await first.stop()).toMatchObject({ code: 0 })
  })
})

test('reload runs the command again, resync repairs a file edited by hand', async () => {
  await withApp(counting, async (site) => {
    const run = watch(site)
    await untilStatus(site, 'in sync', stateIs('in sync'))
    expect(site.lines('runs')).toBe(1)
    expect(await ask(site, 'reload', 'app.conf.toml')).toMatchObject({ code: 0 })
    await run.until('the second run', () => site.lines('runs') === 2)
    await untilStatus(site, 'in sync', stateIs('in sync'))

    writeFileSync(site.path('app.conf'), 'by hand\n')
    expect(await ask(site, 'resync')).toMatchObject({ code: 0 })
    await run.until('it is as it was', () => site.read('app.conf') === 'one\n')
    await run.until('the third run', () => site.lines('runs') === 3)
    expect(await run.stop()).toMatchObject({ code: 0 })
    expect(site.lines('runs')).toBe(3)
  })
})

test('refused commands and their exit codes', async () => {
  await withApp(
    () => ({}),
    async (site) => {
      expect(await ask(site, 'status')).toMatchObject({ code: 69 })
      expect(await ask(site, 'why', 'app.conf')).toMatchObject({ code: 69 })
      const run = watch(site)
      await untilStatus(site, 'in sync', stateIs('in sync'))
      expect(await ask(site, 'why')).toMatchObject({ code: 64 })
      expect(await ask(site, 'stauts')).toMatchObject({ code: 64 })
      const unknown = await ask(site, 'why', 'nosuch.toml')
      expect(unknown.code).toBe(64)
      expect(unknown.stderr).toContain('app.conf.toml')
      const reload = await ask(site, 'reload', 'app.conf.toml')
      expect(reload.code).toBe(1)
      expect(reload.stderr).toContain('app.conf.toml has no reload_cmd')
      expect(await ask(site, 'accept', 'app.conf.toml')).toMatchObject({ code: 1 })
      expect(await run.stop()).toMatchObject({ code: 0 })
      for (const command of [['resync'], ['reload', 'app.conf.toml']]) {
        const none = await ask(site, ...command)
        expect(none.code).toBe(69)
        expect(none.stderr).toContain('no daemon is running')
      }
      expect(await ask(site, 'why', 'nosuch.toml')).toMatchObject({ code: 64 })
    },
  )
})

test('a change held by a guard is reported, and passes once accepted, with and without a daemon', async () => {
  await withSite([], async (site) => {
    const keys = (...names: string[]) =>
      setKeys(site, Object.fromEntries(names.map((name) => [name, 'x'])))
    keys('a', 'b', 'c', 'd')
    site.template('app.conf', '{% for name in ls("/app") %}{{ name }}{% endfor %}')
    site.resource('app.conf', { keys: ['/app'] })
    appendFileSync(
      join(site.root, 'conf.d', 'app.conf.toml'),
      '[template.guard]\nmax_removed = "50%"\n',
    )
    const run = watch(site)
    await untilStatus(site, 'in sync', stateIs('in sync'))
    keys('a')
    const { code, status: held } = await untilStatus(site, 'held', stateIs('held'))
    expect(code).toBe(1)
    expect(held.resources[0]?.why).toContain('vanished')
    expect(site.read('app.conf')).toBe('abcd')
    expect(await ask(site, 'accept', 'app.conf.toml')).toMatchObject({ code: 0 })
    await run.until('it goes through', () => site.read('app.conf') === 'a')
    await untilStatus(site, 'in sync', stateIs('in sync'))

    // The guard must work again, and a held change must survive a restart of the daemon.
    keys('b', 'c', 'd')
    await run.until(
      'held again',
      () => run.log.filter(({ event }) => event === 'held').length === 2,
    )
    expect(await run.stop()).toMatchObject({ code: 0 })
    expect(await status(site)).toMatchObject({
      code: 1,
      status: { resources: [{ state: 'held' }] },
    })
    expect(await ask(site, 'accept', 'nosuch')).toMatchObject({ code: 64 })
    expect(await ask(site, 'accept', 'app.conf')).toMatchObject({ code: 0 })
    const file = ['-file', join(site.root, 'keys.json')]
    expect(await ask(site, ...file, '-onetime')).toMatchObject({ code: 0 })
    expect(site.read('app.conf')).toBe('bcd')
    keys('x')
    expect(await ask(site, ...file, '-onetime')).toMatchObject({ code: 1 })
    expect(site.read('app.conf')).toBe('bcd')
    expect(await status(site)).toMatchObject({
      code: 1,
      status: { resources: [{ state: 'held' }] },
    })
  })
})

test('if one member of a group fails, the others are not in sync either', async () => {
  await withApp(
    () => ({}),
    async (site) => {
      site.template('other.conf', '{{ getv("/app/other") }}\n')
      site.resource('other.conf', { keys: ['/app'] })
      for (const name of ['app.conf', 'other.conf']) {
        const path = join(site.root, 'conf.d', `${name}.toml`)
        writeFileSync(path, `group = "edge"\n${readFileSync(path, 'utf8')}`)
      }
      const run = watch(site)
      const { status: told } = await untilStatus(site, 'failed', stateIs('failed'))
      expect(told.resources).toMatchObject([
        {
          name: 'app.conf.toml',
          state: 'failed',
          why: expect.stringContaining('other.conf.toml') as string,
        },
        {
          name: 'other.conf.toml',
          state: 'failed',
          why: expect.stringContaining('/app/other') as string,
        },
      ])
      setKeys(site, { name: 'one', other: 'two' })
      await untilStatus(site, 'both in sync', ({ resources }) =>
        resources.every(({ state }) => state === 'in sync'),
      )
      expect(await run.stop()).toMatchObject({ code: 0 })
    },
  )
})

test('without a socket, the daemon works and reports it, and its status can be read', async () => {
  await withApp(counting, async (site) => {
    const deep = join(site.root, 'x'.repeat(120))
    const run = site.start('-file', join(site.root, 'keys.json'), '-watch', '-state-dir', deep)
    await run.until('the file', () => site.read('app.conf') === 'one\n')
    await run.until('the warning', () => run.stderr.includes('is too long'))
    expect(await run.stop()).toMatchObject({ code: 0 })
    const { code, stdout } = await ask(site, 'status', '-json', '-state-dir', deep)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ running: false })
  })
})

test('status -follow prints each change of the status, and exits with the last exit code', async () => {
  await withApp(
    (site) => ({ reload_cmd: `test ! -e ${site.path('broken')}` }),
    async (site) => {
      watch(site)
      await untilStatus(site, 'in sync', stateIs('in sync'))
      let shown = ''
      const follow = site.start('status', '-follow')
      await until('the status', () => /app\.conf\.toml +in sync/.test((shown = follow.stdout)))
      writeFileSync(site.path('broken'), '')
      setKeys(site, { name: 'two' })
      await until('the change', () => /app\.conf\.toml +owed/.test((shown = follow.stdout)))
      expect(shown).toMatch(/in sync[^]*owed/)
      expect((await follow.stop()).code).toBe(1)
    },
  )
})

test('a onetime run that changes nothing says so in one line', async () => {
  await withApp(
    () => ({}),
    async (site) => {
      const once = (...flags: readonly string[]) =>
        site.start('-file', join(site.root, 'keys.json'), '-onetime', ...flags).finished
      const line = '1 resource in sync, nothing changed'
      expect((await once('-noop')).stderr).not.toContain(line)
      expect((await once()).stderr).not.toContain(line)
      expect((await once()).stderr).toContain(line)
      expect((await once('-noop')).stderr).toContain(line)
    },
  )
})
