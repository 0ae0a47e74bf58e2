// Reads one watch of an etcd v3 store event by event.
import { afterEach } from 'vitest'
import { FaultError, type Fault } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import type { ConnectionSettings } from '../../src/core/settings.ts'
import type { Store, StoreEvent, WatchOptions } from '../../src/core/store.ts'
import type { PulseTuning } from '../../src/stores/etcdv3/pulse.ts'
import { open } from '../../src/stores/etcdv3.ts'
import { settingsFor } from '../support/settings.ts'
import { within } from '../support/until.ts'

export const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes).toString('base64')

let last = 0
export const newPrefix = (): Key => `/test-${++last}`

/** @param interval milliseconds between the requests that supervise the watch */
export const tuningOf = (interval: number): PulseTuning => ({
  interval,
  patience: 3000,
  grace: 200,
  moment: 1000,
  opening: 10_000,
})

export function storeAt(
  node: string,
  more: Partial<ConnectionSettings> = {},
  tuning: PulseTuning = tuningOf(4000),
): Store {
  const connection = { nodes: [node], scheme: 'http' as const, ...more }
  const opened = open(settingsFor({ backend: 'etcdv3', connection }), tuning)
  if (!opened.ok) throw new FaultError(opened.error)
  return opened.value
}

const aborts: AbortController[] = []
afterEach(() => {
  for (const abort of aborts.splice(0)) abort.abort()
})

/** Starts a watch whose events are read one at a time. The watch ends with the test. */
export function watch(
  store: Store,
  prefixes: readonly Key[],
  options: Omit<WatchOptions, 'demand'> = {},
) {
  const abort = new AbortController()
  aborts.push(abort)
  const node = store.nodes[0] as string
  const iterator = store.watch(node, prefixes, abort.signal, options)[Symbol.asyncIterator]()
  const next = async (): Promise<StoreEvent> => {
    const result = await within('an event', iterator.next())
    if (result.done === true) throw new Error('the watch has returned')
    return result.value
  }
  const snapshot = async (): Promise<Record<string, string>> => {
    const event = await next()
    if (event.kind !== 'snapshot') throw new Error('not a snapshot')
    return Object.fromEntries(event.entries)
  }
  const delta = async () => {
    const event = await next()
    if (event.kind !== 'delta') throw new Error('not a delta')
    return { put: Object.fromEntries(event.put), del: [...event.del] }
  }
  const fault = async (): Promise<Fault> => {
    try {
      await next()
    } catch (error) {
      if (error instanceof FaultError) return error.fault
      throw error
    }
    throw new Error('it did not fail')
  }
  return { next, snapshot, delta, fault }
}
