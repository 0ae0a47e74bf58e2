// Which variables the program gets.
import { expect, test } from 'vitest'
import { environmentOf } from '../../src/exec/environment.ts'

const ours = { PATH: '/bin', HOME: '/root', CONSUL_TOKEN: 't', CONSUL_ADDR: 'a', VAULT_TOKEN: 'v' }
const none = { pristine: false, custom: [], allowlist: [], denylist: [] }

test.each([
  ['all', none, ours],
  ['none', { ...none, pristine: true }, {}],
  [
    'those on the allowlist',
    { ...none, allowlist: ['PATH', 'CONSUL_*'] },
    { PATH: '/bin', CONSUL_TOKEN: 't', CONSUL_ADDR: 'a' },
  ],
  [
    'none on the denylist',
    { ...none, denylist: ['*_TOKEN', 'HOM'] },
    { PATH: '/bin', HOME: '/root', CONSUL_ADDR: 'a' },
  ],
  [
    'the denylist precedes',
    { ...none, allowlist: ['CONSUL_*'], denylist: ['CONSUL_TOKEN'] },
    { CONSUL_ADDR: 'a' },
  ],
  [
    'custom ones whatever the rest says',
    { pristine: true, custom: ['A=b=c', 'PATH=/x'], allowlist: ['HOME'], denylist: ['*'] },
    { A: 'b=c', PATH: '/x' },
  ],
  [
    'custom ones in place of ours',
    { ...none, allowlist: ['PATH'], custom: ['PATH=/x'] },
    { PATH: '/x' },
  ],
])('%s', (_, policy, expected) => {
  expect(environmentOf(policy, ours)).toEqual(expected)
})

test('those of the user replace ours, and custom ones replace those of the user', () => {
  const policy = { pristine: true, custom: ['HOME=/own'], allowlist: ['PATH'], denylist: ['USER'] }
  const login = { HOME: '/nonexistent', USER: 'nobody' }
  expect(environmentOf(policy, ours, login)).toEqual({ HOME: '/own', USER: 'nobody' })
  expect(environmentOf(none, ours, login)).toEqual({ ...ours, ...login })
})

test('a pattern is no regular expression', () => {
  expect(environmentOf({ ...none, allowlist: ['H.ME', '.*'] }, ours)).toEqual({})
})
