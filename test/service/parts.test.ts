// The parts of a service that need no socket: the environment, when a daemon is ready, the status in one line, and the
// order of messages.
import { expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import { err, ok, type Result } from '../../src/core/result.ts'
import type { Fault } from '../../src/core/fault.ts'
import type { FullStatus, ResourceState } from '../../src/core/status.ts'
import { Progress } from '../../src/observe/progress.ts'
import { areFirstCyclesOver } from '../../src/service/first-cycles.ts'
import type { NotifyMessage } from '../../src/service/notify.ts'
import { Outbox } from '../../src/service/outbox.ts'
import { statusLine } from '../../src/service/status-line.ts'
import { takeSupervisor } from '../../src/service/supervisor.ts'

test.each([
  [{}, undefined],
  [{ NOTIFY_SOCKET: '' }, undefined],
  [{ WATCHDOG_USEC: '1000000' }, undefined],
  [{ NOTIFY_SOCKET: '/s' }, { socket: '/s' }],
  [
    { NOTIFY_SOCKET: '@s', WATCHDOG_USEC: '1500000' },
    { socket: '@s', watchdog: 1500 },
  ],
  [
    { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '1000000', WATCHDOG_PID: '7' },
    { socket: '/s', watchdog: 1000 },
  ],
  [{ NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '1000000', WATCHDOG_PID: '8' }, { socket: '/s' }],
  [{ NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '0' }, { socket: '/s' }],
  [{ NOTIFY_SOCKET: '/s', WATCHDOG_USEC: 'soon' }, { socket: '/s' }],
])('the environment %o means %o', (said, meant) => {
  const env = { ...said, PATH: '/bin' }
  expect(takeSupervisor(env, 7)).toEqual(meant)
  expect(env).toEqual({ PATH: '/bin' })
})

const fault: Fault = { kind: 'store', message: 'away' }
const uses = new Map([
  ['a.toml', ['etcdv3']],
  ['b.toml', ['etcdv3', 'consul']],
])
const started: Event = {
  ...{ kind: 'started', version: '1', backend: 'etcdv3', nodes: [], resources: 2 },
  uses,
}
const applied = (resource: string): Event => ({ kind: 'applied', resource, changed: true })
const stale = (store: string, retryIn: number): Event => {
  return { kind: 'store-stale', store, node: 'n', fault, known: false, retryIn }
}
const wouldWrite: Event = { kind: 'out-of-sync', resource: 'a.toml', dest: '/d', why: 'content' }

const over = (events: readonly Event[], noop = false): boolean => {
  const progress = new Progress()
  for (const event of events) progress.note(event, 0)
  return areFirstCyclesOver(progress, noop)
}

test('ready when each resource has succeeded or failed', () => {
  const failed: Event = { kind: 'failed', resource: 'b.toml', at: 'check', fault, retryIn: 1 }
  const waits: Event = { kind: 'waits', resource: 'b.toml', for: 'a.toml', because: 'failed' }
  expect(over([])).toBe(false)
  expect(over([applied('a.toml'), applied('b.toml')])).toBe(false)
  expect(over([started, applied('a.toml')])).toBe(false)
  // The start may be reported after the first cycle has ended.
  expect(over([applied('a.toml'), started, applied('b.toml')])).toBe(true)
  expect(over([started, applied('a.toml'), failed])).toBe(true)
  expect(over([started, applied('a.toml'), waits])).toBe(true)
  expect(over([{ ...started, resources: 0, uses: new Map() }])).toBe(true)
})

test('ready despite an unreachable store, for its readers', () => {
  expect(over([started, stale('etcdv3', 200)])).toBe(true)
  expect(over([started, stale('consul', 200)])).toBe(false)
  expect(over([started, stale('consul', 200), applied('a.toml')])).toBe(true)
  // The store has another node, which is tried immediately.
  expect(over([started, stale('etcdv3', 0)])).toBe(false)
  const live: Event = { kind: 'store-live', store: 'etcdv3', node: 'n', keys: 1 }
  expect(over([started, stale('etcdv3', 200), live])).toBe(false)
})

test('with -noop ready when the pending changes are known', () => {
  expect(over([started, wouldWrite, applied('b.toml')], true)).toBe(true)
  expect(over([started, wouldWrite, applied('b.toml')])).toBe(false)
})

const since = '2026-11-21T19:07:32.123Z'

function line(
  states: readonly ResourceState[],
  more: Partial<Pick<FullStatus, 'stores' | 'configuration'>> = {},
): string {
  const resources = states.map((state, n) => ({
    ...{ name: `r${n + 1}.toml`, state, since, hashes: {}, changes: [] },
  }))
  return statusLine({
    version: '1',
    pid: 1,
    started: since,
    at: since,
    stores: [],
    resources,
    ...more,
  })
}

test.each([
  [[], 'no resources'],
  [['in sync'], '1 resource in sync'],
  [['in sync', 'in sync'], '2 resources in sync'],
  [['owed', 'in sync'], '1 of 2 resources in sync; reload owed: r1.toml'],
  [
    [
      'failed',
      'held',
      'held',
      'held',
      'held',
      'held',
      'owed',
      'stale',
      'stale',
      'waiting',
      'in sync',
    ],
    '1 of 11 resources in sync; failed: r1.toml; held: r2.toml, r3.toml, r4.toml and 2 more; reload owed: r7.toml; 2 stale; 1 waiting',
  ],
] as const)('the status of %j', (states, text) => {
  expect(line(states)).toBe(text)
})

test('the status names unreachable stores, and an invalid configuration', () => {
  expect(
    line(['stale'], {
      stores: [
        { name: 'etcdv3', state: 'stale', since, fault },
        { name: 'consul', state: 'live', since },
        { name: 'redis', state: 'waiting', since },
      ],
      configuration: { since, faults: [fault] },
    }),
  ).toBe(
    'invalid configuration since 2026-11-21T19:07:32Z, the previous one stays in use; 0 of 1 resource in sync; 1 stale; etcdv3 unreachable since 2026-11-21T19:07:32Z; redis is being read',
  )
})

/** Returns an outbox that sends its next message only when the test has called `next`. */
function slowly(): {
  readonly outbox: Outbox
  readonly sent: NotifyMessage[]
  readonly warned: Fault[]
  readonly next: (how?: Result<void, Fault>) => Promise<void>
} {
  const sent: NotifyMessage[] = []
  const warned: Fault[] = []
  let end: (how: Result<void, Fault>) => void = () => undefined
  const outbox = new Outbox(
    (message) => {
      sent.push(message)
      return new Promise((resolve) => (end = resolve))
    },
    (fault) => warned.push(fault),
  )
  const next = async (how: Result<void, Fault> = ok(undefined)): Promise<void> => {
    end(how)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { outbox, sent, warned, next }
}

test('waiting status messages are merged; states are sent one by one, in order', async () => {
  const { outbox, sent, next } = slowly()
  outbox.enqueue({ READY: '1', STATUS: 'one' })
  outbox.enqueue({ STATUS: 'two' })
  outbox.enqueue({ WATCHDOG: '1' })
  outbox.enqueue({ STATUS: 'three' })
  outbox.enqueue({ RELOADING: '1', MONOTONIC_USEC: '1', STATUS: 'loading' })
  outbox.enqueue({ READY: '1', STATUS: 'four' })
  outbox.enqueue({ WATCHDOG: '1' })
  for (let n = 0; n < 4; n++) await next()
  expect(sent).toEqual([
    { READY: '1', STATUS: 'one' },
    { STATUS: 'three', WATCHDOG: '1' },
    { RELOADING: '1', MONOTONIC_USEC: '1', STATUS: 'loading' },
    { READY: '1', STATUS: 'four', WATCHDOG: '1' },
  ])
  await outbox.empty()
})

test('a failure is logged once, and again after a recovery', async () => {
  const { outbox, warned, next } = slowly()
  for (const how of [err(fault), err(fault), ok(undefined), err(fault)]) {
    outbox.enqueue({ WATCHDOG: '1' })
    await next(how)
  }
  await outbox.empty()
  expect(warned).toHaveLength(2)
})
