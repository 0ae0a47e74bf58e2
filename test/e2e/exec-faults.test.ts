// Failures of the program, of reconfd and of the store that exec mode must survive.
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isRunning, processOf, statOf } from '../../src/system/process.ts'
import { startEtcd, type EtcdServer } from '../support/servers.ts'
import { until } from '../support/until.ts'
import { countOf, lineOf, withExec } from './exec-support.ts'
import { withSite } from './support.ts'

const ON_EXIT = '[exec]\nreload_signal = "USR1"\nrestart = "on-exit"\n'

const ends = (pid: number): Promise<true> =>
  until(`the end of ${pid}`, () => [undefined, 'Z'].includes(statOf(pid)?.state))

describe.concurrent('the program', () => {
  test('crashes at the start: reconfd exits with its exit code, and the reload stays owed', () =>
    withExec({ before: 'exit 9' }, async ({ site, start, says }) => {
      expect(await start('-watch', '--', site.path('program')).finished).toMatchObject({ code: 9 })
      rmSync(site.path('before'))
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      await run.until('the debt is settled', () => run.tells('reloaded'))
      await run.stop()
    }))

  test('crashes on new files: the last good files are restored, and it is started on them', () =>
    withExec(
      {
        toml: '[exec]\nrestart = ["on-change", "on-exit"]\n',
        before: 'grep -q bad a && exit 9',
        fields: { on_reload_failure: 'rollback', reload_attempts: '1' },
      },
      async ({ site, start, set, lines }) => {
        site.resource('a', { on_reload_failure: 'rollback' })
        writeFileSync(
          join(site.root, 'conf.d/a.toml'),
          `on_reload_failure = "rollback"\nreload_attempts = 2\n[template]\nsrc = "a.njk"\ndest = "${site.path('a')}"\nkeys = ["/"]\n`,
        )
        const run = start('-watch', '--', site.path('program'))
        await run.until('it runs', () => run.tells('reloaded'))
        set('bad')
        await run.until('it is rolled back', () => run.tells('rolled-back'))
        await run.until('the good files are read', () => countOf(run, 'reloaded') === 2)
        expect(site.read('a')).toBe('one')
        await run.until('it is started on them', () => lines().at(-1) === 'start one')
        await run.stop()
      },
    ))

  test('crashes later: it is restarted on the newest files', () =>
    withExec({ toml: ON_EXIT }, async ({ site, start, says, set, pid }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      await run.until('it runs', () => run.tells('reloaded'))
      process.kill(pid(), 'SIGKILL')
      await run.until('its end is logged', () => run.tells('child-exited'))
      // A changed file must end the pause before the restart.
      set('two')
      await says(run, 'start one', 'start two')
      await run.until('the debt is settled', () => countOf(run, 'reloaded') === 2)
      expect(lineOf(run, 'child-exited')).toMatchObject({ signal: 'SIGKILL', expected: false })
      await run.stop()
    }))

  test('crashes repeatedly: after restart_limit, reconfd exits, too', () =>
    withExec(
      { toml: `${ON_EXIT}restart_limit = 1\n`, before: 'exit 9' },
      async ({ site, start }) => {
        const run = start('-watch', '--', site.path('program'))
        expect(await run.finished).toMatchObject({ code: 9 })
        expect(countOf(run, 'child-started')).toBe(2)
      },
    ))

  test('dies: the rest of its process group is ended, and reconfd exits', () =>
    withExec(
      {
        toml: '[exec]\nkill_timeout = "300ms"\n',
        before: '(trap "" TERM; sleep 60) & echo $! > other',
      },
      async ({ site, start, says, pid }) => {
        const run = start('-watch', '--', site.path('program'))
        await says(run, 'start one')
        process.kill(pid(), 'SIGKILL')
        expect(await run.finished).toMatchObject({ code: 137 })
        await ends(Number(site.read('other')))
      },
    ))

  test('ignores TERM: it is killed after kill_timeout', () =>
    withExec(
      { toml: '[exec]\nkill_timeout = "300ms"\n', before: "trap '' TERM" },
      async ({ site, start }) => {
        const script = `trap '' TERM; echo up > ${site.path('up')}; while :; do sleep 0.05; done`
        const run = start('-watch', '--', 'sh', '-c', script)
        await run.until('it runs', () => existsSync(site.path('up')))
        expect(await run.stop()).toMatchObject({ code: 137 })
      },
    ))

  test('ignores TERM: a second TERM kills it at once', () =>
    withExec({}, async ({ site, start }) => {
      const script = `trap '' TERM; echo $$ > ${site.path('up')}; while :; do sleep 0.05; done`
      const run = start('-watch', '--', 'sh', '-c', script)
      await run.until('it runs', () => site.lines('up') === 1)
      run.signal('SIGTERM')
      await run.until('it is stopping', () => run.tells('stopping'))
      expect(await run.stop()).toMatchObject({ code: 143 })
      await ends(Number(site.read('up')))
    }))

  test('puts itself into the background: a message reports it', () =>
    withExec({}, async ({ site, start }) => {
      // Python runs through a link with a unique path, so that no other process is mistaken for the daemon.
      const own = site.path('python')
      symlinkSync('/usr/bin/python3', own)
      const script = `import os, time, sys
if os.fork(): os._exit(0)
os.setsid()
for fd in (0, 1, 2): os.close(fd)
open(${JSON.stringify(site.path('daemon'))}, 'w').write(str(os.getpid()) + '\\n')
time.sleep(60)
`
      writeFileSync(site.path('daemon.py'), script)
      const run = start('-watch', '--', own, site.path('daemon.py'))
      const { code, stderr } = await run.finished
      expect(code).toBe(0)
      expect(stderr).toContain('python has moved to the background')
      await until('the daemon', () => site.lines('daemon') === 1)
      process.kill(Number(site.read('daemon')), 'SIGKILL')
    }))

  test('closes its streams: it is still supervised', () =>
    withExec({ before: 'exec <&- >&- 2>&-' }, async ({ site, start, says, set }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      await run.until('it has settled', () => run.tells('reloaded'))
      set('two')
      await says(run, 'start one', 'reload two')
      expect(await run.stop()).toMatchObject({ code: 3 })
    }))

  test('is stopped: its reload is owed until it continues', () =>
    withExec({}, async ({ site, start, says, set, pid }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      await run.until('it has settled', () => run.tells('reloaded'))
      process.kill(pid(), 'SIGSTOP')
      set('two')
      await run.until('the reload is owed', () => run.tells('reload-owed'))
      expect(run.stderr).toContain('is suspended (SIGSTOP')
      process.kill(pid(), 'SIGCONT')
      await says(run, 'start one', 'reload two')
      process.kill(pid(), 'SIGSTOP')
      expect(await run.stop()).toMatchObject({ code: 3 })
    }))

  test('does not handle reload_signal: it is not sent', () =>
    withExec({ toml: '[exec]\nreload_signal = "ALRM"\n' }, async ({ site, start, says, set }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      await run.until('it has settled', () => run.tells('reloaded'))
      set('two')
      await run.until('the reload is owed', () => run.tells('reload-owed'))
      expect(run.stderr).toContain('does not handle SIGALRM, so the signal was not sent')
      expect(await run.stop()).toMatchObject({ code: 3 })
    }))

  test('starts slowly: a signal waits until it handles it', () =>
    withExec({}, async ({ site, start, set }) => {
      const script = `echo up > ${site.path('up')}; while [ ! -f ${site.path('go')} ]; do sleep 0.05; done
trap 'cp ${site.path('a')} ${site.path('read')}' USR1; while :; do sleep 0.05; done`
      const run = start('-watch', '--', 'sh', '-c', script)
      await run.until('it is started', () => site.lines('up') === 1)
      await run.until('the start has settled', () => run.tells('reloaded'))
      set('two')
      await run.until('two is in place', () => site.read('a') === 'two')
      writeFileSync(site.path('go'), '')
      await run.until('it is read', () => site.read('read') === 'two')
      expect(countOf(run, 'child-started')).toBe(1)
      await run.stop()
    }))
})

describe.concurrent('the command', () => {
  test('does not exist', () =>
    withExec({ toml: ON_EXIT }, async ({ start }) => {
      const { code, stderr } = await start('-watch', '--', 'no-such-program').finished
      expect(code).toBe(127)
      expect(stderr).toContain(
        '\\"no-such-program\\" was not found: it is not in any folder of PATH',
      )
    }))

  test('is not executable', () =>
    withExec({}, async ({ site, start }) => {
      chmodSync(site.path('program'), 0o644)
      const { code, stderr } = await start('-watch', '--', site.path('program')).finished
      expect(code).toBe(126)
      expect(stderr).toContain('is not executable')
    }))
})

describe.concurrent('reconfd', () => {
  test('is killed: the program ends too', () =>
    withExec({}, async ({ site, start, says, pid }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      run.signal('SIGKILL')
      await ends(pid())
      await run.finished
      const next = start('-watch', '--', site.path('program'))
      await says(next, 'start one', 'term', 'start one')
      await next.stop()
    }))

  test('is killed without setpriv installed: the next start ends the orphan', () =>
    withExec({ toml: '[exec]\nkill_timeout = "5s"\n' }, async ({ site, says, pid, set }) => {
      set('one')
      // This PATH contains all required commands except setpriv.
      const bin = site.path('bin')
      mkdirSync(bin)
      for (const name of ['sh', 'cat', 'sleep', 'dirname'])
        symlinkSync(`/bin/${name}`, join(bin, name))
      const start = () =>
        site.start('-file', site.path('keys.yaml'), '-watch', '--', site.path('program'))
      site.env['PATH'] = bin
      const run = start()
      await says(run, 'start one')
      await run.until('it is written down', () => run.tells('child-started'))
      const orphan = processOf(pid())
      run.signal('SIGKILL')
      await until('the end of reconfd', () => !isRunning(processOf(run.pid)))
      expect(isRunning(orphan)).toBe(true)
      const next = start()
      try {
        await says(next, 'start one', 'term', 'start one')
        await ends(orphan.pid)
        const told = `stopped the program (pid ${orphan.pid}) that a killed reconfd had left running`
        await next.until('it is logged', () => next.stderr.includes(told))
      } finally {
        // Stops the program instead of killing it, because a kill would leave another orphan.
        await next.stop()
      }
    }))

  test.each([
    ['-watch', 0],
    ['-onetime', 143],
  ])('is terminated during the first render: nothing is started (%s)', (mode, code) =>
    withExec({}, async ({ site, start, lines }) => {
      const [begun, go] = [site.path('begun'), site.path('go')]
      site.resource('a', {
        check_cmd: `touch ${begun}; while [ ! -f ${go} ]; do sleep 0.05; done`,
      })
      const run = start(mode, '--', site.path('program'))
      await run.until('the check runs', () => existsSync(begun))
      run.signal('SIGTERM')
      await run.until('it is stopping', () => run.tells('stopping'))
      writeFileSync(go, '')
      expect(await run.finished).toMatchObject({ code })
      expect(run.tells('child-started')).toBe(false)
      expect(lines()).toEqual([])
    }),
  )

  test.each([
    ['-watch', 0],
    ['-onetime', 143],
  ])('is terminated in the pause before a restart (%s)', (mode, code) =>
    withExec({ toml: ON_EXIT, before: 'exit 9' }, async ({ site, start }) => {
      const run = start(mode, '--', site.path('program'))
      await run.until('the program has ended', () => run.tells('child-exited'))
      run.signal('SIGTERM')
      expect(await run.finished).toMatchObject({ code })
      expect(countOf(run, 'child-started')).toBe(1)
    }),
  )

  test('hangs: the program keeps running, and reads later what has changed meanwhile', () =>
    withExec({}, async ({ site, start, says, set, pid }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      await run.until('it has settled', () => run.tells('reloaded'))
      run.signal('SIGSTOP')
      set('two')
      process.kill(pid(), 'SIGUSR2')
      await until('the program is alive', () => (site.read('log') ?? '').includes('usr2'))
      run.signal('SIGCONT')
      await says(run, 'start one', 'usr2', 'reload two')
      expect(await run.stop()).toMatchObject({ code: 3 })
    }))

  test('hangs while its program dies: it exits once it continues', () =>
    withExec({}, async ({ site, start, says, pid }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      await run.until('it has settled', () => run.tells('reloaded'))
      run.signal('SIGSTOP')
      process.kill(pid(), 'SIGKILL')
      run.signal('SIGCONT')
      expect(await run.finished).toMatchObject({ code: 137 })
    }))

  test('cannot render: the program keeps running', () =>
    withExec({}, async ({ site, start, says, set }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      await run.until('it has settled', () => run.tells('reloaded'))
      site.template('a', '{{ getv( }}')
      await run.until('the render fails', () => run.tells('failed'))
      site.template('a', '{{ getv("/a") }}!')
      await says(run, 'start one', 'reload one!')
      await run.until('it has settled', () => countOf(run, 'reloaded') === 2)
      set('two')
      await says(run, 'start one', 'reload one!', 'reload two!')
      await run.stop()
    }))
})

describe('the store', () => {
  let etcd: EtcdServer
  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.stop())

  /** Returns the flags that select etcd instead of the file store. */
  const store = (): string[] => ['-backend', 'etcdv3', '-node', etcd.node, '-prefix', '/exec']

  test('is unreachable: the program keeps running, and a restart uses the last good files', () =>
    withExec(
      { toml: '[exec]\nreload_signal = "USR1"\nstart = "last-good"\n' },
      async ({ site, says }) => {
        await etcd.client.put('/exec/a', 'one')
        const start = () => site.start(...store(), '-watch', '--', site.path('program'))
        const run = start()
        await says(run, 'start one')
        await run.until('it has settled', () => run.tells('reloaded'))
        await etcd.stop()
        await run.until('the store is stale', () => run.tells('store-stale'))
        const { stdout } = await site.start('status').finished
        expect(stdout).toContain('program program: up')
        expect(await run.stop()).toMatchObject({ code: 3 })

        const next = start()
        await says(next, 'start one', 'term', 'start one')
        const told = 'starts with the last good files of a.toml'
        await next.until('it is logged', () => next.stderr.includes(told))
        await etcd.start()
        await etcd.client.put('/exec/a', 'two')
        await says(next, 'start one', 'term', 'start one', 'reload two')
        await next.until('it has settled', () => next.tells('reloaded'))
        await next.stop()

        // A file that was edited by hand is not the proved content.
        await etcd.stop()
        writeFileSync(site.path('a'), 'edited')
        const third = start()
        await third.until('it is refused', () => third.stderr.includes('has changed since'))
        expect(third.tells('child-started')).toBe(false)
        expect(await third.stop()).toMatchObject({ code: 0 })
        await etcd.start()
      },
    ))

  test('is unreachable at the start until start_timeout expires', async () => {
    await withSite(['-backend', 'etcdv3', '-node', '127.0.0.1:1'], async (site) => {
      site.config('[exec]\nstart_timeout = "300ms"\n')
      site.template('a', '{{ getv("/a") }}')
      site.resource('a')
      const { code, stderr } = await site.start('-watch', '--', 'sleep', '60').finished
      expect(code).toBe(69)
      expect(stderr).toContain('the store is unreachable')
    })
  })
})
