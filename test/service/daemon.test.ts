// The built program as a service: its messages to the service manager, over a real socket.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test as inTurn } from 'vitest'
import { withSite, type Site } from '../e2e/support.ts'
import { until } from '../support/until.ts'
import { programs, withNotifySocket, type NotifySocket } from './notify-socket.ts'

/** These tests mostly wait, so they run concurrently. */
const test = inTurn.concurrent

/** Provides a site with a file store, and the environment that a service manager sets. */
async function withService(
  use: (site: Site, socket: NotifySocket) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
  store = ['-backend', 'file', '-file', 'keys.yaml'],
): Promise<void> {
  await withNotifySocket(async (socket) => {
    const all = { ...programs(), NOTIFY_SOCKET: socket.address, ...env }
    const serve = async (site: Site): Promise<void> => {
      writeFileSync(keys(site), 'name: first\n')
      site.template('app.conf', '{{ getv("/name") }}\n')
      await use(site, socket)
    }
    await withSite(store, serve, all)
  })
}

const keys = (site: Site): string => join(site.root, 'keys.yaml')
const watching = (site: Site): string[] => ['-watch', '-file', keys(site)]

/** Sends a signal, unless the process has exited. */
function signalIfRunning(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** With this watchdog timeout, the daemon pings four times a second. */
const WATCHDOG = { WATCHDOG_USEC: '500000' }

test('ready when its files are in place; then status, pings and stopping', async () => {
  await withService(async (site, socket) => {
    // This reload waits until the service is ready, like `systemctl reload` for a unit that is ordered after it.
    const reload_cmd = `while [ ! -e ${site.path('up')} ]; do sleep 0.05; done`
    site.resource('app.conf', { reload_cmd })
    const run = site.start(...watching(site))
    await run.until('it is ready', () => socket.count('READY') === 1)
    expect(site.read('app.conf')).toBe('first\n')
    writeFileSync(site.path('up'), '')
    await run.until('it is in sync', () => socket.last('STATUS') === '1 resource in sync')
    const pings = socket.count('WATCHDOG')
    await run.until('it goes on pinging', () => socket.count('WATCHDOG') >= pings + 3)
    expect(await run.stop()).toMatchObject({ code: 0 })
    const stopping = socket.told.findIndex((told) => 'STOPPING' in told)
    expect(socket.told[stopping]).toMatchObject({ EXTEND_TIMEOUT_USEC: '30000000' })
    expect(socket.told.slice(stopping + 1).filter((told) => 'STATUS' in told)).toEqual([])
    expect(socket.count('READY')).toBe(1)
    expect(socket.count('RELOADING')).toBe(0)
  }, WATCHDOG)
})

test('in exec mode, ready when the program has been started', async () => {
  await withService(async (site, socket) => {
    site.resource('app.conf')
    // A failed resource is not applied, so the program waits for it, and the service manager waits, too.
    site.resource('late.conf', { check_cmd: `test -e ${site.path('may')}` })
    site.template('late.conf', '{{ getv("/name") }}\n')
    const run = site.start(...watching(site), '--', '/bin/sh', '-c', 'sleep 60 & wait')
    await run.until('a check has failed', () => run.tells('failed'))
    expect(socket.count('READY')).toBe(0)
    writeFileSync(site.path('may'), '')
    await run.until('it is ready', () => socket.count('READY') === 1)
    expect(run.tells('child-started')).toBe(true)
    await run.stop()
  })
})

test('SIGHUP: reloading, then ready again, with a bad configuration as well', async () => {
  await withService(async (site, socket) => {
    site.resource('app.conf')
    const run = site.start(...watching(site))
    await run.until('it is in sync', () => socket.last('STATUS') === '1 resource in sync')
    const before = process.hrtime.bigint() / 1000n
    run.signal('SIGHUP')
    await run.until('it is ready again', () => socket.count('READY') === 2)
    const steps = socket.told.filter((told) => 'READY' in told || 'RELOADING' in told)
    expect(steps.slice(1)).toMatchObject([{ RELOADING: '1' }, { READY: '1' }])
    // Both processes use CLOCK_MONOTONIC, as systemd does. The single executable's clock may be up to 20 ms ahead.
    const since = BigInt(steps[1]?.['MONOTONIC_USEC'] ?? 0)
    expect(since).toBeGreaterThan(before)
    expect(since).toBeLessThan(process.hrtime.bigint() / 1000n + 20_000n)

    site.config('prefixx = "/"\n')
    run.signal('SIGHUP')
    await run.until('ready with the former one', () => socket.count('READY') === 3)
    expect(socket.last('STATUS')).toMatch(
      /^invalid configuration since \S+, the previous one stays in use; 1 resource in sync$/,
    )
    site.config('')
    run.signal('SIGHUP')
    await run.until('it is mended', () => socket.last('STATUS') === '1 resource in sync')
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('the status line follows events', async () => {
  await withService(async (site, socket) => {
    site.resource('app.conf', { reload_cmd: `test -e ${site.path('good')}` })
    site.resource('other.conf', { src: 'app.conf.njk', check_cmd: '! grep -q second {{.src}}' })
    const run = site.start(...watching(site))
    const says = (status: string): Promise<void> =>
      run.until(`it says: ${status}`, () => socket.last('STATUS') === status)
    await says('1 of 2 resources in sync; reload owed: app.conf.toml')
    writeFileSync(site.path('good'), '')
    await says('2 resources in sync')
    writeFileSync(keys(site), 'name: second\n')
    await says('1 of 2 resources in sync; failed: other.conf.toml')
    expect(await run.stop()).toMatchObject({ code: 0 })
  })
})

test('an unreachable store does not delay readiness', async () => {
  const store = ['-backend', 'etcd', '-node', '127.0.0.1:1', '-node', '127.0.0.1:2']
  const use = async (site: Site, socket: NotifySocket): Promise<void> => {
    site.resource('app.conf')
    const run = site.start('-watch')
    await run.until('it is ready', () => socket.count('READY') === 1)
    expect(socket.last('STATUS')).toMatch(
      /^0 of 1 resource in sync; 1 waiting; etcdv3 unreachable since \d{4}-\S+:\d\dZ$/,
    )
    // An unreachable store must not count as a lack of progress.
    await run.until('it pings', () => socket.count('WATCHDOG') >= 4)
    expect(await run.stop()).toMatchObject({ code: 0 })
  }
  await withService(use, WATCHDOG, store)
})

test('a configuration that is bad at the start is never ready', async () => {
  await withService(async (site, socket) => {
    site.resource('app.conf', { keyz: ['/'] })
    const run = site.start(...watching(site), '-failure-mode', 'fail-fast')
    expect(await run.finished).toMatchObject({ code: 78 })
    expect(socket.count('READY')).toBe(0)
    const file = join(site.root, 'conf.d/app.conf.toml')
    expect(socket.last('STATUS')).toBe(`invalid configuration: ${file}:5:1: unknown key keyz`)
  })
})

test('a onetime run sends no messages', async () => {
  await withService(async (site, socket) => {
    site.resource('app.conf')
    const run = site.start('-onetime', '-file', keys(site))
    expect(await run.finished).toMatchObject({ code: 0 })
    expect(socket.told).toEqual([])
  })
})

test('commands do not inherit the variables of the service protocol', async () => {
  await withService(
    async (site, socket) => {
      const print = (name: string): string => `env > ${site.path(name)}`
      site.resource('app.conf', { check_cmd: print('check'), reload_cmd: print('reload') })
      const run = site.start(...watching(site))
      await run.until('it is in sync', () => socket.last('STATUS') === '1 resource in sync')
      for (const name of ['check', 'reload']) {
        expect(site.read(name)).toContain('PATH=')
        expect(site.read(name)).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/)
      }
      // The watchdog is meant for another process, such as a wrapper.
      expect(socket.count('WATCHDOG')).toBe(0)
      expect(await run.stop()).toMatchObject({ code: 0 })
    },
    { ...WATCHDOG, WATCHDOG_PID: '1' },
  )
})

test('without systemd-notify it warns once, and works', async () => {
  await withService(
    async (site) => {
      site.resource('app.conf')
      const run = site.start(...watching(site))
      const warned = (): number => run.stderr.split('systemd-notify is not on PATH').length - 1
      await run.until('it says so', () => warned() === 1)
      writeFileSync(keys(site), 'name: second\n')
      await run.until('it works', () => site.read('app.conf') === 'second\n')
      run.signal('SIGHUP')
      await run.until('the new generation', () => run.tells('generation-loaded'))
      expect(await run.stop()).toMatchObject({ code: 0 })
      expect(warned()).toBe(1)
    },
    { ...WATCHDOG, PATH: '/nonexistent' },
  )
})

test('a suspended helper delays a reload, but stops neither the work nor the pings', async () => {
  await withService(async (site, socket) => {
    site.resource('app.conf', { reload_cmd: 'true', reload_timeout: '1s' })
    const run = site.start(...watching(site))
    await run.until('it is in sync', () => socket.last('STATUS') === '1 resource in sync')
    const helpers = descendantsOf(run.pid)
    for (const pid of helpers) signalIfRunning(pid, 'SIGSTOP')
    const pings = socket.count('WATCHDOG')
    writeFileSync(keys(site), 'name: second\n')
    const reloads = (): number => run.log.filter(({ event }) => event === 'reloaded').length
    await run.until('it is reloaded all the same', () => reloads() === 2)
    await run.until('it still pings', () => socket.count('WATCHDOG') > pings)
    for (const pid of helpers) signalIfRunning(pid, 'SIGCONT')
    expect(await run.stop()).toMatchObject({ code: 0 })
  }, WATCHDOG)
})

test.each(['an event loop that stands still', 'SIGSTOP'])('%s gives no pings', async (how) => {
  await withService(async (site, socket) => {
    site.resource('app.conf')
    const run = site.start(...watching(site))
    await run.until('it pings', () => socket.count('WATCHDOG') >= 2)
    if (how === 'SIGSTOP') run.signal('SIGSTOP')
    else {
      execFileSync('mkfifo', [join(site.root, 'templates/fifo')])
      site.template('app.conf', '{% include "fifo" %}')
    }
    await until('no pings come', () => performance.now() - socket.lastAt > 1500)
  }, WATCHDOG)
})

function descendantsOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  const own = text.split(' ').filter(Boolean).map(Number)
  return own.flatMap((child) => [child, ...descendantsOf(child)])
}
