// The progress line at the bottom of a terminal while a store is read for the first time.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ReadingLine } from '../../src/observe/reading.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const started = {
  kind: 'started',
  version: '1',
  backend: 'etcdv3',
  nodes: [],
  resources: 1,
  uses: new Map([['a', ['etcdv3', 'consul']]]),
} as const
const live = (store: string) => ({ kind: 'store-live', store, node: 'n', keys: 1 }) as const

function reading() {
  const written: string[] = []
  const line = new ReadingLine((text) => written.push(text), Date.now)
  return { line, written }
}

test('it names the store and the time so far, and disappears before other output', () => {
  const { line, written } = reading()
  line.note(started)
  vi.advanceTimersByTime(999)
  expect(written).toEqual([])
  vi.advanceTimersByTime(501)
  expect(written.splice(0).at(-1)).toBe(
    'reading the keys of etcdv3, consul for the first time, 1.5 s',
  )
  line.clear()
  line.clear()
  expect(written.splice(0)).toEqual(['\r\u001b[K'])
  line.note(live('consul'))
  vi.advanceTimersByTime(500)
  expect(written.splice(0)).toEqual(['reading the keys of etcdv3 for the first time, 2 s'])
  line.note(live('etcdv3'))
  vi.advanceTimersByTime(5000)
  expect(written).toEqual(['\r\u001b[K'])
})

test('a quick or unreachable store gets no such line', () => {
  const { line, written } = reading()
  line.note(started)
  line.note(live('etcdv3'))
  const fault = { kind: 'store', message: 'away' } as const
  line.note({ kind: 'store-stale', store: 'consul', node: 'n', fault, known: false, retryIn: 1 })
  vi.advanceTimersByTime(5000)
  expect(written).toEqual([])
})
