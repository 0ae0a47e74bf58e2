// The unified diff of -diff: shown and masked content, and the message if there is nothing to show.
import { expect, test } from 'vitest'
import { noCause } from '../../src/core/cause.ts'
import type { Target } from '../../src/core/plan.ts'
import type { WrittenFile } from '../../src/core/written.ts'
import { unifiedDiff } from '../../src/observe/diff.ts'

const file = (text: string, mode = 0o644): Target & { uid: number; gid: number } => ({
  bytes: Buffer.from(text),
  mode,
  uid: 0,
  gid: 0,
})

const change = (before: string | undefined, after: string, more: object = {}): WrittenFile => ({
  resource: 'a.toml',
  dest: '/a',
  sensitive: false,
  cause: noCause,
  write: {
    kind: 'write',
    why: before === undefined ? 'create' : 'content',
    previous: before === undefined ? { kind: 'absent' } : { kind: 'file', ...file(before) },
    next: file(after),
  },
  ...more,
})

test('the changes, line by line', () => {
  expect(unifiedDiff(change('x\nold\n', 'x\nnew\n'))).toBe(
    '--- /a\n+++ /a\n@@ -1,2 +1,2 @@\n x\n-old\n+new\n',
  )
  expect(unifiedDiff(change(undefined, 'new\n'))).toContain('--- /dev/null\n+++ /a\n')
})

test('of a sensitive resource only how much', () => {
  const text = unifiedDiff(change('one\ntwo\n', 'one\nthree\nfour\n', { sensitive: true }))
  expect(text).toBe('--- /a\n+++ /a\nmasked because the resource is sensitive: +2 -1 lines\n')
})

test('of binary files only the size', () => {
  expect(unifiedDiff(change('a\0b', 'text'))).toBe(
    '--- /a\n+++ /a\nnot a text file: 3 bytes before, 4 after\n',
  )
})

test('owner and mode', () => {
  const [previous, next] = [file('a', 0o600), file('a', 0o640)]
  const write: WrittenFile['write'] = {
    kind: 'write',
    why: 'metadata',
    previous: { kind: 'file', ...previous },
    next,
  }
  expect(unifiedDiff(change('a', 'a', { write }))).toBe(
    '--- /a\n+++ /a\nmode 0600, owner 0:0 -> mode 0640, owner 0:0\n',
  )
})

test('two long files without common lines are compared in a bounded time', () => {
  const text = (word: string): string =>
    Array.from({ length: 20_000 }, (_, n) => `${word} ${(n * 7919) % 10_007}\n`).join('')
  expect(unifiedDiff(change(text('x'), text('y')))).toBe(
    '--- /a\n+++ /a\ntoo many changes to compare\n',
  )
})
