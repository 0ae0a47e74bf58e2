// The help must fit a terminal of 80 columns, begin with examples and end with a reference to the docs.
import { expect, test } from 'vitest'
import { commandNames } from '../../src/config/commands.ts'
import { commandHelp, helpText } from '../../src/config/help.ts'

test.each<readonly [string, string]>([
  ['-help', helpText()],
  ...commandNames.map((name) => [`${name} -help`, commandHelp(name)] as const),
])('%s fits 80 columns', (_, text) => {
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
})

test('three examples first, the docs last', () => {
  const lines = helpText().trimEnd().split('\n')
  expect(lines.slice(3, 6).every((line) => line.startsWith('  reconfd '))).toBe(true)
  expect(lines.slice(-2).join(' ')).toContain('docs/')
})
