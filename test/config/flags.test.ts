// Command lines as confd users type them, and the messages about invalid ones.
import { describe, expect, test } from 'vitest'
import { formatFault } from '../../src/core/fault.ts'
import { parseFlags } from '../../src/config/flags.ts'
import { helpText } from '../../src/config/help.ts'
import { envNames, optionNames, optionOf, parseValue } from '../../src/config/options.ts'

describe('good command lines', () => {
  test.each<[string[], object]>([
    [[], {}],
    [['-onetime'], { onetime: true }],
    [['--onetime'], { onetime: true }],
    [['-onetime=false'], { onetime: false }],
    [['-onetime=F'], { onetime: false }],
    [['-interval', '10'], { interval: 10_000 }],
    [['--interval=1m30s'], { interval: 90_000 }],
    [['-node', 'a:1', '-node=b:2'], { node: ['a:1', 'b:2'] }],
    [['-file', 'a.yaml', '--file', 'b,c.yaml'], { file: ['a.yaml', 'b,c.yaml'] }],
    [['-prefix', '/a', '-prefix', '/b'], { prefix: '/b' }],
    [['-prefix='], { prefix: '' }],
    [['-password', '-x=y'], { password: '-x=y' }],
    [['-password=a=b\nc'], { password: 'a=b\nc' }],
    [['-prefix=-onetime'], { prefix: '-onetime' }],
    [['-backend', 'etcd'], { backend: 'etcdv3' }],
    [['-log-level', 'warning'], { 'log-level': 'warn' }],
    [['-log-level', 'INFO'], { 'log-level': 'info' }],
    [['-config-file', 'x.toml'], { 'conf-file': 'x.toml' }],
    [['-h'], { help: true }],
  ])('%j', (argv, expected) => {
    expect(parseFlags(argv)).toEqual({ values: expected, faults: [], notices: [] })
  })
})

describe('commands', () => {
  test.each<[string[], object]>([
    [['status'], { command: 'status' }],
    [
      ['status', '-json', '-confdir', '/c'],
      { command: 'status', own: new Map([['json', []]]), values: { confdir: '/c' } },
    ],
    [['-json', 'status'], { command: 'status', own: new Map([['json', []]]) }],
    [['check', '-preflight'], { command: 'check', values: { preflight: true } }],
    [['-validate'], { command: 'check', values: { validate: true } }],
    [['test'], { command: 'test' }],
    [
      ['test', 'a', '-update', '--junit', 'x.xml'],
      {
        command: 'test',
        operand: 'a',
        own: new Map([
          ['update', []],
          ['junit', ['x.xml']],
        ]),
      },
    ],
    [['completion', 'zsh'], { command: 'completion', operand: 'zsh' }],
    [['-confdir', 'status', 'status'], { command: 'status', values: { confdir: 'status' } }],
    [['why', 'a.toml'], { command: 'why', operand: 'a.toml' }],
    [['why', '-confdir', '/c', 'a.toml'], { command: 'why', operand: 'a.toml' }],
    [['why', '--', '-a.toml'], { command: 'why', operand: '-a.toml' }],
    [['reload', 'status'], { command: 'reload', operand: 'status' }],
    [['help'], { command: 'help' }],
    [
      ['register', 'etcd://a', '-tags', 'x', '-tags', 'y', '-docker', '-internal=true'],
      {
        command: 'register',
        operand: 'etcd://a',
        own: new Map([
          ['tags', ['x', 'y']],
          ['docker', []],
          ['internal', []],
        ]),
      },
    ],
    [
      ['register', '-docker', 'tcp://h:1', '-explicit=false', '--', 'run', '-x', '--', 'y'],
      {
        command: 'register',
        own: new Map([['docker', ['tcp://h:1']]]),
        argv: ['run', '-x', '--', 'y'],
      },
    ],
  ])('%j', (argv, expected) => {
    expect(parseFlags(argv)).toMatchObject({ faults: [], ...expected })
  })

  const list = 'run "reconfd -help" to list all flags'
  const commandList =
    'he commands are status, why, resync, reload, accept, check, test, snapshot, register, schema, completion, man, version, help'
  test.each<[string[], string, string]>([
    [['stauts'], 'unknown command "stauts"', `did you mean status? T${commandList}`],
    [['stat'], 'unknown command "stat"', `did you mean status? T${commandList}`],
    [
      ['frobnicate'],
      'unknown command "frobnicate"',
      commandList.replace('he commands are', 'use one of'),
    ],
    [['why'], 'why needs a RESOURCE', 'write reconfd why RESOURCE'],
    [['status', 'a'], 'status: unexpected argument "a"', 'did you mean reconfd why a?'],
    [['accept', 'a', 'b'], 'accept: unexpected argument "b"', list],
    [['resync', '-json'], 'unknown flag -json', 'use it with reconfd status, why, check, register'],
    [['-json'], 'unknown flag -json', 'use it with reconfd status, why, check, register'],
    [['test', '-junit'], 'flag -junit needs a value', 'write -junit <file>'],
    [['check', '-json=x'], 'flag -json takes no value', list],
    [
      ['completion', 'tcsh'],
      'completion: "tcsh" is not one of bash, zsh, fish',
      'write reconfd completion bash|zsh|fish',
    ],
    [['schema'], 'schema needs a KIND', 'write reconfd schema resource|confd'],
    [['check', 'a'], 'check: unexpected argument "a"', 'to select one resource, write -only a'],
  ])('%j', (argv, message, hint) => {
    expect(parseFlags(argv).faults).toEqual([{ kind: 'config', message, hint }])
  })
})

describe('bad command lines', () => {
  const list = 'run "reconfd -help" to list all flags'
  test.each<[string[], string[]]>([
    [['-onetim'], ['unknown flag -onetim', 'did you mean -onetime?']],
    [
      ['status', '-folow'],
      ['unknown flag -folow', 'did you mean -follow?'],
    ],
    [['--sync_only'], ['unknown flag -sync_only', 'did you mean -sync-only?']],
    [
      ['-zzzzzz', 'value'],
      ['unknown flag -zzzzzz', list],
    ],
    [['-interval'], ['flag -interval needs a value', 'write -interval <seconds>']],
    [
      ['-prefix', '-onetime'],
      ['flag -prefix needs a value', 'write -prefix <path>'],
    ],
    [
      ['-interval', 'soon'],
      ['-interval: "soon" is not a duration such as 10 (seconds), 250ms or 1m30s', list],
    ],
    [
      ['-interval', '0'],
      ['-interval: "0" is not a duration above zero', list],
    ],
    [['-noop=maybe'], ['-noop: "maybe" is not true or false', list]],
    [
      ['-onetime', 'false'],
      ['unexpected argument "false"', 'write -onetime=false'],
    ],
    [
      ['-onetime', 'x'],
      ['unexpected argument "x"', list],
    ],
    [['-'], ['unexpected argument "-"', list]],
    [
      ['-backend', 'consull'],
      [
        '-backend: "consull" is not one of etcdv3, etcdv2, consul, consul-catalog, zookeeper, redis, file, env; did you mean consul?',
        list,
      ],
    ],
    [
      ['-backend', 'vault'],
      [
        '-backend: "vault" is not a supported store; the stores are etcdv3, etcdv2, consul, consul-catalog, zookeeper, redis, file, env',
        list,
      ],
    ],
    [
      ['-secret-keyring', 'x'],
      [
        'flag -secret-keyring of confd is not supported by reconfd',
        'run without it, or keep confd for this',
      ],
    ],
  ])('%j', (argv, [message, hint]) => {
    expect(parseFlags(argv).faults).toEqual([{ kind: 'config', message, hint }])
  })

  test('all faults are reported, and no secret is', () => {
    const { faults } = parseFlags([
      '-pasword',
      'hunter2',
      '-password',
      'my',
      'hunter2',
      '-bogus=hunter2',
      '-interval',
    ])
    expect(faults.map(formatFault).join('\n')).toBe(
      [
        'unknown flag -pasword',
        '  did you mean -password?',
        'unexpected argument after -password',
        '  quote values with spaces',
        'unknown flag -bogus',
        '  run "reconfd -help" to list all flags',
        'flag -interval needs a value',
        '  write -interval <seconds>',
      ].join('\n'),
    )
  })
})

test('the table: every default is a valid value, and no variable sets two options', () => {
  const variables = optionNames.flatMap((name) => [...new Set(envNames(name))])
  expect(new Set(variables).size).toBe(variables.length)
  for (const name of optionNames) {
    const option = optionOf(name)
    if (option.default !== undefined) expect(parseValue(option, option.default).ok).toBe(true)
  }
})

test('-help names every flag, its default and the exit codes, in lines that fit', () => {
  const help = helpText()
  for (const name of optionNames) expect(help).toMatch(new RegExp(`^  -${name}( |$)`, 'm'))
  for (const code of [0, 1, 2, 64, 69, 70, 78])
    expect(help).toMatch(new RegExp(`^  ${code} +\\w`, 'm'))
  expect(help).toContain('why RESOURCE [-json]')
  expect(help.replace(/\s+/g, ' ')).toContain('(default /etc/confd)')
  expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
})
