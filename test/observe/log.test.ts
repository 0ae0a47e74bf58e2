// The log: what commands print is told, whether they succeed or not, and JSON stays one line an event.
import { expect, test } from 'vitest'
import type { CommandResult, Event } from '../../src/core/event.ts'
import { createLog } from '../../src/observe/log.ts'

function logged(format: 'text' | 'json', event: Event): string {
  const lines: string[] = []
  const now = () => new Date(0)
  const log = createLog({ level: 'debug', format, write: (line) => lines.push(line), now })
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

test('what a reload printed is told below it', () => {
  const reloaded: Event = {
    kind: 'reloaded',
    resources: ['a.toml'],
    command: 'reload',
    result: result({ output: 'one\n\u001b[31mtwo\u001b[0m\n' }),
  }
  expect(logged('text', reloaded)).toBe(
    '1970-01-01T00:00:00.000Z INFO  a.toml: reloaded in 12 ms: reload\n  | one\n  | two',
  )
  expect(JSON.parse(logged('json', reloaded))).toMatchObject({
    event: 'reloaded',
    command: 'reload',
    output: 'one\n\u001b[31mtwo\u001b[0m\n',
  })
})

test.each([
  ['passed', {}],
  ['failed', { exitCode: 1 }],
  ['failed', { exitCode: null, signal: 'SIGTERM', timedOut: true }],
])('a check that %s is told as such', (how, over) => {
  const event: Event = {
    kind: 'checked',
    resource: 'a.toml',
    dest: '/a',
    command: 'check',
    result: result(over),
  }
  expect(logged('text', event)).toContain(`a.toml: check ${how} in 12 ms: check`)
})

test('why a run gave up is one line of JSON', () => {
  const fault = { kind: 'config', message: 'bad', hint: 'mend it', file: '/c', line: 3 } as const
  const line = logged('json', { kind: 'gave-up', fault })
  expect(JSON.parse(line)).toMatchObject({ level: 'error', event: 'gave-up', fault })
  expect(line).not.toContain('\n')
})
