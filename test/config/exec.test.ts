// Settings of exec mode: the command after `--`, [exec] in confd.toml, and the keys of resources.
import { describe, expect, test } from 'vitest'
import { formatFault } from '../../src/core/fault.ts'
import { EXEC, withExec, type ExecSettings } from '../../src/core/exec.ts'
import { loadResources } from '../../src/config/resources.ts'
import { loadSettings } from '../../src/config/settings.ts'
import { folderOf } from './folder.ts'
import { good } from './load.ts'

async function read(toml: string, ...argv: string[]) {
  const folder = await folderOf({ 'confd.toml': toml })
  return loadSettings(['-conf-file', `${folder}/confd.toml`, ...argv], {})
}

async function execOf(toml: string, ...argv: string[]): Promise<ExecSettings | undefined> {
  const command = await read(toml, ...argv)
  if (!command.ok) throw new Error(command.error.faults.map(formatFault).join('\n'))
  if (command.value.kind !== 'run') throw new Error(command.value.kind)
  return command.value.settings.exec
}

async function faultsOf(toml: string): Promise<string[]> {
  const command = await read(toml)
  if (command.ok) return []
  return command.error.faults.map(({ line, message, hint }) => `${line}: ${message}. ${hint}`)
}

describe('the command', () => {
  test('is everything after --', async () => {
    const exec = await execOf('', '-watch', '--', 'haproxy', '-W', '-db', '--', '-f', 'a b.cfg')
    expect(exec?.argv).toEqual(['haproxy', '-W', '-db', '--', '-f', 'a b.cfg'])
    expect(exec).toMatchObject({ killSignal: 'SIGTERM', killTimeout: 30_000, restartOnExit: false })
  })

  test('may be written in any case, like every key', async () => {
    const exec = await execOf('[Exec]\nCommand = ["nginx"]\n[Exec.Env]\nPristine = true\n')
    expect(exec).toMatchObject({ argv: ['nginx'], env: { pristine: true } })
  })

  test('takes precedence over that of [exec]; the rest of [exec] applies to both', async () => {
    const toml = '[exec]\ncommand = ["nginx", "-g", "daemon off;"]\nreload_signal = "sighup"\n'
    expect((await execOf(toml))?.argv).toEqual(['nginx', '-g', 'daemon off;'])
    const other = await execOf(toml, '--', 'x')
    expect(other).toMatchObject({ argv: ['x'], reloadSignal: 'SIGHUP' })
  })

  test('is run by a shell if it is a string', async () => {
    const exec = await execOf('[exec]\ncommand = "exec nginx -g \'daemon off;\'"\n')
    expect(exec?.argv).toEqual(['/bin/sh', '-c', "exec nginx -g 'daemon off;'"])
  })

  test('is that of [exec] if nothing follows --, and is missing if there is neither', async () => {
    expect((await execOf('[exec]\ncommand = "x"\n', '-watch', '--'))?.argv?.at(-1)).toBe('x')
    expect(await read('[exec]\nsplay = 1\n', '-watch', '--')).toMatchObject({
      error: { exit: 64, faults: [{ message: 'no program after --' }] },
    })
  })

  test('may be absent: then [exec] is not used, which is reported', async () => {
    const command = await read('[exec]\nreload_signal = "HUP"\n')
    expect(command).toMatchObject({
      value: {
        notices: [{ level: 'info', message: expect.stringContaining('no command') as string }],
      },
    })
    expect(await execOf('')).toBeUndefined()
  })
})

test('every key of [exec]', async () => {
  const toml = `[exec]
    user = "haproxy"
    group = "proxies"
    kill_signal = "USR1"
    kill_timeout = "1m"
    splay = 5
    restart = ["on-change", "on-exit"]
    restart_limit = 3
    start = "last-good"
    start_timeout = "90s"
    forward_signals = ["HUP", "WINCH"]
    [exec.env]
    pristine = true
    custom = ["A=1=2", "B="]
    allowlist = ["CONSUL_*"]
    denylist = ["VAULT_*"]`
  expect(await execOf(toml, '--', 'x')).toEqual({
    argv: ['x'],
    env: {
      pristine: true,
      custom: ['A=1=2', 'B='],
      allowlist: ['CONSUL_*'],
      denylist: ['VAULT_*'],
    },
    user: 'haproxy',
    group: 'proxies',
    killSignal: 'SIGUSR1',
    killTimeout: 60_000,
    splay: 5000,
    restartOnChange: true,
    restartOnExit: true,
    restartLimit: 3,
    start: 'last-good',
    startTimeout: 90_000,
    forwardSignals: ['SIGHUP', 'SIGWINCH'],
  })
})

test.each([
  ['exec = "nginx"', '1: exec must be a table, not a string. write [exec] on a line of its own'],
  ['[exec]\ncomand = "x"', '2: unknown key comand. did you mean command?'],
  ['[exec]\ncommand = 7', '2: command must be a string or an array of strings, not an integer'],
  [
    '[exec]\ncommand = ["a", 7]',
    '2: command must be a string or an array of strings, not an array',
  ],
  ['[exec]\ncommand = []', '2: command has no program. set it to a program, as in'],
  ['[exec]\ncommand = " "', '2: command has no program. set it to a program, as in'],
  ['[exec]\nreload_signal = "KILL"', '2: reload_signal: "KILL" cannot be handled by a program'],
  ['[exec]\nreload_signal = "HUB"', '2: reload_signal: "HUB" is not a signal. did you mean "HUP"?'],
  ['[exec]\nkill_timeout = "soon"', '2: kill_timeout: "soon" is not a duration'],
  ['[exec]\nrestart = "on-exits"', '2: restart: "on-exits" is unknown. did you mean "on-exit"?'],
  [
    '[exec]\nrestart = ["never", "on-exit"]',
    '2: restart: "never" cannot be combined with other values',
  ],
  [
    '[exec]\nreload_signal = "HUP"\nrestart = "on-change"',
    '3: reload_signal and restart = "on-change" are both set',
  ],
  ['[exec]\nforward_signals = ["USR1", "TERM"]', '2: forward_signals: "TERM" cannot be forwarded'],
  ['[exec]\nstart = "never"', '2: start: "never" is not "applied" or "last-good"'],
  ['[exec.env]\ncustom = ["A=1", "secret"]', '2: a custom variable must be "NAME=value"'],
])('faults: %s', async (toml, expected) => {
  const [fault, ...more] = await faultsOf(toml)
  expect(more).toEqual([])
  expect(fault).toContain(expected)
})

describe('resources', () => {
  async function resourcesOf(resource: string, toml: string) {
    const confdir = await folderOf({
      'templates/a.njk': 'a',
      'conf.d/a.toml': `${good}${resource}`,
      'confd.toml': toml,
    })
    const where = ['-confdir', confdir, '-conf-file', `${confdir}/confd.toml`]
    const argv = [...where, '-failure-mode', 'fail-fast', '--', 'program']
    const command = await loadSettings(argv, {})
    if (!command.ok || command.value.kind !== 'run') throw new Error('bad settings')
    const loaded = await loadResources(command.value.settings)
    if (!loaded.ok) return loaded.error.map(({ message }) => message)
    const exec = command.value.settings.exec as ExecSettings
    return loaded.value.resources.map((one) => withExec(one, exec))
  }

  test.each([
    ['', '', undefined],
    ['', '[exec]\nreload_signal = "HUP"', EXEC],
    ['', '[exec]\nrestart = "on-change"', EXEC],
    ['reload_cmd = "x"', '[exec]\nreload_signal = "HUP"', 'x'],
    ['reload = "exec"', '[exec]\nreload_signal = "HUP"', EXEC],
  ])('%j with %j are reloaded by %s', async (resource, toml, reloadCmd) => {
    const [first] = await resourcesOf(resource, toml)
    if (typeof first !== 'object') throw new Error(first)
    expect(first.templates[0]?.reloadCmd).toBe(reloadCmd)
  })

  test('verify_cmd and rollback are for the reload of the program, too', async () => {
    const text = 'verify_cmd = "x"\non_reload_failure = "rollback"'
    expect(await resourcesOf(text, '[exec]\nreload_signal = "HUP"')).toHaveLength(1)
    expect(await resourcesOf(text, '')).toEqual([
      'on_reload_failure has no effect: there is no reload_cmd',
      'verify_cmd has no effect: there is no reload_cmd',
    ])
  })

  test('contradictions are faults', async () => {
    expect(await resourcesOf('reload = "exec"', '')).toEqual([
      'reload = "exec" is set, but [exec] has no way to reload the program',
    ])
    expect(
      await resourcesOf('reload = "exec"\nreload_cmd = "x"', '[exec]\nreload_signal = "HUP"'),
    ).toEqual(['reload = "exec" and a reload_cmd are both set'])
  })
})
