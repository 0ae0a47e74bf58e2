// The notice that states what reconfd is still waiting for at its start.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { CommandResult, Event } from '../../src/core/event.ts'
import { StartupNotice } from '../../src/observe/awaited.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const started: Event = {
  kind: 'started',
  version: '1',
  backend: 'etcdv3',
  nodes: [],
  resources: 2,
  uses: new Map([
    ['a', ['etcdv3']],
    ['b', ['etcdv3', 'other']],
  ]),
}
const live = (store: string): Event => ({ kind: 'store-live', store, node: 'n', keys: 1 })
const applied = (resource: string): Event => ({ kind: 'applied', resource, changed: true })
const reloading: Event = { kind: 'reload-started', resources: ['a'], command: 'reload a' }
const result: CommandResult = {
  exitCode: 0,
  signal: null,
  timedOut: false,
  output: '',
  truncated: 0,
  duration: 1,
}
const reloaded: Event = { kind: 'reloaded', resources: ['a'], command: 'reload a', result }

/** Returns the notices that are logged after these events and a long silence. */
function toldAfter(...events: readonly Event[]): string[] {
  const told: string[] = []
  const awaited = new StartupNotice(
    (event) => void (event.kind === 'notice' && told.push(event.message)),
  )
  for (const event of events) {
    vi.advanceTimersByTime(9000)
    awaited.note(event)
  }
  vi.advanceTimersByTime(9000)
  expect(told).toEqual([])
  vi.advanceTimersByTime(60_000)
  return told
}

const nothing = 'still waiting after 10 s for'

test.each<[string, Event[], string[]]>([
  ['conf.d', [], [`${nothing} the configuration`]],
  ['all stores', [started], [`${nothing} the keys of etcdv3, other`]],
  ['one store', [started, live('etcdv3')], [`${nothing} the keys of other`]],
  [
    'a resource',
    [started, live('etcdv3'), live('other'), applied('a')],
    [`${nothing} b: a check is running, or keys keep changing`],
  ],
  [
    'a reload',
    [started, live('etcdv3'), live('other'), applied('a'), reloading, applied('b')],
    [`${nothing} the end of the reload of a: reload a`],
  ],
  [
    'a reload after all',
    [started, live('etcdv3'), live('other'), applied('b'), applied('a'), reloading],
    [`${nothing} the end of the reload of a: reload a`],
  ],
  [
    'nothing',
    [started, live('etcdv3'), live('other'), applied('a'), reloading, applied('b'), reloaded],
    [],
  ],
])('awaited: %s', (_, events, expected) => {
  expect(toldAfter(...events)).toEqual(expected)
})

test('nothing is logged once every resource is done', () => {
  const told: Event[] = []
  const awaited = new StartupNotice((event) => told.push(event))
  for (const event of [started, live('etcdv3'), live('other'), applied('a'), applied('b')]) {
    awaited.note(event)
  }
  vi.advanceTimersByTime(10_000)
  awaited.note(reloading)
  vi.advanceTimersByTime(60_000)
  expect(told).toEqual([])
})
