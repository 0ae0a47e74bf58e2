// Recent changes: diffs, masking, and limits.
import { expect, test } from 'vitest'
import { noCause, type Cause } from '../../src/core/cause.ts'
import type { CommandResult } from '../../src/core/event.ts'
import type { Observed } from '../../src/core/plan.ts'
import type { WrittenFile } from '../../src/core/written.ts'
import type { FileDiff } from '../../src/observe/hunks.ts'
import { RecentActivity } from '../../src/observe/recent.ts'

const file = (text: string, mode = 0o644): Observed & { kind: 'file' } => ({
  kind: 'file',
  bytes: Buffer.from(text),
  mode,
  uid: 0,
  gid: 0,
})

function written(before: string | undefined, after: string | undefined, mode = 0o644): WrittenFile {
  const previous: Observed = before === undefined ? { kind: 'absent' } : file(before, mode)
  const about = { resource: 'a', dest: '/a', sensitive: false, cause: noCause }
  if (after === undefined) return { ...about, write: { kind: 'write', why: 'remove', previous } }
  const why = before === undefined ? 'create' : 'content'
  return { ...about, write: { kind: 'write', why, next: file(after, mode), previous } }
}

function diffOf(one: WrittenFile): FileDiff | undefined {
  const recent = new RecentActivity()
  recent.wrote([one], 0)
  return recent.changes[0]?.diff()
}

const linesOf = (diff: FileDiff | undefined): string[] =>
  diff?.kind === 'lines'
    ? diff.hunks.flatMap(({ lines }) => lines.map(({ sign, text }) => sign + text))
    : []

test.each<[string, string | undefined, string | undefined, string[]]>([
  ['a new file', undefined, 'a\nb\n', ['+a', '+b']],
  ['a changed line', 'a\nb\nc\n', 'a\nB\nc\n', [' a', '-b', '+B', ' c']],
  ['a file without a last line break', 'a', 'a\nb', ['-a', '+a', '+b']],
  ['a removed file', 'a\n', undefined, ['-a']],
])('the diff of %s', (_, before, after, expected) => {
  expect(linesOf(diffOf(written(before, after)))).toEqual(expected)
})

test('contents that cannot be shown are named as such', () => {
  expect(diffOf(written('a', 'a\0b'))).toEqual({ kind: 'none', why: 'not a text file' })
  const repaired = written('a', 'a')
  const write = { ...repaired.write, why: 'metadata' } as WrittenFile['write']
  expect(diffOf({ ...repaired, write })).toMatchObject({ kind: 'none' })
})

test('a long diff is cut off, and counted whole', () => {
  const lines = Array.from({ length: 1000 }, (_, n) => `line ${n}\n`).join('')
  const diff = diffOf(written(undefined, lines))
  expect(diff).toMatchObject({ added: 1000, removed: 0, more: 600 })
  expect(linesOf(diff)).toHaveLength(400)
})

test.each([true, false])('the diff of a resource with sensitive = %s', (sensitive) => {
  const diff = diffOf({ ...written('old-value\n', 'new-value\n'), sensitive })
  expect(diff).toMatchObject({ masked: sensitive, added: 1, removed: 1 })
  expect(JSON.stringify(diff).includes('new-value')).toBe(!sensitive)
})

test('a change has the cause that its file came with, newest first', () => {
  const recent = new RecentActivity()
  const keys: Cause = { keys: ['/x', '/y'], files: [], more: 2 }
  const files: Cause = { keys: [], files: ['/t.njk'], more: 0 }
  recent.wrote([{ ...written('a', 'b'), cause: keys }], 3)
  recent.wrote(
    [
      { ...written('b', 'c'), cause: files },
      { ...written('b', 'c'), dest: '/b' },
    ],
    4,
  )
  expect(recent.changes.map(({ id, at, dest, cause }) => [id, at, dest, cause])).toEqual([
    [3, 4, '/b', noCause],
    [2, 4, '/a', files],
    [1, 3, '/a', keys],
  ])
})

test('the limits hold: 200 changes, 1000 reloads of a day, 4 MiB of contents', () => {
  const recent = new RecentActivity()
  const large = 'x'.repeat(1024 * 1024)
  for (let n = 0; n < 5; n++) recent.wrote([written('', `${large}${n}`)], n)
  const why = { kind: 'none', why: 'too large to keep' }
  expect(recent.changes.map(({ diff }) => diff()).map((diff) => diff.kind)).toEqual([
    'lines',
    'lines',
    'lines',
    'none',
    'none',
  ])
  expect(recent.changes[4]?.diff()).toEqual(why)
  const result: CommandResult = {
    exitCode: 0,
    signal: null,
    timedOut: false,
    output: '',
    truncated: 0,
    duration: 1,
  }
  for (let n = 0; n < 1100; n++) {
    recent.wrote([written('a', String(n))], n)
    recent.note({ kind: 'reloaded', resources: ['a'], command: 'c', result }, n)
  }
  expect(recent.changes).toHaveLength(200)
  expect(recent.reloads).toHaveLength(1000)
  expect(recent.reloads[0]).toMatchObject({ at: 1099, succeeded: true })
  recent.note({ kind: 'reloaded', resources: ['a'], command: 'c', result }, 25 * 3600_000)
  expect(recent.reloads).toHaveLength(1)
})

test('a rollback is listed with the changes that it reverted', () => {
  const recent = new RecentActivity()
  const cause: Cause = { keys: ['/k1'], files: [], more: 0 }
  recent.wrote([{ ...written('old', 'bad'), cause }], 1)
  recent.wrote([{ ...written('bad', 'old'), rolledBack: true }], 3)
  expect(recent.changes.map(({ rolledBack, cause }) => [rolledBack, cause.keys])).toEqual([
    [true, []],
    [false, ['/k1']],
  ])
  expect(linesOf(recent.changes[0]?.diff())).toEqual(['-bad', '+old'])
})

test('a reload is listed with its result, without its output', () => {
  const recent = new RecentActivity()
  const ended = { exitCode: null, signal: 'SIGKILL', timedOut: true, duration: 7 }
  const fault = { kind: 'command', message: 'bad' } as const
  const result: CommandResult = { ...ended, output: 'a value', truncated: 0 }
  const about = { resources: ['a', 'b'], command: 'c', result }
  recent.note(
    { kind: 'reload-owed', ...about, fault, attempts: 1, retryIn: 5, exhausted: ['a'] },
    9,
  )
  expect(recent.reloads).toEqual([
    { id: 1, at: 9, resources: ['a', 'b'], command: 'c', succeeded: false, ...ended },
  ])
})

test('a change at run time is a reload whose command did not run', () => {
  const recent = new RecentActivity()
  const ended = { exitCode: 0, signal: null, timedOut: false, duration: 3 }
  const result: CommandResult = { ...ended, output: '', truncated: 0 }
  const runtime = ['add web/n3']
  recent.note({ kind: 'reloaded', resources: ['a'], command: 'c', result, runtime }, 9)
  const about = { command: 'c', succeeded: true, at: 9, ...ended }
  const how = { how: 'without a reload: add web/n3', isAtRunTime: true }
  expect(recent.reloads).toEqual([{ id: 1, resources: ['a'], ...about, ...how }])
  expect(recent.runsOf('a')).toMatchObject([{ what: 'reload', ...how }])
})

test('of each command the last run is kept, with the end of its output', () => {
  const recent = new RecentActivity()
  const result = (output: string, exitCode = 0): CommandResult => ({
    ...{ exitCode, signal: null, timedOut: false, truncated: 0, duration: 1 },
    output,
  })
  const checked = { kind: 'checked', resource: 'a', dest: '/a', command: 'check' } as const
  recent.note({ ...checked, result: result('first', 1) }, 1)
  recent.note({ ...checked, dest: '/b', result: result('of another file', 1) }, 1)
  recent.note({ ...checked, result: result(`${'x'.repeat(9000)}end`) }, 2)
  const reloaded = { kind: 'reloaded', resources: ['a', 'b'], command: 'reload' } as const
  recent.note({ ...reloaded, result: result('') }, 3)
  expect(recent.runsOf('a')).toMatchObject([
    { what: 'reload', at: 3, succeeded: true },
    {
      what: 'check',
      at: 2,
      succeeded: true,
      output: expect.stringMatching(/^x{4093}end$/) as string,
    },
    { what: 'check', at: 1, dest: '/b', output: 'of another file' },
  ])
  expect(recent.runsOf('b')).toHaveLength(1)
  const uses = new Map([['b', []]])
  recent.note({ kind: 'generation-loaded', reason: 'r', resources: 1, uses }, 4)
  expect([recent.runsOf('a'), recent.runsOf('b').length]).toEqual([[], 1])
})
