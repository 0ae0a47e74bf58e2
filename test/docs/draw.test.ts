// scripts/draw.mjs draws only existing lines, of the given kinds and paths. The same seed draws the same lines.
import { readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { top } from './markdown.ts'

const program = join(top, 'scripts/draw.mjs')
const draw = (...args: string[]): string =>
  execFileSync(process.execPath, [program, ...args], { encoding: 'utf8' })

interface Drawn {
  readonly path: string
  readonly line: number
  readonly kind: string
  readonly text: string
}
const linesOf = (output: string): Drawn[] =>
  [...output.matchAll(/^(\S+):(\d+) {2}(comment|doc|message) {2}(.*)$/gm)].map(
    ([, path = '', line = '', kind = '', text = '']) => ({ path, line: Number(line), kind, text }),
  )

test('draws the same lines again for the same seed, and others for another seed', () => {
  const first = draw('-n', '40', '-seed', '7', 'docs')
  expect(first).toMatch(/^40 of \d+ lines, -seed 7\n/)
  expect(linesOf(first)).toHaveLength(40)
  expect(draw('-n', '40', '-seed', '7', 'docs')).toBe(first)
  expect(draw('-n', '40', '-seed', '8', 'docs')).not.toBe(first)
})

test('each line is at its place', () => {
  const drawn = linesOf(draw('-n', '200', '-seed', '7', 'src/core', 'docs/stores'))
  expect(new Set(drawn.map(({ kind }) => kind))).toEqual(new Set(['comment', 'doc', 'message']))
  for (const { path, line, kind, text } of drawn) {
    if (kind === 'message') expect(path).toMatch(/^src\//)
    else expect(readFileSync(join(top, path), 'utf8').split('\n')[line - 1]).toContain(text)
  }
})

test('-kind and paths restrict the draw', () => {
  const drawn = linesOf(draw('-n', '20', '-kind', 'comment', 'src/core', 'src/state'))
  expect(drawn).toHaveLength(20)
  for (const { kind, path } of drawn) {
    expect(kind).toBe('comment')
    expect(path).toMatch(/^src\/(core|state)\//)
  }
})
