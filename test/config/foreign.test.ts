// Settings of old confd versions and of confd's fork must be accepted with a notice or refused with the name of their
// replacement.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatFault } from '../../src/core/fault.ts'
import { loadSettings } from '../../src/config/settings.ts'
import { folderOf } from './folder.ts'

async function read(argv: string[], env: Record<string, string> = {}, toml = '') {
  const folder = await folderOf({ 'confd.toml': toml })
  const argument = ['-conf-file', join(folder, 'confd.toml'), ...argv]
  const result = await loadSettings(argument, env)
  if (!result.ok) {
    const text = result.error.faults.map(formatFault).join('\n').replaceAll(`${folder}/`, '')
    return { exit: result.error.exit, text }
  }
  if (result.value.kind !== 'run') throw new Error(result.value.kind)
  const { settings, notices } = result.value
  const text = notices.map(({ level, message }) => `${level}: ${message}`).join('\n')
  return { exit: 0, settings, text: text.replaceAll(`${folder}/`, '') }
}

describe('confd.toml of old confd is accepted', () => {
  test.each([
    [
      'quiet = true',
      { logLevel: 'warn' },
      'quiet of old confd is read as log-level warn; write that instead',
    ],
    [
      'debug = true',
      { logLevel: 'debug' },
      'debug of old confd is read as log-level debug; write that instead',
    ],
    [
      'verbose = false',
      { logLevel: 'info' },
      'verbose of old confd has no effect; log-level replaces it',
    ],
    [
      'debug = true\nlog-level = "error"',
      { logLevel: 'error' },
      'debug of old confd is read as log-level debug; write that instead',
    ],
    [
      'etcd_nodes = ["a:1", "b:2"]',
      { connection: { nodes: ['a:1', 'b:2'], scheme: 'http' } },
      'etcd_nodes of old confd is read as nodes; write that instead',
    ],
    [
      'consul = true\nconsul_addr = "c:8500"',
      { backend: 'consul' },
      'consul of old confd is read as backend consul; write that instead',
    ],
    [
      '[confd]\ninterval = 7\nprefix = "/old"',
      { interval: 7000, prefix: '/old' },
      'the settings in the table [confd], from old confd versions, are used: move them to the top level and remove [confd]',
    ],
    [
      'interval = 5\n[confd]\ninterval = 7',
      { interval: 5000 },
      'the settings in the table [confd], from old confd versions, are used: move them to the top level and remove [confd]',
    ],
  ])('%s', async (toml, settings, notice) => {
    const result = await read([], {}, toml)
    expect(result.text.split('\n')).toContain(`warn: ${notice}`)
    expect(result.settings).toMatchObject(settings)
  })

  test('a fault in [confd] is reported with its line', async () => {
    const { text, exit } = await read([], {}, '[confd]\nintervall = 7')
    expect(text).toContain('confd.toml:2:1: unknown setting intervall')
    expect(exit).toBe(78)
  })

  test('a resource in place of confd.toml', async () => {
    const toml = '[template]\nsrc = "t"\ndest = "/t"\nkeys = ["/"]\n'
    const { text, settings } = await read([], {}, toml)
    expect(text).toContain('confd.toml is a resource')
    expect(settings?.confdir).toBe('/etc/confd')
  })
})

describe("the fork's flags and variables", () => {
  test.each([
    [['--check-cmd-timeout', '9s'], { checkTimeout: 9000 }],
    [['--reload-cmd-timeout=9s'], { reloadTimeout: 9000 }],
    [['--failure-mode', 'fail-fast'], { failureMode: 'fail-fast' }],
    [[], { failureMode: 'best-effort' }],
    [['-onetime'], { failureMode: 'fail-fast' }],
  ])('%j', async (argv, settings) => {
    expect((await read(argv)).settings).toMatchObject(settings)
  })

  test('variables that are in effect are named', async () => {
    const env = { CONFD_CHECK_CMD_TIMEOUT: '9s', CONFD_FAILURE_MODE: 'fail-fast' }
    const { settings, text } = await read([], env)
    expect(settings).toMatchObject({ checkTimeout: 9000, failureMode: 'fail-fast' })
    expect(text).toBe(
      'info: settings read from the environment: CONFD_FAILURE_MODE, CONFD_CHECK_CMD_TIMEOUT',
    )
  })

  test.each([
    [
      ['--metrics-addr', ':9100'],
      "flag -metrics-addr of confd's fork is not supported by reconfd\n  use -http, as in -http 0.0.0.0:9100; it serves /metrics, /healthz and /readyz",
    ],
    [
      ['--batch-interval=1s'],
      "flag -batch-interval of confd's fork is not supported by reconfd\n  use -debounce and -debounce-max",
    ],
  ])('%j is refused', async (argv, text) => {
    expect(await read(argv)).toEqual({ exit: 64, text })
  })

  test.each([
    ['CONFD_METRICS_ADDR', ':0', 'use -http'],
    ['CONFD_BATCH_INTERVAL', '5s', 'use -debounce and -debounce-max'],
    ['CONFD_BACKEND_TIMEOUT', '3s', 'use -timeout for onetime runs'],
  ])('%s is refused', async (name, value, hint) => {
    const { exit, text } = await read([], { [name]: value })
    expect(text).toContain(`environment variable ${name} of confd's fork is not supported`)
    expect(text).toContain(hint)
    expect(exit).toBe(78)
  })

  test.each(['CONFD_PATH', 'CONFD_DEBUG'])('%s may belong to another program', async (name) => {
    expect(await read([], { [name]: '1' })).toMatchObject({ exit: 0, text: '' })
  })

  test.each([
    [['--color', '--diff-context', '5'], 2],
    [['--template-cache'], 1],
    [['-verbose', '-debug'], 2],
  ])('%j has a notice for each', async (argv, count) => {
    const { text, exit } = await read(argv)
    expect(exit).toBe(0)
    expect(text.split('\n')).toHaveLength(count)
  })

  test.each([
    [
      ['etcd', '--node', 'a:1', '--onetime'],
      'write: reconfd -conf-file FILE -backend etcd -node a:1 -onetime',
    ],
    [['--onetime', 'consul'], 'write: reconfd -conf-file FILE -onetime -backend consul'],
    [
      ['consul', '--password', 'secret'],
      'write: reconfd -conf-file FILE -backend consul -password',
    ],
  ])('the store as a command: %j', async (argv, hint) => {
    const { exit, text } = await read(argv)
    expect(text.replace(/-conf-file \S+/, '-conf-file FILE')).toContain(hint)
    expect(text).not.toContain('secret')
    expect(exit).toBe(64)
  })

  test('a store that reconfd does not support', async () => {
    const { exit, text } = await read(['vault', '--node', 'a'])
    expect(text).toMatch(
      /^the store vault of confd is not supported by reconfd\n {2}set the store with -backend/,
    )
    expect(exit).toBe(64)
  })
})
