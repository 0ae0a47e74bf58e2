// A reload is owed until it has succeeded: through failures, a crash, and a burst of changes.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { forAll } from '../support/http.ts'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { until } from '../support/until.ts'
import { allProcesses, statOf } from '../../src/system/process.ts'
import { withSite } from './support.ts'

let etcd: EtcdServer
beforeAll(async () => {
  etcd = await startEtcd()
})
afterAll(async () => {
  await etcd.stop()
})

const store = (): string[] => ['-backend', 'etcd', '-node', etcd.node]

test('a reload that fails twice and then succeeds is run three times', async () => {
  await etcd.client.put('/retry/name', 'a')
  await withSite(store(), async (site) => {
    const runs = site.path('runs')
    site.template('app.conf', '{{ getv("/retry/name") }}\n')
    site.resource('app.conf', { reload_cmd: `echo run >> ${runs}; [ $(wc -l < ${runs}) -ge 3 ]` })
    const run = site.start('-watch')
    await run.until('three runs', () => site.lines('runs') === 3)
    // The next change must cause exactly one reload, because the failures have left no debt.
    await etcd.client.put('/retry/name', 'b')
    await run.until('the next reload', () => site.lines('runs') === 4)
    expect(await run.stop()).toMatchObject({ code: 0 })
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    expect(site.lines('runs')).toBe(4)
  })
})

test.each(['-watch', '-onetime'])(
  'after a kill between swap and reload, a restart with %s runs the reload',
  async (mode) => {
    await etcd.client.put('/crash/name', 'a')
    await withSite(store(), async (site) => {
      const [crashed, reloads] = [site.path('crashed'), site.path('reloads')]
      site.template('app.conf', '{{ getv("/crash/name") }}\n')
      // The first reload command kills the program, so the file is swapped but not reloaded.
      site.resource('app.conf', {
        reload_cmd: `[ -e ${crashed} ] || { touch ${crashed}; kill -9 $PPID; exit 1; }; echo reload >> ${reloads}`,
      })
      expect(await site.start('-watch').finished).toMatchObject({ signal: 'SIGKILL' })
      expect(site.read('app.conf')).toBe('a\n')
      expect(site.lines('reloads')).toBe(0)

      const again = site.start(mode)
      await again.until('the reload', () => site.lines('reloads') === 1)
      if (mode === '-watch') await again.stop()
      expect(await again.finished).toMatchObject({ code: 0 })
      // A further run must find nothing owed.
      expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
      expect(site.lines('reloads')).toBe(1)
    })
  },
)

test('a burst of 1,000 changes: correct content, reloads limited by coalescing', async () => {
  // Milliseconds. With a fixed -debounce, no batch ends sooner than this after its first change.
  const quiet = 500
  await etcd.client.putAll(
    new Map(Array.from({ length: 10 }, (_, n) => [`/burst/key${n}`, 'start'])),
  )
  await withSite(store(), async (site) => {
    site.template(
      'app.conf',
      '{% for s in range("/burst") %}\n{{ base(s.key) }} {{ s.value }}\n{% endfor %}\n',
    )
    site.resource('app.conf', {
      keys: ['/burst'],
      reload_cmd: `echo reload >> ${site.path('reloads')}`,
    })
    const run = site.start('-watch', '-debounce', `${quiet}ms`, '-debounce-max', '1s')
    await run.until('the first reload', () => site.lines('reloads') === 1)

    const begin = performance.now()
    const numbers = Array.from({ length: 10 }, (_, n) => n)
    await forAll(numbers, async (key) => {
      for (let n = 0; n < 100; n++) await etcd.client.put(`/burst/key${key}`, `value ${n}`)
    })
    const final = numbers.map((n) => `key${n} value 99\n`).join('')
    await run.until('the final content', () => site.read('app.conf') === final)
    const batches = Math.ceil((performance.now() - begin) / quiet)
    expect(await run.stop()).toMatchObject({ code: 0 })
    // There is one reload before the burst, and at most one per batch.
    expect(site.lines('reloads')).toBeLessThanOrEqual(1 + batches)
    expect(site.lines('reloads')).toBeGreaterThan(1)
  })
})

test('the helper that runs commands ends with the daemon, even if that is killed', async () => {
  await etcd.client.put('/helper/name', 'a')
  await withSite(store(), async (site) => {
    site.template('app.conf', '{{ getv("/helper/name") }}\n')
    site.resource('app.conf', { reload_cmd: `echo reload >> ${site.path('reloads')}` })
    const run = site.start('-watch')
    await run.until('the first reload', () => site.lines('reloads') === 1)
    await etcd.client.put('/helper/name', 'b')
    await run.until('the second', () => site.lines('reloads') === 2)
    const family = descendantsOf(run.pid)
    expect(family.length).toBeGreaterThan(0)
    process.kill(run.pid, 'SIGKILL')
    await run.finished
    await until('the end of its helpers', () =>
      family.every(({ pid, started }) => {
        const stat = statOf(pid)
        return stat === undefined || stat.state === 'Z' || stat.started !== started
      }),
    )
  })
})

/** Returns all descendants of a process. */
function descendantsOf(root: number): { readonly pid: number; readonly started: number }[] {
  const all = [...allProcesses()]
  const below = (parent: number): typeof all =>
    all
      .filter(({ stat }) => stat.parent === parent && stat.state !== 'Z')
      .flatMap((one) => [one, ...below(one.pid)])
  return below(root).map(({ pid, stat }) => ({ pid, started: stat.started }))
}

test('a reload command shared by several resources runs once per batch', async () => {
  await etcd.client.put('/shared/name', 'a')
  await withSite(store(), async (site) => {
    for (const name of ['one.conf', 'two.conf', 'three.conf']) {
      site.template(name, '{{ getv("/shared/name") }}\n')
      // The reload prints all three files, which shows that the whole batch was in place.
      site.resource(name, {
        reload_cmd: `cat ${site.path('one.conf')} ${site.path('two.conf')} ${site.path('three.conf')} | tr '\\n' ' ' >> ${site.path('reloads')}; echo >> ${site.path('reloads')}`,
      })
    }
    expect(await site.start('-onetime').finished).toMatchObject({ code: 0 })
    expect(site.read('reloads')).toBe('a a a \n')
  })
})
