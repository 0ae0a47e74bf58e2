// Following a store across its nodes: the order of the nodes, broken connections, and pauses.
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { FaultError } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import { OutdatedError, type Store, type StoreEvent } from '../../src/core/store.ts'
import { follow, type FollowEvent, type FollowOptions } from '../../src/feeds/follow.ts'
import type { AskedNodes } from '../../src/feeds/race.ts'
import { within } from '../support/until.ts'

const snapshot = (entries: Record<string, string> = {}): StoreEvent => ({
  kind: 'snapshot',
  entries: new Map(Object.entries(entries) as [Key, string][]),
})

/** The behaviour of a node during one watch: events, then an error or silence. */
type Behaviour = readonly (StoreEvent | Error | 'heard' | 'silence')[]

const SILENT: Behaviour = ['silence']
const gone = (node: string): FaultError =>
  new FaultError({ kind: 'store', message: `${node} is gone`, hint: 'look' })

/** Returns a store whose nodes follow a script and are silent once their script has ended. */
function scripted(nodes: Readonly<Record<string, readonly Behaviour[]>>) {
  const asked: string[] = []
  const cancelled: string[] = []
  const store: Store = {
    name: 'scripted',
    nodes: Object.keys(nodes),
    async *watch(node, _prefixes, signal, { heard } = {}) {
      const turn = asked.filter((one) => one === node).length
      asked.push(node)
      for (const step of nodes[node]?.[turn] ?? SILENT) {
        if (step instanceof Error) throw step
        if (step === 'heard') heard?.()
        else if (step !== 'silence') yield step
        else {
          await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
          cancelled.push(node)
          return
        }
      }
      throw gone(node)
    },
  }
  return { store, asked, cancelled }
}

/** Short times, except for `proof`, which is so long that no connection can prove itself. */
const quick = {
  backoff: { first: 2, most: 4 },
  proof: 60_000,
  patience: { silence: 20, most: 60_000 },
} satisfies Partial<FollowOptions>

function following(store: Store, options: Partial<FollowOptions> = {}) {
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const events = follow(store, ['/'], { ...quick, ...options, signal: stop.signal })
  const next = async (): Promise<FollowEvent> => {
    const step = await within('an event', events.next())
    if (step.done === true) throw new Error('it has ended')
    return step.value
  }
  return { next, events, stop }
}

describe('nodes', () => {
  it('are tried in turn when they refuse, and the first good answer counts', async () => {
    const { store, asked } = scripted({ a: [[]], b: [[]], c: [[snapshot(), 'silence']] })
    const { next } = following(store)
    const passed = { kind: 'passed', fault: { hint: 'look' } }
    expect(await next()).toMatchObject({ ...passed, node: 'a' })
    expect(await next()).toMatchObject({ ...passed, node: 'b' })
    expect(await next()).toEqual({ kind: 'store', node: 'c', event: snapshot() })
    expect(asked).toEqual(['a', 'b', 'c'])
  })

  it('that are silent delay nothing, and are cancelled once another has answered', async () => {
    const { store, asked, cancelled } = scripted({ a: [SILENT], b: [[snapshot(), 'silence']] })
    const { next } = following(store)
    expect(await next()).toMatchObject({
      kind: 'passed',
      node: 'a',
      fault: { message: 'scripted at a has not answered' },
    })
    expect(await next()).toMatchObject({ kind: 'store', node: 'b' })
    expect(asked).toEqual(['a', 'b'])
    expect(cancelled).toEqual(['a'])
  })

  it('that are slow are not abandoned: a late answer counts like any other', async () => {
    let answer = (): void => undefined
    const late = new Promise<void>((resolve) => (answer = resolve))
    const asked: string[] = []
    const store: Store = {
      name: 'scripted',
      nodes: ['a', 'b'],
      async *watch(node) {
        asked.push(node)
        if (node === 'b') throw gone('b')
        await late
        yield snapshot()
      },
    }
    const { next } = following(store)
    expect(await next()).toMatchObject({
      kind: 'broken',
      isAll: true,
      fault: { message: 'scripted at a has not answered; b is gone' },
    })
    answer()
    for (;;) {
      const event = await next()
      if (event.kind === 'broken') continue
      if (event.kind === 'passed') expect(event.node).toBe('b')
      else {
        expect(event).toMatchObject({ kind: 'store', node: 'a' })
        break
      }
    }
    expect(asked.filter((node) => node === 'a')).toHaveLength(1)
  })

  it('that show progress get more time before the next one is tried', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const asked: string[] = []
    const store: Store = {
      name: 'scripted',
      nodes: ['a', 'b'],
      async *watch(node, _prefixes, _signal, { heard } = {}) {
        asked.push(node)
        for (let n = 0; n < 20; n++) {
          await new Promise((resolve) => setTimeout(resolve, 5))
          heard?.()
        }
        yield snapshot()
      },
    }
    const { next } = following(store)
    const first = next()
    await vi.advanceTimersByTimeAsync(20 * 5)
    expect(await first).toMatchObject({ kind: 'store', node: 'a' })
    expect(asked).toEqual(['a'])
  })

  it('take over at once when the serving node breaks, which is then tried last', async () => {
    let release = (): void => undefined
    const asked: string[] = []
    const store: Store = {
      name: 'scripted',
      nodes: ['a', 'b', 'c'],
      async *watch(node) {
        asked.push(node)
        if (node === 'c') throw gone(node)
        yield snapshot()
        await new Promise<void>((resolve) => (release = resolve))
        throw gone(node)
      },
    }
    const { next } = following(store, { proof: 0 })
    for (const node of ['a', 'b', 'a']) {
      for (let event = await next(); event.kind !== 'proven'; event = await next()) {
        if (event.kind !== 'passed') expect(event).toMatchObject({ kind: 'store', node })
      }
      release()
      expect(await next()).toMatchObject({ kind: 'broken', node, retryIn: 0, isAll: false })
    }
    expect(asked).toEqual(['a', 'b', 'c', 'a'])
  })

  it('that are listed twice are tried once', async () => {
    const { store, asked } = scripted({ a: [SILENT], b: [[]] })
    const nodes = ['a', 'a', 'b', 'b']
    expect(await following({ ...store, nodes }).next()).toMatchObject({ kind: 'broken' })
    expect(asked).toEqual(['a', 'b'])
  })

  it('that cannot be resolved are reported as unreachable', async () => {
    const { store } = scripted({ a: [] })
    const asked: AskedNodes = new Map()
    const findNodes = async (): Promise<void> => {
      throw new FaultError({ kind: 'store', message: 'no record' })
    }
    const { next } = following({ ...store, nodes: ['SRV record x'], findNodes }, { asked })
    expect(await next()).toMatchObject({ kind: 'broken', fault: { message: 'no record' } })
    expect([...asked]).toEqual([['SRV record x', { kind: 'store', message: 'no record' }]])
  })

  it('that all fail cause one fault, which lists all reasons', async () => {
    const { store } = scripted({ a: [[]], b: [SILENT], c: [[]] })
    const asked: AskedNodes = new Map()
    const { next } = following(store, { asked })
    expect(await next()).toMatchObject({
      kind: 'broken',
      isAll: true,
      fault: {
        message: 'a is gone; scripted at b has not answered; c is gone',
        hint: 'look',
      },
    })
    expect([...asked.keys()]).toEqual(['a', 'b', 'c'])
  })

  it('that all refuse permanently cause a permanent fault', async () => {
    const forGood = new FaultError({ kind: 'store', message: 'no', permanent: true })
    const both = scripted({ a: [[forGood]], b: [[forGood]] })
    expect(await following(both.store).next()).toMatchObject({ fault: { permanent: true } })
    const one = scripted({ a: [[forGood]], b: [[]] })
    const event = (await following(one.store).next()) as { fault: object }
    expect(event.fault).not.toHaveProperty('permanent')
  })
})

describe('a connection', () => {
  it('that breaks before it has proven itself is followed by increasing pauses', async () => {
    const { store } = scripted({ a: Array(6).fill([snapshot()]) as Behaviour[] })
    const { next } = following(store, { backoff: { first: 8, most: 64 } })
    const pauses: number[] = []
    while (pauses.length < 4) {
      const event = await next()
      if (event.kind === 'broken') pauses.push(event.retryIn)
    }
    expect(pauses.map((pause, n) => pause >= 4 * 2 ** n && pause <= 8 * 2 ** n)).not.toContain(
      false,
    )
  })

  it('that has proven itself resets the pauses', async () => {
    let release = (): void => undefined
    const store: Store = {
      name: 'scripted',
      nodes: ['a'],
      async *watch(node) {
        yield snapshot()
        await new Promise<void>((resolve) => (release = resolve))
        throw gone(node)
      },
    }
    const { next } = following(store, { backoff: { first: 2, most: 1000 }, proof: 0 })
    for (let n = 0; n < 5; n++) {
      expect(await next()).toMatchObject({ kind: 'store' })
      expect(await next()).toEqual({ kind: 'proven', node: 'a' })
      release()
      const { retryIn } = (await next()) as { retryIn: number }
      expect(retryIn).toBeLessThanOrEqual(2)
    }
  })

  it('that is outdated is reopened at once and silently, but not repeatedly', async () => {
    const outdated = new OutdatedError({ kind: 'store', message: 'compacted' })
    const { store, asked } = scripted({
      a: Array(9).fill([snapshot(), outdated]) as Behaviour[],
      b: [],
    })
    const { next } = following(store)
    expect(await next()).toMatchObject({ kind: 'store' })
    expect(await next()).toMatchObject({ kind: 'store' })
    expect(await next()).toMatchObject({ kind: 'broken', fault: { message: 'compacted' } })
    expect(asked).toEqual(['a', 'a'])
  })

  it('is closed when an event is refused', async () => {
    const { store } = scripted({ a: [[snapshot({ '/x': '1' })]] })
    const refuse = (): { kind: 'store'; message: string } => ({
      kind: 'store',
      message: 'too much',
    })
    expect(await following(store, { refuse }).next()).toMatchObject({
      kind: 'broken',
      fault: { message: 'too much' },
    })
  })
})

it('ends on abort, even during a pause', async () => {
  const { store } = scripted({ a: [[]] })
  const { events, stop } = following(store, { backoff: { first: 60_000, most: 60_000 } })
  await events.next()
  const waiting = events.next()
  stop.abort()
  expect((await waiting).done).toBe(true)
})

it('an exception in a store is a failure of the store, and is reported as a bug without values', async () => {
  const { store } = scripted({
    a: [
      [new SyntaxError('Cannot convert secret to a BigInt')],
      [new TypeError('x is not iterable')],
    ],
  })
  const { next } = following(store)
  const bug = (await next()) as { kind: 'bug'; text: string }
  expect(bug.kind).toBe('bug')
  expect(bug.text).toContain(
    'this is a bug in reconfd, found at scripted at a: SyntaxError\n    at ',
  )
  expect(bug.text).not.toContain('secret')
  expect(await next()).toMatchObject({
    kind: 'broken',
    fault: {
      kind: 'store',
      message: 'scripted at a sent data that reconfd cannot handle (SyntaxError)',
    },
  })
  expect((await next()) as { text: string }).toMatchObject({
    text: expect.stringContaining('TypeError: x is not iterable') as string,
  })
})
