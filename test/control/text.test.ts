// The status as text: it must fit into 100 columns, however long the names are, and its times must be all in UTC or
// all local.
import { expect, test } from 'vitest'
import { historyText, local, statusText, utc } from '../../src/control/text.ts'
import type { ResourceHistory, Status } from '../../src/core/status.ts'
import { localTime } from '../../src/core/words.ts'

const AT = '2026-11-21T17:01:15.123Z'

const resource = (name: string, more: Partial<ResourceHistory> = {}): ResourceHistory => ({
  name,
  state: 'in sync',
  since: AT,
  hashes: {},
  changes: [],
  ...more,
})

const reload = { at: AT, command: 'true', succeeded: true, signal: null, timedOut: false }
const long = `/services/${'very-'.repeat(30)}long/node-1`

const status: Status = {
  version: '0.1.0',
  pid: 1,
  started: AT,
  at: AT,
  stores: [
    { name: 'etcdv3', state: 'live', since: AT, node: `10.0.0.1:2379${'x'.repeat(120)}`, keys: 3 },
    {
      name: 'consul',
      state: 'stale',
      since: AT,
      fault: { kind: 'store', message: `cannot reach ${long}: ${'no '.repeat(60)}` },
    },
  ],
  resources: [
    resource(`${'name-'.repeat(20)}.toml`, {
      state: 'owed',
      why: `reload try 2 failed, next try at ${AT}: reload_cmd failed with exit code 1: ${long} ${'and so on '.repeat(80)}`,
      lastChange: { at: AT, keys: [long, '/b'], files: [], more: 3 },
      lastReload: { ...reload, exitCode: null, signal: 'SIGKILL', duration: 125_000 },
    }),
    resource('a.toml', {
      lastChange: { at: AT, keys: ['/services/web/n1'], files: [], more: 0 },
      lastReload: { ...reload, exitCode: 0, duration: 20 },
    }),
  ],
}

test.each([
  ['UTC', utc],
  ['local time', local],
])('no line is wider than 100 columns, in %s', (_, clock) => {
  const lines = statusText(status, true, clock).split('\n')
  expect(lines.filter((line) => line.length > 100)).toEqual([])
  expect(lines.find((line) => line.startsWith('a.toml'))).toMatch(
    /^a\.toml +in sync +\S+ +exit 0 in 20 ms +\/services\/web\/n1$/,
  )
  expect(lines.join('\n')).toContain(' +4')
})

test('UTC has no local times in it, and local time has no UTC', () => {
  expect(statusText(status, true, utc)).not.toMatch(/\d[+-]\d\d:\d\d\b/)
  const texts = [
    statusText(status, true, local),
    historyText(resource('a', { why: `next try at ${AT}` }), false, AT, local),
  ]
  for (const text of texts) {
    expect(text).not.toMatch(/\dZ\b/)
    expect(text).toContain(localTime(AT))
  }
})

test('a command to type is never split over two lines', () => {
  for (let n = 40; n < 100; n++) {
    const why = `${'x'.repeat(n)} (to apply this change: reconfd accept a-long-name.toml)`
    const text = statusText({ ...status, resources: [resource('a', { state: 'held', why })] }, true)
    expect(text).toContain('reconfd accept a-long-name.toml')
  }
})
