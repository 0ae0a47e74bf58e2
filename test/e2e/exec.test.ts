// Exec mode: the program starts when its files are in place and reloads them when they change. When the program exits,
// so does reconfd.
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { HttpClient } from '../support/http.ts'
import { freePorts } from '../support/process.ts'
import { countOf, lineOf, withExec } from './exec-support.ts'

describe.concurrent('the start', () => {
  test('waits until every resource has been applied', () =>
    withExec({}, async ({ site, start, says, set, lines }) => {
      site.template('b', '{{ getv("/b") }}')
      site.resource('b')
      const run = start('-watch', '--', site.path('program'))
      await run.until('a is applied and b fails', () => run.tells('written') && run.tells('failed'))
      expect(lineOf(run, 'child-awaits')).toMatchObject({ resources: ['a.toml', 'b.toml'] })
      expect(lines()).toEqual([])
      set('one\nb: two')
      await says(run, 'start one')
      expect(site.read('b')).toBe('two')
      expect(await run.stop()).toMatchObject({ code: 3 })
    }))

  test('does not wait for one with wait_for_start = false', () =>
    withExec({}, async ({ site, start, says }) => {
      site.template('b', '{{ getv("/b") }}')
      site.resource('b', { wait_for_start: false })
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      await run.stop()
    }))

  test('waits until a bad file of conf.d has been corrected', () =>
    withExec({}, async ({ site, start, says, lines }) => {
      site.template('b', 'b')
      site.resource('b', { sorce: 'x' })
      const run = start('-watch', '--', site.path('program'))
      await run.until('a is applied', () => run.tells('written'))
      expect(lineOf(run, 'child-awaits')).toMatchObject({ resources: ['a.toml', 'b.toml'] })
      expect(lines()).toEqual([])
      site.resource('b')
      await says(run, 'start one')
      await run.stop()
    }))

  test('fails after start_timeout', () =>
    withExec({ toml: '[exec]\nstart_timeout = "200ms"\n' }, async ({ site, start, lines }) => {
      site.template('b', '{{ getv("/b") }}')
      site.resource('b')
      const run = start('-watch', '--', site.path('program'))
      const { code, stderr } = await run.finished
      expect(code).toBe(1)
      expect(stderr).toMatch(
        /did not start within start_timeout: .*b\.toml ha(s|ve) not been applied/,
      )
      expect(lines()).toEqual([])
    }))

  test('passes streams, arguments and environment to the program', () =>
    withExec(
      { toml: '[exec.env]\ncustom = ["OWN=x y"]\ndenylist = ["HOME"]\n' },
      async ({ site, start }) => {
        const script = 'cat; echo "$OWN,$HOME,$1"; echo error >&2; exit 7'
        const run = start('-watch', '--', 'sh', '-c', script, 'sh', '-onetime')
        const { code, stdout, stderr } = await run.finished
        expect([code, stdout]).toEqual([7, 'x y,,-onetime\n'])
        expect(stderr.split('\n')).toContain('error')
        expect(site.read('a')).toBe('one')
      },
    ))

  test('with -noop nothing is started', () =>
    withExec({}, async ({ site, start, lines }) => {
      const run = start('-onetime', '-noop', '--', site.path('program'))
      expect(await run.finished).toMatchObject({ code: 0 })
      expect(run.stderr).toContain('-noop: the command is not started')
      expect(lines()).toEqual([])
    }))
})

describe.concurrent('a change', () => {
  test('reloads by a signal and settles the debt', () =>
    withExec({}, async ({ site, start, says, set, pid }) => {
      const run = start('-watch', '--', site.path('program'))
      await run.until('the start has settled', () => countOf(run, 'reloaded') === 1)
      set('two')
      await says(run, 'start one', 'reload two')
      await run.until('the reload has settled', () => countOf(run, 'reloaded') === 2)
      expect(lineOf(run, 'reloaded')).toMatchObject({ command: '[exec]', resources: ['a.toml'] })
      const { stdout } = await site.start('why', 'a.toml').finished
      expect(stdout).toContain('a.toml: in sync')
      expect(pid()).toBe(lineOf(run, 'child-started')['pid'])
      expect(await run.stop()).toMatchObject({ code: 3 })
    }))

  test('counts as applied only after verify_cmd', () =>
    withExec({}, async ({ site, start, lines }) => {
      site.resource('a', { verify_cmd: `test -f ${site.path('well')}` })
      const run = start('-watch', '--', site.path('program'))
      await run.until('it is owed', () => run.tells('reload-owed'))
      expect(run.tells('reloaded')).toBe(false)
      writeFileSync(site.path('well'), '')
      await run.until('it is settled', () => run.tells('reloaded'))
      await run.until('it was signalled', () => lines().includes('reload one'))
      await run.stop()
    }))

  test('restarts a program that cannot reload', () =>
    withExec({ toml: '[exec]\nrestart = "on-change"\n' }, async ({ site, start, says, set }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      await run.until('the start has settled', () => run.tells('reloaded'))
      set('two')
      await says(run, 'start one', 'term', 'start two')
      await run.until('it has settled', () => countOf(run, 'reloaded') === 2)
      expect(lineOf(run, 'child-started')).toMatchObject({ restarts: 1 })
      await run.stop()
    }))

  test('of a resource with a reload_cmd runs that command', () =>
    withExec({}, async ({ site, start, says, set }) => {
      site.resource('a', { reload_cmd: `echo ran >> ${site.path('ran')}` })
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      set('two')
      await run.until('both reloads ran', () => site.lines('ran') === 2)
      await says(run, 'start one')
      await run.stop()
    }))

  test('reload = "exec" without a program is a configuration error', () =>
    withExec({ fields: { reload: 'exec' } }, async ({ start }) => {
      const { code, stderr } = await start('-watch').finished
      expect(code).toBe(78)
      expect(stderr).toContain('a.toml: reload = \\"exec\\"')
    }))
})

describe.concurrent('signals', () => {
  test.each([
    ['SIGTERM', 'term', 3],
    ['SIGINT', 'int', 4],
    ['SIGQUIT', 'quit', 5],
  ] as const)('%s ends the program, and reconfd with its exit code', (signal, line, code) =>
    withExec({}, async ({ site, start, says, lines }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      run.signal(signal)
      expect(await run.finished).toMatchObject({ code })
      expect(lines()).toEqual(['start one', line])
    }),
  )

  test('kill_signal replaces SIGTERM', () =>
    withExec({ toml: '[exec]\nkill_signal = "QUIT"\n' }, async ({ site, start, says }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      expect(await run.stop()).toMatchObject({ code: 5 })
    }))

  test('USR2 is forwarded, HUP reloads the configuration of reconfd', () =>
    withExec({}, async ({ site, start, says }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      run.signal('SIGUSR2')
      await says(run, 'start one', 'usr2')
      run.signal('SIGHUP')
      await run.until('the configuration is read', () => run.tells('generation-loaded'))
      await says(run, 'start one', 'usr2')
      await run.stop()
    }))

  test('a running program keeps its name when HUP brings another command', () =>
    withExec({}, async ({ site, start, says }) => {
      const command = (name: string): void =>
        site.config(`[exec]\ncommand = ["${site.path(name)}"]\nreload_signal = "USR1"\n`)
      command('program')
      const run = start('-watch')
      await says(run, 'start one')
      command('another')
      run.signal('SIGHUP')
      await run.until('the configuration is read', () => run.tells('generation-loaded'))
      await run.stop()
      expect(lineOf(run, 'child-exited')).toMatchObject({ program: 'program' })
    }))

  test('forward_signals sets the forwarded signals', () =>
    withExec({ toml: '[exec]\nforward_signals = ["HUP"]\n' }, async ({ site, start, says }) => {
      const run = start('-watch', '--', site.path('program'))
      await says(run, 'start one')
      run.signal('SIGUSR2')
      run.signal('SIGHUP')
      await says(run, 'start one', 'hup')
      expect(run.tells('generation-loaded')).toBe(false)
      await run.stop()
    }))
})

describe.concurrent('-onetime', () => {
  test('renders once, and supervises without watching', () =>
    withExec({}, async ({ site, start, says, set }) => {
      const run = start('-onetime', '--', site.path('program'))
      await says(run, 'start one')
      await run.until('the start has settled', () => run.tells('reloaded'))
      set('two')
      run.signal('SIGHUP')
      await says(run, 'start one', 'hup')
      expect(site.read('a')).toBe('one')
      expect(await run.stop()).toMatchObject({ code: 3 })
    }))

  test('starts nothing when a resource has failed', () =>
    withExec({}, async ({ site, start, lines }) => {
      site.template('b', '{{ getv("/b") }}')
      site.resource('b')
      const run = start('-onetime', '--', site.path('program'))
      expect(await run.finished).toMatchObject({ code: 1 })
      expect(lines()).toEqual([])
    }))
})

test('status, the page, the metrics and /readyz show the program', () =>
  withExec({}, async ({ site, start, says }) => {
    const [port = 0] = await freePorts(1)
    site.template('b', '{{ getv("/b") }}')
    site.resource('b')
    const run = start('-watch', '-http', `127.0.0.1:${port}`, '--', site.path('program'))
    const http = new HttpClient(`http://127.0.0.1:${port}`)
    try {
      await run.until('it waits', () => run.tells('failed'))
      const early = await http.send('GET', '/readyz')
      expect(early.status).toBe(503)
      expect(early.text).toContain('"program": "program"')
      expect((await http.send('GET', '/metrics')).text).toContain('reconfd_child_up 0')
      rmSync(join(site.root, 'conf.d/b.toml'))
      await says(run, 'start one')
      await run.until('all is in sync', () => run.tells('reloaded'))
      expect((await http.send('GET', '/readyz')).status).toBe(200)
      const metrics = (await http.send('GET', '/metrics')).text
      expect(metrics).toContain('reconfd_child_up 1')
      expect(metrics).toContain('reconfd_child_restarts_total 0')
      const { pid } = lineOf(run, 'child-started')
      expect((await http.send('GET', '/')).text).toContain(`process ${String(pid)}`)
      const asked = await site.start('status').finished
      expect(asked.stdout).toContain('program program: up since')
      const json = await site.start('status', '-json').finished
      expect(JSON.parse(json.stdout)).toMatchObject({ child: { state: 'up', pid } })
    } finally {
      http.close()
      await run.stop()
    }
  }))
