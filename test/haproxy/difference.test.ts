// Which changes are made at run time and which need a reload. These tests run no HAProxy. decisions.test.ts checks the
// decisions with real HAProxy processes and random pairs of files.
import { describe, expect, test } from 'vitest'
import { decide } from '../../src/haproxy/difference.ts'
import { readConfiguration } from '../../src/haproxy/sections.ts'
import {
  serverLine,
  type ReleaseVersion,
  type RunningServer,
  type ServerLine,
} from '../../src/haproxy/server.ts'

const file = (servers: string, terms = '', before = ''): string =>
  `global\n${before}defaults\n mode http\nbackend web\n${terms}${servers
    .split(';')
    .map((line) => ` server ${line.trim()}\n`)
    .join('')}`

interface Options {
  readonly version?: ReleaseVersion
  /** How running servers differ from the first file; undefined removes a server. */
  readonly actual?: Readonly<Record<string, Partial<RunningServer> | undefined>>
  readonly leaving?: Readonly<Record<string, ServerLine>>
}

/** Returns the run-time changes as text, or the reason for a reload. */
function decided(before: string, after: string, options: Options = {}): unknown {
  const { version = [3, 2], actual = {}, leaving = {} } = options
  const base = readConfiguration(before)
  const backends = new Map(
    [...base.sections].map(([backend, { servers }]) => {
      const lines = [...servers.values()]
      const running = new Map(lines.map((line) => [line.name, runningOf(line)]))
      for (const line of Object.values(leaving)) running.set(line.name, runningOf(line))
      for (const [name, change] of Object.entries(actual)) {
        const known = running.get(name) ?? runningOf(plainLine(name))
        if (change === undefined) running.delete(name)
        else running.set(name, { ...known, ...change })
      }
      return [backend, running] as const
    }),
  )
  const departures = new Map(
    Object.values(leaving).map((line) => [
      `web/${line.name}`,
      { backend: 'web', name: line.name, line },
    ]),
  )
  const decision = decide(base, readConfiguration(after), {
    version,
    backends,
    leaving: departures,
  })
  if (decision.kind === 'reload') return decision.reason.code
  const { changes, byHand } = decision.difference
  return [
    ...changes.map(({ kind, name }) => `${kind} ${name}`),
    ...byHand.map((id) => `hand ${id}`),
  ]
}

const plainLine = (name: string, options: readonly string[] = []): ServerLine =>
  serverLine(name, '127.0.0.9:80', options)
function runningOf({ name, server, asWritten }: ServerLine): RunningServer {
  const { weight, isDisabled } = server
  const placeless = { name, address: '-', port: 0, weight, isDrained: false }
  return asWritten ?? { ...placeless, isMaintained: isDisabled }
}

const [A, B, C] = ['a 127.0.0.1:80', 'b 127.0.0.2:80', 'c 127.0.0.3:80']
/** A file without the sections that a complete file has. */
const WEB = `backend web\n server ${A}`

describe('servers of a dynamic balance', () => {
  test.each([
    ['nothing', `${A};${B}`, `${A};${B}`, []],
    ['a new one', A, `${A};${B}`, ['add b']],
    ['one is gone', `${A};${B}`, A, ['remove b']],
    ['replaced: the new one comes first', `${A};${B}`, `${A};${C}`, ['add c', 'remove b']],
    ['another address', A, 'a 127.0.0.8:80', ['place a']],
    ['another port', A, 'a 127.0.0.1:81', ['place a']],
    ['another weight', A, `${A} weight 9`, ['weight a']],
    ['disabled', A, `${A} disabled`, ['state a']],
    ['enabled', `${A} disabled`, A, ['state a']],
    ['another order', `${A};${B}`, `${B};${A}`, []],
    ['words in quotes', `${A} check`, `${A} "check"`, []],
    ['an IPv6 address in another spelling', 'a [::1]:80', 'a [0:0::1]:80', []],
    ['a name like an option', A, `${A};help 127.0.0.2:80`, ['add help']],
    [
      'an unknown option that stays',
      `${A} source 1.2.3.4;${B}`,
      `${A} source 1.2.3.4`,
      ['remove b'],
    ],
    ['a host name that stays', 'a localhost:80', `a localhost:80;${B}`, ['add b']],
    ['one that tracks another', A, `${A};${B} track web/a`, ['add b']],
    ['one with a cookie of its own', `${A} cookie x`, `${B} cookie y;${A} cookie x`, ['add b']],
  ])('%s', (_, before, after, expected) => {
    expect(decided(file(before), file(after))).toEqual(expected)
  })
})

describe('changes that need a reload', () => {
  test.each([
    ['another line', file(A), file(A, ' timeout server 3s\n'), 'other-lines'],
    ['another section', file(A), `${file(A)}backend x\n`, 'other-lines'],
    ['an option of a server', file(A), file(`${A} check`), 'options'],
    ['a default-server', file(A, ' default-server check\n'), file(A), 'other-lines'],
    ['resolvers', file(A), file(`${A};b 127.0.0.2:80 resolvers dns`), 'options'],
    ['an unknown option', file(A), file(`${A};b 127.0.0.2:80 brand-new`), 'options'],
    ['a host name', file(A), file(`${A};b localhost:80`), 'address'],
    ['no port', file(A), file(`${A};b 127.0.0.2`), 'address'],
    ['a semicolon in an argument', file(A), file(`${A};b 127.0.0.2:80 cookie x\\x3by`), 'words'],
    [
      'a static balance',
      file(A, ' balance source\n'),
      file(`${A};${B}`, ' balance source\n'),
      'balance',
    ],
    [
      'weights there',
      file(A, ' balance source\n'),
      file(`${A} weight 2`, ' balance source\n'),
      'balance',
    ],
    [
      'order there',
      file(`${A};${B}`, ' balance uri\n'),
      file(`${B};${A}`, ' balance uri\n'),
      'order',
    ],
    ['no ids', file(A, ' balance first\n'), file(`${A};${B}`, ' balance first\n'), 'ids'],
    [
      'backups',
      file(`${A};b 127.0.0.2:80 backup`),
      file(`${A};c 127.0.0.3:80 backup;b 127.0.0.2:80 backup`),
      'order',
    ],
    [
      'use-server',
      file(`${A};${B}`, ' use-server b if FALSE\n'),
      file(A, ' use-server b if FALSE\n'),
      'referenced',
    ],
    ['track', file(`${A} track web/b;${B}`), file(A), 'options'],
    [
      'the weight of an agent',
      file(`${A} agent-check`),
      file(`${A} agent-check weight 9`),
      'options',
    ],
    [
      'tracked by another backend',
      `${file(`${A};${B}`)}backend x\n server t 127.0.0.9:80 track web/b\n`,
      `${file(A)}backend x\n server t 127.0.0.9:80 track web/b\n`,
      'referenced',
    ],
    [
      'a fetch',
      file(`${A};${B}`, ' http-request deny if !{ srv_is_up(web/b) }\n'),
      file(A, ' http-request deny if !{ srv_is_up(web/b) }\n'),
      'referenced',
    ],
    [
      'a fetch in its own backend',
      file(`${A};${B}`, ' http-request deny if { srv_conn(b) gt 5 }\n'),
      file(A, ' http-request deny if { srv_conn(b) gt 5 }\n'),
      'referenced',
    ],
    [
      'external checks',
      file(A, ' option external-check\n'),
      file(`${A};${B} check`, ' option external-check\n'),
      'checks',
    ],
    [
      'external checks of the defaults',
      `global\ndefaults\n mode http\n option external-check\nbackend web\n server ${A} check\n server ${B} check\n`,
      `global\ndefaults\n mode http\n option external-check\nbackend web\n server ${A} check\n`,
      'checks',
    ],
    [
      'a check without the TLS of its server',
      file(A),
      file(`${A};b 127.0.0.2:80 check ssl verify none no-check-ssl`),
      'options',
    ],
    ['tracked', file(`${A};c 127.0.0.3:80 track b;${B}`), file(A), 'referenced'],
    [
      'a template of servers',
      file(A, ' server-template t 1-2 x:1\n'),
      file(`${A};${B}`, ' server-template t 1-2 x:1\n'),
      'server-template',
    ],
    ['a condition', file(A, ' .if defined(X)\n'), file(A, ' .if defined(X)\n'), 'doubt'],
    ['the environment', file(A), file(`${A};b "$HOST:80"`), 'doubt'],
    ['two of one name', file(A), file(`${A};${A}`), 'doubt'],
    ['defaults of another file', `backend web\n server ${A}\n server ${B}`, WEB, 'doubt'],
    ['weights there', WEB, `${WEB} weight 9`, 'doubt'],
    ['an address instead of a socket', file('a unix@/s'), file(A), 'address'],
    [
      'an address instead of a host name that HAProxy resolves',
      file('a localhost:80 resolvers dns'),
      file(`${A} resolvers dns`),
      'address',
    ],
    [
      'servers with the same cookie',
      file(`${A} cookie x;${B} cookie x`),
      file(`${B} cookie x;${A} cookie x`),
      'order',
    ],
    [
      'a server before another one with the same cookie',
      file(`${B} backup cookie x`),
      file(`${A} cookie x;${B} backup cookie x`),
      'order',
    ],
    [
      'a balance inside a condition',
      file(A, ' balance uri\n hash-type consistent\n .if defined(X)\n balance random\n .endif\n'),
      file(
        `${A};${B}`,
        ' balance uri\n hash-type consistent\n .if defined(X)\n balance random\n .endif\n',
      ),
      'doubt',
    ],
    [
      'an option that cancels parts of others',
      file(A, ' default-server send-proxy-v2-ssl\n'),
      file(`${A};${B} no-send-proxy-v2`, ' default-server send-proxy-v2-ssl\n'),
      'options',
    ],
    ['a weight in another notation', file(A), file(`${A} weight 0x10`), 'doubt'],
    [
      'a server that tracks a disabled one',
      file(`${A} disabled`),
      file(`${A} disabled;${B} track a`),
      'options',
    ],
    ['another mode', file(A, ' mode log\n'), file(`${A};${B}`, ' mode log\n'), 'mode'],
  ])('%s', (_, before, after, expected) => {
    expect(decided(before, after)).toBe(expected)
  })
})

test('a file without a global section may have its own defaults', () => {
  const own = (servers: string): string => file(servers).replace('global\n', '')
  expect(decided(own(A), own(`${A};${B}`))).toEqual(['add b'])
})

test('defaults of another file do not appear as a difference', () => {
  // The other file has `default-server weight 9`.
  const actual = { a: { weight: 9 } }
  expect(decided(WEB, `# new\n${WEB}`, { actual })).toEqual([])
})

test('with explicit ids, a consistent hash takes servers', () => {
  const terms = ' balance uri\n hash-type consistent\n'
  const [a, b] = [`${A} id 11`, `${B} id 12`]
  expect(decided(file(a, terms), file(`${b};${a}`, terms))).toEqual(['add b'])
})

test('releases differ: 2.6 takes no cookie', () => {
  const [before, after] = [file(A), file(`${A};b 127.0.0.2:80 cookie x`)]
  expect(decided(before, after, { version: [2, 6] })).toBe('options')
  expect(decided(before, after, { version: [3, 0] })).toEqual(['add b'])
  // reconfd assumes that a release between two tried releases supports an option if both of them support it, and that
  // a later release supports the options of the last tried release.
  expect(decided(before, after, { version: [2, 8] })).toBe('options')
  expect(decided(before, after, { version: [3, 9] })).toEqual(['add b'])
})

test('default-server of defaults and of the section are written out', () => {
  const text = `global\ndefaults\n default-server check\nbackend web\n default-server weight 7\n server ${A}\n server ${B} no-check\n`
  const lines = [...(readConfiguration(text).sections.get('web')?.servers.values() ?? [])]
  expect(lines.map((line) => [...line.server.options.keys()])).toEqual([['check'], []])
  expect(lines.map((line) => line.server.weight)).toEqual([7, 7])
})

describe('the process as it is', () => {
  test('manual changes: states stay, weights and addresses do not', () => {
    const actual = { a: { isMaintained: true }, b: { weight: 9 } }
    expect(decided(file(`${A};${B}`), file(`${A};${B}`), { actual })).toEqual([
      'weight b',
      'hand web/a',
    ])
  })

  test('a server that was deleted manually is added again', () => {
    expect(decided(file(`${A};${B}`), file(`${A};${B}`), { actual: { b: undefined } })).toEqual([
      'add b',
    ])
  })

  test('a server that was added manually is left alone', () => {
    expect(decided(file(A), file(A), { actual: { x: {} } })).toBe('unknown-server')
  })

  test('a draining server keeps draining, or returns', () => {
    const leaving = { b: plainLine('b') }
    expect(decided(file(A), file(A), { leaving })).toEqual([])
    expect(decided(file(A), file(`${A};b 127.0.0.9:80`), { leaving })).toEqual(['return b'])
    expect(decided(file(A), file(`${A};b 127.0.0.9:80 check`), { leaving })).toBe('options')
  })

  test('the agent of a server sets its weight', () => {
    const line = `${A} agent-check`
    expect(decided(file(line), file(line), { actual: { a: { weight: 9 } } })).toEqual([])
  })
})
