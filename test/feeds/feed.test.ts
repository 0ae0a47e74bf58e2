// A feed: how it keeps the keys of an unreachable store, which events it emits and how often, and its size limit.
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import { FaultError, type Fault } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import type { Store, StoreEvent } from '../../src/core/store.ts'
import { Feed } from '../../src/feeds/feed.ts'
import { StoreReporter } from '../../src/feeds/store-reporter.ts'
import { until, within } from '../support/until.ts'

const entriesOf = (entries: Record<string, string>): ReadonlyMap<Key, string> =>
  new Map(Object.entries(entries) as [Key, string][])
const snapshot = (entries: Record<string, string>): StoreEvent => ({
  kind: 'snapshot',
  entries: entriesOf(entries),
})

/**
 * Returns a store with scripted connections. For each connection, the script lists the events before the connection
 * breaks.
 */
function scripted(
  nodes: string[],
  script: readonly (readonly StoreEvent[])[],
): Store & { tried: string[] } {
  const tried: string[] = []
  return {
    name: 'scripted',
    nodes,
    tried,
    async *watch(node, _prefixes, signal) {
      tried.push(node)
      const events = script[tried.length - 1]
      if (events === undefined) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
        return
      }
      yield* events
      throw new FaultError({ kind: 'store', message: `${node} is gone` })
    },
  }
}

function feeding(store: Store, own: Partial<ConstructorParameters<typeof Feed>[0]> = {}) {
  const events: Event[] = []
  const feed = new Feed({
    prefixes: ['/'],
    root: '/',
    name: 'scripted',
    emit: (event) => events.push(event),
    most: 1000,
    once: false,
    ...own,
    store,
  })
  onTestFinished(() => feed.close())
  return { feed, events, kinds: () => events.map(({ kind }) => kind) }
}

describe('a feed', () => {
  it('keeps the last complete tree while its store is unreachable, and then reports differences only', async () => {
    const store = scripted(
      ['a'],
      [[snapshot({ '/x': '1', '/y': '1' })], [snapshot({ '/x': '1', '/y': '2' })]],
    )
    const { feed } = feeding(store)
    const changes: string[][] = []
    feed.listener = {
      changed: (_feed, changed) => changes.push([...changed.keys()]),
      crashed: (error) => expect.fail(String(error)),
    }
    feed.start()
    await until('the third try', () => store.tried.length === 3)
    expect(changes).toEqual([['/x', '/y'], ['/y']])
  })

  it('says in which table its store is defined', async () => {
    const store: Store = {
      ...scripted(['a'], []),

      async *watch() {
        throw new FaultError({ kind: 'store', message: 'gone', hint: 'check -node' })
      },
    }
    const { feed, events } = feeding(store, { definedIn: '[backend] of b.toml' })
    const hint = 'check -node; the store is defined in [backend] of b.toml'
    feed.start()
    await until('the fault is reported', () => events.length > 0)
    expect(events).toMatchObject([{ fault: { hint } }])
    expect(await feed.firstRead(1, new Promise(() => {}), performance.now())).toMatchObject({
      hint,
    })
  })

  it('reports a notice once, even if its store is reopened', async () => {
    const noted: StoreEvent = {
      kind: 'snapshot',
      entries: new Map(),
      notices: [{ level: 'warn', message: 'asked every 5 s' }],
    }
    const store = scripted(['a'], [[noted], [noted, noted]])
    const { feed, events } = feeding(store)
    feed.start()
    await until('the third try', () => store.tried.length === 3)
    expect(events.filter(({ kind }) => kind === 'notice')).toEqual([
      { kind: 'notice', level: 'warn', message: 'asked every 5 s' },
    ])
  })

  it('contacts no store if no key is wanted', () => {
    const store = scripted(['a'], [])
    const { feed } = feeding(store, { prefixes: [] })
    feed.start()
    expect(feed.mirror.kind).toBe('live')
    expect(store.tried).toEqual([])
  })

  it('refuses to exceed its limit, at once or step by step, and keeps its tree', async () => {
    const put = (key: string, size: number): StoreEvent => ({
      kind: 'delta',
      put: entriesOf({ [key]: 'x'.repeat(size) }),
      del: new Set(),
    })
    const remove: StoreEvent = { kind: 'delta', put: new Map(), del: new Set(['/b']) }
    const store = scripted(
      ['a'],
      [
        [
          snapshot({ '/a': 'x'.repeat(400) }),
          put('/b', 400),
          put('/b', 500),
          remove,
          put('/c', 590),
        ],
        [snapshot({ '/a': 'x'.repeat(400), '/c': 'x'.repeat(700) })],
      ],
    )
    const { feed, events } = feeding(store)
    feed.start()
    const told = await until('the refusals', () => {
      const stale = events.filter(({ kind }) => kind === 'store-stale') as { fault: Fault }[]
      return store.tried.length === 3 && stale
    })
    expect(told[0]?.fault.message).toBe('a is gone')
    expect(told[1]?.fault.message).toBe(
      'scripted at a sends keys of more than 1000 bytes (-max-body)',
    )
    expect(feed.mirror).toMatchObject({ kind: 'stale', tree: { size: 2 } })
  })

  it('gives the reason of each node if the first snapshot is late', async () => {
    const store: Store = {
      name: 'scripted',
      nodes: ['a', 'b'],
      async *watch(node, _prefixes, signal) {
        if (node === 'b') throw new FaultError({ kind: 'store', message: 'b refuses' })
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      },
    }
    const { feed } = feeding(store, { once: true })
    feed.start()
    const never = new Promise<void>(() => undefined)
    const fault = await within('the fault', feed.firstRead(1200, never, performance.now()))
    expect(fault?.message).toBe(
      'scripted returned no keys within 1.2 s: scripted at a has not answered; b refuses',
    )
  })

  it('in a onetime run, takes the keys of the second node when the first is silent', async () => {
    const store: Store = {
      name: 'scripted',
      nodes: ['a', 'b'],
      async *watch(node, _prefixes, signal) {
        if (node === 'b') yield snapshot({ '/x': '1' })
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      },
    }
    const { feed, events } = feeding(store, { once: true })
    feed.start()
    const never = new Promise<void>(() => undefined)
    expect(await feed.firstRead(10_000, never, performance.now())).toBeUndefined()
    expect(events).toEqual([
      {
        kind: 'notice',
        level: 'warn',
        message: 'scripted: scripted at a has not answered; using another node instead',
      },
      { kind: 'store-live', store: 'scripted', node: 'b', keys: 1 },
    ])
  })
})

describe('the events of a store', () => {
  function reporting() {
    const events: Event[] = []
    let now = 0
    const reporter = new StoreReporter(
      's',
      (event) => events.push(event),
      ['/app'],
      () => now,
    )
    const fails = (message: string): void =>
      reporter.broken({ node: 'n', fault: { kind: 'store', message }, retryIn: 5 }, true)
    return { events, reporter, fails, later: (seconds: number) => (now += seconds * 1000) }
  }

  it('name the keys that were read if none exists', () => {
    const { events, reporter } = reporting()
    reporter.live('n', 0, false)
    expect(events).toEqual([
      { kind: 'store-live', store: 's', node: 'n', keys: 0, asked: ['/app'] },
    ])
  })
  const tries = (events: readonly Event[]): (number | undefined)[] =>
    events.map((event) => (event as { tries?: number }).tries)

  it('report that it is unreachable, again once a minute, and that it is back', () => {
    const { events, reporter, fails, later } = reporting()
    reporter.live('n', 3, false)
    for (let n = 0; n < 25; n++) {
      fails('refused')
      later(5)
    }
    reporter.live('n', 3, true)
    expect(events.map(({ kind }) => kind)).toEqual([
      'store-live',
      'store-stale',
      'store-stale',
      'store-stale',
      'store-live',
    ])
    expect(tries(events)).toEqual([undefined, 1, 13, 25, 25])
  })

  it('report a new reason at once, but not endless new reasons', () => {
    const { events, fails, later } = reporting()
    for (let n = 0; n < 20; n++) {
      fails(`reason ${n}`)
      later(1)
    }
    expect(tries(events)).toEqual([1, 2, 3])
  })

  it('do not report a return each time it gives keys and breaks again', () => {
    const { events, reporter, fails } = reporting()
    reporter.live('n', 3, false)
    for (let n = 0; n < 9; n++) {
      fails('ended')
      reporter.live('n', 3, false)
    }
    const flapping = ['store-live', 'store-stale', 'store-live', 'store-stale']
    expect(events.map(({ kind }) => kind)).toEqual(flapping)
    reporter.live('n', 3, true)
    expect(events.map(({ kind }) => kind)).toEqual([...flapping, 'store-live'])
    fails('ended')
    reporter.live('n', 3, false)
    expect(events).toHaveLength(7)
  })

  it('report late changes once a minute, and the end of the delay', () => {
    const { events, reporter, later } = reporting()
    reporter.behind(undefined)
    for (let n = 0; n < 20; n++) {
      reporter.behind(4000 + n)
      later(4)
    }
    reporter.behind(undefined)
    reporter.behind(undefined)
    const lags = events.flatMap((event) => (event.kind === 'store-behind' ? [event] : []))
    expect(lags.map(({ lag }) => lag)).toEqual([
      ...Array.from({ length: 20 }, (_, n) => 4000 + n),
      undefined,
    ])
    expect(lags.filter(({ isNews }) => isNews).map(({ lag }) => lag)).toEqual([
      4000,
      4015,
      undefined,
    ])
  })

  it('are bounded, whatever a server sends', () => {
    const { events, reporter } = reporting()
    for (let n = 0; n < 1000; n++) reporter.notice('warn', `notice ${n}`)
    expect(events).toHaveLength(100)
  })
})
