// The threat model in docs/security.md names a test for each promise. A test with that title must exist.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync('docs/security.md', 'utf8')
const named = [...page.matchAll(/`(test\/[\w/.-]+\.test\.ts)`(?:, "([^"]+)")?/g)].map(
  ([, file = '', title = '']) => ({ file, title }),
)
const rows = [...page.matchAll(/^\| Promise \| Test \|\n.*\n((?:\|.*\n)+)/gm)].flatMap(
  ([, table = '']) => table.trimEnd().split('\n'),
)

test('promises name tests', () => {
  expect(rows.length).toBeGreaterThan(40)
  for (const row of rows) expect(row).toMatch(/\| `test\/[\w/.-]+\.test\.ts`.* \|$/)
})

test('each attack is one on a promise', () => {
  const attacks = readdirSync('test/security').map((file) => `test/security/${file}`)
  const files = named.map(({ file }) => file)
  expect(attacks.filter((file) => !files.includes(file))).toEqual([
    'test/security/promises.test.ts',
  ])
})

test.each(named)('$file "$title" is there', ({ file, title }) => {
  expect(existsSync(file)).toBe(true)
  // The title must be code; a comment does not count.
  const code = readFileSync(file, 'utf8').replace(/^\s*(\/\/|\/?\*).*/gm, '')
  expect(code).toContain(title)
})
