// The environment variables that exec mode passes to its program.
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

test('variables of the user replace inherited ones, and custom ones replace both', () => {
  const policy = { pristine: true, custom: ['HOME=/own'], allowlist: ['PATH'], denylist: ['USER'] }
  const login = { HOME: '/nonexistent', USER: 'nobody' }
  expect(environmentOf(policy, ours, login)).toEqual({ HOME: '/own', USER: 'nobody' })
  expect(environmentOf(none, ours, login)).toEqual({ ...ours, ...login })
})

test('a pattern is not a regular expression', () => {
  expect(environmentOf({ ...none, allowlist: ['H.ME', '.*'] }, ours)).toEqual({})
})
