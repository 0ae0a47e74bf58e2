// Secrets must be removed from text in every form in which a server may repeat them.
import { expect, test } from 'vitest'
import fc from 'fast-check'
import { mapSpoken } from '../../src/core/spoken.ts'
import { keepSecret, withoutSecrets } from '../../src/system/secrets.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

keepSecret('Pass w0rd/"ü&', 'usr')
keepSecret('abc', 'me')
keepSecret('b1946ac9-2492-d234')

test.each([
  ['you sent Pass w0rd/"ü& !', 'you sent *** !'],
  ['?p=Pass%20w0rd%2F%22%C3%BC%26&q=1', '?p=***&q=1'],
  ['?p=Pass+w0rd%2f%22%c3%bc%26', '?p=***'],
  ['{"password":"Pass w0rd/\\"ü&"}', '{"password":"***"}'],
  ['{"password":"Pass w0rd\\/\\"\\u00fc\\u0026"}', '{"password":"***"}'],
  ['<p>Pass w0rd/&quot;ü&amp;</p>', '<p>***</p>'],
  [`Basic ${base64('usr:Pass w0rd/"ü&')}`, 'Basic ***'],
  [`Basic ${base64('usr:Pass w0rd/"ü&').replace(/=+$/, '')}.`, 'Basic ***.'],
  ['token b1946ac9-2492-d234b1946ac9-2492-d234', 'token ******'],
  // A short secret may be part of any word, so it is removed only as a whole word.
  ['abc, xabc, abcx, abc_, "abc"', '***, xabc, abcx, abc_, "***"'],
  [`Basic ${base64('me:abc')}`, 'Basic ***'],
  // A password in a URL is removed even if it is unknown.
  [
    '"http://me:hid-den@h:1" and http://me:hid@den@h/x',
    '"http://me:***@h:1" and http://me:***@h/x',
  ],
  ['http://h:1/a, http://me@h:1/b@c', 'http://h:1/a, http://me@h:1/b@c'],
  ['nothing at all', 'nothing at all'],
])('%s', (text, expected) => {
  expect(withoutSecrets(text)).toBe(expected)
})

test('an empty secret is ignored', () => {
  keepSecret('')
  keepSecret(undefined)
  expect(withoutSecrets('abacus')).toBe('abacus')
})

test('any text is removed in each of its forms', () => {
  const text = fc.string({ unit: 'binary', minLength: 6, maxLength: 40 })
  fc.assert(
    fc.property(text, fc.string({ maxLength: 10 }), (secret, user) => {
      keepSecret(secret, user)
      const query = new URLSearchParams({ p: secret }).toString().slice(2)
      const pair = base64(`${user}:${secret}`)
      for (const form of [secret, encodeURIComponent(secret), query, pair]) {
        expect(withoutSecrets(`<${form}>`)).not.toContain(form)
      }
    }),
    { numRuns: 15 },
  )
})

test('of secrets that are often renewed, the newest are known', () => {
  for (let n = 0; n < 300; n++) keepSecret(`renewed-token-${n}`)
  expect(withoutSecrets('renewed-token-299 renewed-token-280')).toBe('*** ***')
})

test('in events: the words of servers and commands, and nothing else', () => {
  keepSecret('swordfish')
  const fault = { kind: 'store', message: 'said swordfish', hint: 'try swordfish' } as const
  const stale = { store: 'swordfish', node: 'n', known: true, retryIn: 1 }
  expect(mapSpoken({ kind: 'store-stale', ...stale, fault }, withoutSecrets)).toEqual({
    kind: 'store-stale',
    ...stale,
    fault: { kind: 'store', message: 'said ***', hint: 'try ***' },
  })
  const result = { exitCode: 1, signal: null, timedOut: false, truncated: 0, duration: 1 }
  const checked = { kind: 'checked', resource: 'r', dest: '/d' } as const
  expect(
    mapSpoken(
      { ...checked, command: 'echo swordfish', result: { ...result, output: 'swordfish\n' } },
      withoutSecrets,
    ),
  ).toEqual({ ...checked, command: 'echo ***', result: { ...result, output: '***\n' } })
})
