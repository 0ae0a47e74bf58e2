import { describe, expect, it, vi } from 'vitest'
import { FaultError } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import type { Store, StoreEvent } from '../../src/core/store.ts'
import type { Event } from '../../src/core/event.ts'
import { Feed } from '../../src/feeds/feed.ts'
import { follow, type FollowEvent } from '../../src/feeds/follow.ts'

const snapshot = (entries: Record<string, string>): StoreEvent => ({
  kind: 'snapshot',
  entries: new Map(Object.entries(entries) as [Key, string][]),
})

/** A store whose connections follow a script: what each yields before it breaks. */
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

const backoff = { first: 2, most: 4 }

describe('follow', () => {
  it('goes from node to node, without waiting in the first round', async () => {
    const store = scripted(['a', 'b', 'c'], [[], [], [snapshot({})], []])
    const stop = new AbortController()
    const seen: FollowEvent[] = []
    for await (const event of follow(store, ['/'], { signal: stop.signal, backoff })) {
      seen.push(event)
      if (seen.length === 5) break
    }
    expect(store.tried).toEqual(['a', 'b', 'c', 'a'])
    expect(seen.map((event) => event.kind)).toEqual([
      'broken',
      'broken',
      'store',
      'broken',
      'broken',
    ])
    expect(seen[0]).toMatchObject({ node: 'a', retryIn: 0, fault: { message: 'a is gone' } })
  })

  it('ends when it is told to, also while it waits', async () => {
    const store = scripted(['a'], [[], [], [], []])
    const stop = new AbortController()
    const events = follow(store, ['/'], {
      signal: stop.signal,
      backoff: { first: 60_000, most: 60_000 },
    })
    await events.next()
    const waiting = events.next()
    stop.abort()
    expect((await waiting).done).toBe(true)
  })

  it('does not retry a bug in silence', async () => {
    const store: Store = {
      name: 'broken',
      nodes: ['a'],
      async *watch() {
        throw new TypeError('x is not a function')
      },
    }
    const events = follow(store, ['/'], { signal: new AbortController().signal })
    await expect(events.next()).rejects.toThrow('x is not a function')
  })
})

const feeding = {
  prefixes: ['/'],
  root: '/',
  name: 'scripted',
  emit: () => undefined,
  once: false,
} satisfies Omit<ConstructorParameters<typeof Feed>[0], 'store'>

describe('a feed', () => {
  it('keeps the last whole tree while its store is away, and tells only what differs afterwards', async () => {
    const store = scripted(
      ['a'],
      [[snapshot({ '/x': '1', '/y': '1' })], [snapshot({ '/x': '1', '/y': '2' })]],
    )
    const events: Event[] = []
    const changes: string[][] = []
    const feed = new Feed({ ...feeding, store, emit: (event) => events.push(event) })
    feed.listener = {
      changed: (_feed, changed) => changes.push([...changed.keys()]),
      crashed: (error) => expect.fail(String(error)),
    }
    feed.start()
    await vi.waitFor(() => expect(store.tried).toHaveLength(3))
    expect(changes).toEqual([['/x', '/y'], ['/y']])
    expect(events.map(({ kind }) => kind)).toEqual([
      'store-live',
      'store-stale',
      'store-live',
      'store-stale',
    ])
    await feed.close()
  })

  it('tells a notice once, however often its store is opened', async () => {
    const noted: StoreEvent = {
      kind: 'snapshot',
      entries: new Map(),
      notices: [{ level: 'warn', message: 'asked every 5 s' }],
    }
    const store = scripted(['a'], [[noted], [noted, noted]])
    const events: Event[] = []
    const feed = new Feed({ ...feeding, store, emit: (event) => events.push(event) })
    feed.start()
    await vi.waitFor(() => expect(store.tried).toHaveLength(3))
    expect(events.filter(({ kind }) => kind === 'notice')).toEqual([
      { kind: 'notice', level: 'warn', message: 'asked every 5 s' },
    ])
    await feed.close()
  })

  it('asks no store where no key is wanted', () => {
    const store = scripted(['a'], [])
    const feed = new Feed({ ...feeding, store, prefixes: [] })
    feed.start()
    expect(feed.mirror.kind).toBe('live')
    expect(store.tried).toEqual([])
  })
})
