import { afterEach, expect, test } from 'vitest'
import { open, readEnvironment } from '../../src/stores/env.ts'
import { settingsFor } from '../support/settings.ts'

afterEach(() => {
  delete process.env.RECONFDTEST_DATABASE_URL
  delete process.env.RECONFDTESTING
})

test('a name becomes a path: lower case, each _ a /', () => {
  const entries = readEnvironment({ MYAPP_DATABASE_URL: 'db', mixed_Case: 'm', EMPTY: '' }, ['/'])
  expect([...entries].sort()).toEqual([
    ['/empty', ''],
    ['/mixed/case', 'm'],
    ['/myapp/database/url', 'db'],
  ])
})

test('/app gives APP and APP_*, not APPLICATION', () => {
  const variables = { APP: 'own', APP_X: 'x', APPLICATION: 'no', APPLICATION_X: 'no' }
  expect([...readEnvironment(variables, ['/app']).keys()].sort()).toEqual(['/app', '/app/x'])
})

test('of names that mean one key, the upper-case one wins, in any order', () => {
  expect(readEnvironment({ A_B: 'upper', a_b: 'lower' }, ['/']).get('/a/b')).toBe('upper')
  expect(readEnvironment({ a_b: 'lower', A_B: 'upper' }, ['/']).get('/a/b')).toBe('upper')
})

test('the variable _ of the shell is not a key', () => {
  expect(readEnvironment({ _: '/usr/bin/node' }, ['/']).size).toBe(0)
})

test('one snapshot, then it waits until it is aborted', async () => {
  process.env.RECONFDTEST_DATABASE_URL = 'größe ☃'
  process.env.RECONFDTESTING = 'no'
  const opened = open(settingsFor({ backend: 'env' }))
  if (!opened.ok) throw new Error(opened.error.message)
  const abort = new AbortController()
  const events = opened.value
    .watch('environment', ['/reconfdtest'], abort.signal)
    [Symbol.asyncIterator]()
  expect((await events.next()).value).toEqual({
    kind: 'snapshot',
    entries: new Map([['/reconfdtest/database/url', 'größe ☃']]),
  })
  const second = events.next()
  abort.abort()
  expect((await second).done).toBe(true)
})
