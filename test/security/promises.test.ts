// The threat model in docs/security.md names a test for each promise: it has to be there, under that title.
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const page = readFileSync('docs/security.md', 'utf8')
const named = [...page.matchAll(/`(test\/[\w/.-]+\.test\.ts)`(?:, "([^"]+)")?/g)].map(
  ([, file = '', title = '']) => ({ file, title }),
)

test('promises name tests', () => {
  expect(named.length).toBeGreaterThan(15)
})

test.each(named)('$file "$title" is there', ({ file, title }) => {
  expect(existsSync(file)).toBe(true)
  expect(readFileSync(file, 'utf8')).toContain(title)
})
