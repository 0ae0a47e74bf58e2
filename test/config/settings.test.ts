// Sources of settings and their precedence, and faults in the environment and in confd.toml.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatFault, type Fault } from '../../src/core/fault.ts'
import type { Settings } from '../../src/core/settings.ts'
import { loadSettings } from '../../src/config/settings.ts'
import { folderOf } from './folder.ts'

async function settingsOf(argv: string[], env: Record<string, string> = {}, toml = '') {
  const folder = await folderOf({ 'confd.toml': toml })
  const result = await loadSettings(argv, { CONFD_CONFIG_FILE: join(folder, 'confd.toml'), ...env })
  if (!result.ok) {
    const text = result.error.faults.map(formatFault).join('\n').replaceAll(`${folder}/`, '')
    return { exit: result.error.exit, text, settings: {} as Settings, notices: [] }
  }
  if (result.value.kind !== 'run') throw new Error(`not a run: ${result.value.kind}`)
  const notices = result.value.notices.flatMap((one) => (one.level === 'warn' ? one.message : []))
  return { exit: 0, text: '', ...result.value, notices }
}

test('-version and -help, before anything is read', async () => {
  const env = { CONFD_INTERVAL: 'bad', CONFD_CONFIG_FILE: '/nowhere/confd.toml' }
  expect(await loadSettings(['-version'], env)).toEqual({ ok: true, value: { kind: 'version' } })
  expect(await loadSettings(['-help'], env)).toMatchObject({ ok: true, value: { kind: 'help' } })
})

test.each([
  [
    ['accept', '-help'],
    /^Usage: reconfd accept RESOURCE .*Apply a held or rolled-back change of a resource\..*-state-dir </s,
  ],
  [['help', 'accept'], /^Usage: reconfd accept RESOURCE /],
  [['check', '-h'], /^Usage: reconfd check \[-json\] .*-json {2}.*-preflight {2}/s],
  [['test', '--help'], /-junit <file> {2}/],
  [['schema', '-help'], /^Usage: reconfd schema resource\|confd /],
])('the help of a command alone, whatever else it needs: %j', async (argv, expected) => {
  const told = await loadSettings(argv, {})
  if (!told.ok || told.value.kind !== 'help') throw new Error('no help')
  expect(told.value.text).toMatch(expected)
  for (const line of told.value.text.split('\n')) expect(line.length).toBeLessThanOrEqual(92)
})

test('the help of an unknown command', async () => {
  expect(await loadSettings(['help', 'acept'], {})).toMatchObject({
    ok: false,
    error: {
      exit: 64,
      faults: [{ message: 'unknown command "acept"' }],
    },
  })
})

test.each([
  ['consul', ':abc'],
  ['etcdv3', 'a:1,b:2'],
  ['redis', '::1'],
  ['redis', 'redis://:word@'],
  ['zookeeper', '::1'],
  ['zookeeper', 'a:99999'],
])('-backend %s -node %s is a usage error', async (backend, node) => {
  const read = await loadSettings(['-backend', backend, '-node', node], {})
  expect(read).toMatchObject({ ok: false, error: { exit: 64 } })
  if (!read.ok) expect(formatFault(read.error.faults[0] as Fault)).not.toContain('word')
})

test('a command reads only the settings that locate the daemon', async () => {
  const env = { CONFD_BACKEND: 'file', CONFD_STATE_DIR: '/state' }
  expect(await loadSettings(['why', 'a', '-confdir', '/c', '-json'], env)).toMatchObject({
    ok: true,
    value: {
      kind: 'ask',
      question: { command: 'why', resource: 'a' },
      json: true,
      settings: { confdir: '/c', stateDir: '/state' },
    },
  })
  expect(await loadSettings(['help'], env)).toMatchObject({ ok: true, value: { kind: 'help' } })
})

test('the defaults are confd’s', async () => {
  const { settings } = await settingsOf([])
  expect(settings).toMatchObject({
    backend: 'etcdv3',
    connection: { nodes: [], scheme: 'http' },
    files: [],
    filter: '*',
    confdir: '/etc/confd',
    prefix: '/',
    prefixFromFlag: false,
    mode: 'interval',
    interval: 600_000,
    timeout: 10_000,
    quietMax: 2000,
    minReloadInterval: 0,
    splay: 0,
    checkTimeout: 60_000,
    reloadTimeout: 60_000,
    logLevel: 'info',
    logFormat: 'text',
  })
  expect(settings.connection).not.toHaveProperty('password')
  expect(settings).not.toHaveProperty('quiet')
})

test('flags win, then the environment, then confd.toml', async () => {
  const toml = 'prefix = "/toml"\nlog-level = "error"\ninterval = 7\nnodes = ["a:1"]'
  const env = { CONFD_PREFIX: '/env', CONFD_LOG_LEVEL: 'warn', CONFD_NODES: 'b:1, c:2,' }
  const { settings } = await settingsOf(['-prefix', 'flag/'], env, toml)
  expect(settings).toMatchObject({
    prefix: '/flag',
    prefixFromFlag: true,
    logLevel: 'warn',
    interval: 7000,
    connection: { nodes: ['b:1', 'c:2'] },
  })
})

test('a variable that resembles one of ours is a warning, with its name only', async () => {
  const env = { CONFD_PREFX: '/secret', CONFD_VERSION: '0.16.0', CONFD_SERVICE_HOST: '10.0.0.1' }
  const { notices } = await settingsOf([], env)
  expect(notices).toEqual([
    'the environment variable CONFD_PREFX is not used: did you mean CONFD_PREFIX?',
  ])
})

test('confd.toml: every entry, with - and with _', async () => {
  const toml = `
    backend = "consul"
    client_cakeys = "/ca"
    client-cert = "/cert"
    client_key = "/key"
    confdir = "/conf"
    "log-format" = "json"
    sync-only = true
    keep_stage_file = true
    noop = true
    watch = true
    scheme = "https"
    username = "u"
    password = "p"
    debounce = "5s"
    check_timeout = 1.5
    state_dir = "/state"
    min_reload_interval = "30s"
    splay = 5
    srv_domain = ""
    basic_auth = false
  `
  const { settings, text } = await settingsOf([], {}, toml)
  expect(text).toBe('')
  expect(settings).toMatchObject({
    backend: 'consul',
    connection: {
      scheme: 'https',
      username: 'u',
      password: 'p',
      clientCert: '/cert',
      clientKey: '/key',
      clientCaKeys: '/ca',
    },
    confdir: '/conf',
    logFormat: 'json',
    mode: 'watch',
    syncOnly: true,
    keepStageFile: true,
    noop: true,
    quiet: 5000,
    quietMax: 5000,
    checkTimeout: 1500,
    stateDir: '/state',
    minReloadInterval: 30_000,
    splay: 5000,
  })
})

describe('computed settings', () => {
  test.each<[string[], Record<string, string>, Partial<Settings>]>([
    [['-file', '/k.yaml'], {}, { backend: 'file', files: ['/k.yaml'] }],
    [['-file', 'k.yaml'], {}, { files: [join(process.cwd(), 'k.yaml')] }],
    [[], { CONFD_FILE: '/a,/b' }, { backend: 'file', files: ['/a', '/b'] }],
    [
      [],
      { CONFD_CLIENT_CAKEYS: '/ca' },
      { connection: { nodes: [], scheme: 'http', clientCaKeys: '/ca' } },
    ],
    [
      [],
      { CONFD_CLIENT_CA_KEYS: '/ca' },
      { connection: { nodes: [], scheme: 'http', clientCaKeys: '/ca' } },
    ],
    [[], { CONFD_PREFIX: '', CONFD_NOOP: 'true' }, { prefix: '/', noop: true }],
    [['-noop=false'], { CONFD_NOOP: '1' }, { noop: false }],
    [
      ['-splay', '3s'],
      { CONFD_MIN_RELOAD_INTERVAL: '1m' },
      { splay: 3000, minReloadInterval: 60_000 },
    ],
    [['-watch'], {}, { mode: 'watch' }],
    [['-interval', '5'], {}, { mode: 'interval', interval: 5000 }],
  ])('%j %j', async (argv, env, expected) => {
    expect((await settingsOf(argv, env)).settings).toMatchObject(expected)
  })

  test('the state folder: of root, and of an ordinary user', async () => {
    const env = { XDG_STATE_HOME: '/xdg' }
    const expected = process.getuid?.() === 0 ? '/var/lib/reconfd' : '/xdg/reconfd'
    expect((await settingsOf([], env)).settings.stateDir).toBe(expected)
  })
})

test('notices', async () => {
  const { settings, notices } = await settingsOf([
    '-onetime',
    '-watch',
    '-backend',
    'env',
    '-file',
    'x',
  ])
  expect(settings.mode).toBe('onetime')
  expect(notices).toEqual([
    '-onetime and -watch are both set: -onetime wins, as in confd',
    '-file is not used: the backend is env',
  ])
})

test('settings of another backend have no effect and give a notice', async () => {
  const toml = 'backend = "redis"\nseparator = ":"\nclient_cert = "x"\nnodes = ["a:1"]\n'
  const { notices } = await settingsOf(['-backend', 'env', '-username', 'me'], {}, toml)
  expect(notices).toEqual([
    'nodes in confd.toml is not used: the backend is env',
    'client-cert in confd.toml is not used: the backend is env',
    '-username is not used: the backend is env',
    'separator in confd.toml is not used: the backend is env',
  ])
})

test('the settings of the Consul catalog, from everywhere', async () => {
  const argv = ['-backend', 'consul-catalog', '-consul-tag', 'a', '-consul-tag', 'b']
  const env = { CONFD_CONSUL_HEALTH: 'any', CONFD_CONSUL_META: 'x=1,y=2' }
  const toml = 'consul_datacenter = "dc2"\nconsul_max_stale = "10s"\nconsul_near = "_agent"\n'
  const { settings, notices } = await settingsOf(argv, env, toml)
  expect(settings.catalog).toEqual({
    ...{ health: 'any', tags: ['a', 'b'], meta: ['x=1', 'y=2'] },
    ...{ datacenter: 'dc2', near: '_agent', maxStale: 10_000 },
  })
  expect(notices).toEqual([])
  const named = '[stores.sd]\nbackend = "consul-catalog"\nconsul_tag = ["a"]\n'
  const { settings: several } = await settingsOf([], {}, named)
  expect(several.stores.get('sd')?.catalog).toMatchObject({ health: 'passing', tags: ['a'] })
})

describe('faults', () => {
  test.each<[string, string[], Record<string, string>, string, number, string[]]>([
    [
      'flag',
      ['-bogus'],
      {},
      '',
      64,
      ['unknown flag -bogus', '  run "reconfd -help" to list all flags'],
    ],
    [
      'environment',
      [],
      { CONFD_NOOP: 'perhaps' },
      '',
      78,
      [
        'environment variable CONFD_NOOP: "perhaps" is not true or false',
        '  see -noop: show pending changes without making them',
      ],
    ],
    [
      'two contradictions at once',
      ['-backend', 'file', '-debounce', '5s', '-debounce-max', '1s'],
      {},
      '',
      64,
      [
        'debounce-max is shorter than debounce',
        '  set debounce-max to at least the value of debounce',
        'the backend "file" needs a file to read',
        '  set -file to a YAML, JSON or TOML file, or to a folder of such files',
      ],
    ],
    [
      'backend file alone, typed',
      ['-backend', 'file'],
      {},
      '',
      64,
      [
        'the backend "file" needs a file to read',
        '  set -file to a YAML, JSON or TOML file, or to a folder of such files',
      ],
    ],
    [
      'backend file alone, configured',
      [],
      {},
      'backend = "file"',
      78,
      [
        'the backend "file" needs a file to read',
        '  set -file to a YAML, JSON or TOML file, or to a folder of such files',
      ],
    ],
    [
      'a setting that selects data, of another backend',
      ['-backend', 'consul', '-consul-tag', 'a'],
      {},
      '',
      64,
      [
        '-consul-tag has no effect with backend consul',
        '  it is for consul-catalog: remove it, or choose another backend',
      ],
    ],
    [
      'the same, configured',
      [],
      { CONFD_CONSUL_TAG: 'a' },
      'backend = "env"\nseparator = ":"\nfilter = "*.yaml"\nclient_cert = "x"',
      78,
      [
        'separator in confd.toml has no effect with backend env',
        '  it is for redis: remove it, or choose another backend',
        'CONFD_CONSUL_TAG has no effect with backend env',
        '  it is for consul-catalog: remove it, or choose another backend',
        'filter in confd.toml has no effect with backend env',
        '  it is for file: remove it, or choose another backend',
      ],
    ],
    [
      'debounce',
      ['-debounce', '3s', '-debounce-max', '2s'],
      {},
      '',
      64,
      [
        'debounce-max is shorter than debounce',
        '  set debounce-max to at least the value of debounce',
      ],
    ],
    [
      'unknown setting',
      [],
      {},
      'watch = true\nintervall = 5',
      78,
      [
        'confd.toml:2:1: unknown setting intervall',
        '  1 | watch = true',
        '  2 | intervall = 5',
        '    | ^',
        '  did you mean interval?',
      ],
    ],
    [
      'wrong types, all at once',
      [],
      {},
      'noop = "yes"\nnodes = "a"\ninterval = "x"\nbackend = "etcdv4"\nprefix = 1',
      78,
      [
        'confd.toml:1:8: noop must be true or false, not a string',
        '  1 | noop = "yes"',
        '    |        ^',
        'confd.toml:2:9: nodes must be an array of strings, as in nodes = ["..."]',
        '  1 | noop = "yes"',
        '  2 | nodes = "a"',
        '    |         ^',
        'confd.toml:3:12: interval: "x" is not a duration such as 10 (seconds), 250ms or 1m30s',
        '  2 | nodes = "a"',
        '  3 | interval = "x"',
        '    |            ^',
        'confd.toml:4:11: backend: "etcdv4" is not one of etcdv3, etcdv2, consul, consul-catalog, zookeeper, redis, file, env; did you mean etcdv3?',
        '  3 | interval = "x"',
        '  4 | backend = "etcdv4"',
        '    |           ^',
        'confd.toml:5:10: prefix must be a string, not an integer',
        '  4 | backend = "etcdv4"',
        '  5 | prefix = 1',
        '    |          ^',
      ],
    ],
    [
      'two cases',
      [],
      {},
      'Backend = "env"\nbackend = "env"',
      78,
      [
        'confd.toml:2:1: backend is set twice, under two spellings',
        '  1 | Backend = "env"',
        '  2 | backend = "env"',
        '    | ^',
      ],
    ],
    [
      'two spellings',
      [],
      {},
      'log-level = "info"\nlog_level = "warn"',
      78,
      [
        'confd.toml:2:1: log_level is set twice, under two spellings',
        '  1 | log-level = "info"',
        '  2 | log_level = "warn"',
        '    | ^',
      ],
    ],
    [
      'of confd, not of reconfd',
      [],
      {},
      'secret_keyring = "/x"',
      78,
      [
        'confd.toml:1:1: setting secret_keyring of confd is not supported by reconfd',
        '  1 | secret_keyring = ***',
        '    | ^',
        '  run without it, or keep confd for this',
      ],
    ],
    [
      'no secret in a frame, even under a misspelt name',
      [],
      {},
      'pasword = "hunter2"\npsswd = "hunter2"\nauth_tokn = "hunter2"',
      78,
      [
        'confd.toml:1:1: unknown setting pasword',
        '  1 | pasword = ***',
        '    | ^',
        '  did you mean password?',
        'confd.toml:2:1: unknown setting psswd',
        '  1 | pasword = ***',
        '  2 | psswd = ***',
        '    | ^',
        '  see docs/configuration.md for all settings',
        'confd.toml:3:1: unknown setting auth_tokn',
        '  2 | psswd = ***',
        '  3 | auth_tokn = ***',
        '    | ^',
        '  did you mean auth-token?',
      ],
    ],
    [
      'no secret in a frame',
      [],
      {},
      'password = "hunter2"\nnodes = ["http://me:hunter2@a"',
      78,
      [
        'confd.toml:2:31: TOML syntax: expected comma or end of structure',
        '  1 | password = ***',
        '  2 | nodes = ["http://me:***@a"',
        '    |                           ^',
        '  look for a missing comma or closing bracket',
      ],
    ],
  ])('%s', async (_, argv, env, toml, exit, text) => {
    const result = await settingsOf(argv, env, toml)
    expect(result.text.split('\n')).toEqual(text)
    expect(result.exit).toBe(exit)
  })

  test.each([
    [['-log-format=json', '-bogus'], {}],
    [['-bogus'], { CONFD_LOG_FORMAT: 'json' }],
    [['-conf-file', '/nowhere/c.toml'], { CONFD_LOG_FORMAT: 'json' }],
  ])(
    '%j, %j: the JSON log format takes effect even if another setting is wrong',
    async (argv, env) => {
      expect(await loadSettings(argv, env)).toMatchObject({
        ok: false,
        error: { logFormat: 'json' },
      })
    },
  )

  test('a settings file that is configured and missing', async () => {
    expect(await loadSettings(['-conf-file', '/nowhere/c.toml'], {})).toEqual({
      ok: false,
      error: {
        exit: 78,
        logFormat: 'text',
        faults: [
          {
            kind: 'config',
            file: '/nowhere/c.toml',
            message: 'the settings file is missing',
            hint: 'create it, or correct -conf-file or CONFD_CONFIG_FILE',
          },
        ],
      },
    })
  })
})
