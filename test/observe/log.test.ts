// The log contains the output of failed commands and, at level debug, of all commands. A log in JSON has one line per
// event.
import { describe, expect, test } from 'vitest'
import type { CommandResult, Event } from '../../src/core/event.ts'
import type { LogLevel } from '../../src/core/settings.ts'
import { offsetText } from '../../src/core/words.ts'
import { lineIn, styleFor, type Style } from '../../src/observe/lines.ts'
import { createLog } from '../../src/observe/log.ts'

function logged(style: Style, event: Event, level: LogLevel = 'debug'): string {
  const lines: string[] = []
  const now = () => new Date(0)
  const log = createLog({ level, style, write: (line) => lines.push(line), now })
  log.emit(event)
  log.flush()
  return lines.join('\n---\n')
}

const result = (over: Partial<CommandResult> = {}): CommandResult => ({
  exitCode: 0,
  signal: null,
  timedOut: false,
  output: '',
  truncated: 0,
  duration: 12,
  ...over,
})

test('the output of a successful reload appears at level debug', () => {
  const reloaded: Event = {
    kind: 'reloaded',
    resources: ['a.toml'],
    command: 'reload',
    result: result({ output: 'one\n\u001b[31mtwo\u001b[0m\n' }),
  }
  expect(logged('plain', reloaded)).toBe(
    '1970-01-01T00:00:00.000Z INFO  a.toml: reloaded in 12 ms: reload\n  | one\n  | two',
  )
  expect(JSON.parse(logged('json', reloaded))).toMatchObject({
    event: 'reloaded',
    command: 'reload',
    output: 'one\n\u001b[31mtwo\u001b[0m\n',
  })
  expect(logged('plain', reloaded, 'info')).toBe(
    '1970-01-01T00:00:00.000Z INFO  a.toml: reloaded in 12 ms: reload',
  )
  expect(JSON.parse(logged('json', reloaded, 'info'))).toEqual({
    time: '1970-01-01T00:00:00.000Z',
    level: 'info',
    event: 'reloaded',
    message: 'reloaded in 12 ms: reload',
    resources: ['a.toml'],
    command: 'reload',
    exitCode: 0,
    signal: null,
    timedOut: false,
    duration: 12,
  })
})

test.each([
  ['passed', {}],
  ['failed', { exitCode: 1 }],
  ['failed', { exitCode: null, signal: 'SIGTERM', timedOut: true }],
])('a check that %s is logged as such', (how, over) => {
  const event: Event = {
    kind: 'checked',
    resource: 'a.toml',
    dest: '/a',
    command: 'check',
    result: result(over),
  }
  expect(logged('plain', event)).toContain(`a.toml: check ${how} in 12 ms: check`)
})

test('the reason why a run has failed is one line of JSON', () => {
  const fault = { kind: 'config', message: 'bad', hint: 'mend it', file: '/c', line: 3 } as const
  const line = logged('json', { kind: 'gave-up', fault })
  expect(JSON.parse(line)).toMatchObject({ level: 'error', event: 'gave-up', fault })
  expect(line).not.toContain('\n')
})

describe('styles', () => {
  const fault = { kind: 'config', message: 'bad', hint: 'mend it' } as const
  const failed: Event = { kind: 'failed', resource: 'a.toml', at: 'check', fault, retryIn: null }

  test('the journal gets the priority before each line, and no time', () => {
    expect(logged('journal', failed)).toBe('<3>a.toml: check failed: bad\n<3>    mend it')
    expect(logged('journal', { kind: 'stopping', reason: 'SIGTERM' })).toMatch(/^<6>stopping: /)
  })

  test('a terminal gets columns, which grow with the names', () => {
    const line = lineIn('terminal')
    const time = new Date(2026, 0, 2, 3, 4, 5, 6)
    const about = (name: string) =>
      ({ level: 'info', about: name, message: 'x\ny', fields: () => ({}) }) as const
    const zone = offsetText(-time.getTimezoneOffset())
    expect(line(time, about('a.toml'))).toBe(
      `03:04:05.006${zone} INFO  a.toml        x\n${' '.repeat(39)}y`,
    )
    expect(line(time, about('quite-long.toml'))).toContain('INFO  quite-long.toml  x')
    expect(line(time, about('a.toml'))).toContain('INFO  a.toml           x')
    expect(line(time, about(''))).toContain('INFO                   x')
  })

  test('colours are around the parts, and nowhere else', () => {
    const text = logged('colour', failed)
    expect(text).toContain(
      '\u001b[31;1mERROR\u001b[0m \u001b[1ma.toml      \u001b[0m  check failed: bad',
    )
  })

  test.each<[boolean, Record<string, string>, Style]>([
    [true, {}, 'colour'],
    [true, { NO_COLOR: '' }, 'colour'],
    [true, { NO_COLOR: '1' }, 'terminal'],
    [true, { TERM: 'dumb' }, 'terminal'],
    [false, {}, 'plain'],
    [false, { JOURNAL_STREAM: '8:1234' }, 'journal'],
    // If the standard error of a service is redirected, JOURNAL_STREAM identifies a different file.
    [false, { JOURNAL_STREAM: '8:99' }, 'plain'],
  ])('terminal: %s, %j: %s', (isTerminal, env, style) => {
    expect(styleFor({ isTerminal, file: '8:1234' }, env)).toBe(style)
  })
})

test('a render of more than 10 s logs a warning with its duration', () => {
  const rendered = (duration: number): Event => ({
    kind: 'rendered',
    resource: 'web.toml',
    reads: [],
    duration,
  })
  expect(logged('plain', rendered(9_999), 'warn')).toBe('')
  expect(logged('plain', rendered(12_000), 'warn')).toContain(
    'web.toml: rendering took 12 s; check its templates, and the size of the values they use',
  )
})
