// Key patterns must behave like Go's path.Match. The expected results come from Go 1.24.
import { expect, test } from 'vitest'
import { FaultError } from '../../src/core/fault.ts'
import { compileGlob } from '../../src/core/glob.ts'

function match(pattern: string, key: string): boolean | string {
  try {
    return compileGlob(pattern).test(key)
  } catch (error) {
    if (error instanceof FaultError && error.fault.kind === 'template') return 'malformed'
    throw error
  }
}

test.each<[pattern: string, key: string, answer: boolean | 'malformed']>([
  ['/web-1/*', '/web-1/a', true],
  ['/web-1/*', '/web-1/a/b', false],
  ['/a/?', '/a/é', true],
  ['/a/?', '/a/😀', true],
  ['/a?b', '/a/b', false],
  ['/a/[^a]', '/a/b', true],
  ['/a/[^a]', '/a/a', false],
  ['/a[^x]b', '/a/b', true],
  ['/a/[a-c]x', '/a/bx', true],
  ['/a/[a-c]x', '/a/dx', false],
  ['/a/[!a]', '/a/!', true],
  ['/a/[!a]', '/a/b', false],
  ['/a/\\*', '/a/*', true],
  ['/a/\\*', '/a/b', false],
  ['/a/[\\]]', '/a/]', true],
  ['/a/[\\-x]', '/a/-', true],
  ['/a/[z-a]', '/a/m', false],
  ['/a/[^z-a]', '/a/m', true],
  ['/a/[z-a1-3]', '/a/2', true],
  ['/a/[ﬀ-😀]', '/a/ﬁ', true],
  ['/a/{b,c}', '/a/b', false],
  ['/a/{b,c}', '/a/{b,c}', true],
  ['/a.b', '/axb', false],
  ['/a+(b)|c$^', '/a+(b)|c$^', true],
  ['/*/b', '/a/b', true],
  ['/**', '/a/b', false],
  ['/a*b*c', '/axxbyyc', true],
  ['/a]', '/a]', true],
  // The part after a star must take its first match, without backtracking.
  ['/*[^x]*', '/ab/c', false],
  ['/*[^x]c', '/ab/c', true],
  ['/a*b', '/ab/b', false],
  ['/*aab', '/aaab', true],
  ['/*a*ab*', '/aaab', true],
  ['/a**', '/abc', true],
  ['/a/[', '/a/b', 'malformed'],
  ['/a/[a', '/x', 'malformed'],
  ['/a/[]a]', '/a/]', 'malformed'],
  ['/a/[-a]', '/a/-', 'malformed'],
  ['/a/[a-]', '/a/a', 'malformed'],
  ['/a/[]', '/a/b', 'malformed'],
  ['/a/[^]', '/a/b', 'malformed'],
  ['/a/\\', '/a/b', 'malformed'],
])('%s on %s: %s', (pattern, key, answer) => {
  expect(match(pattern, key)).toBe(answer)
})
