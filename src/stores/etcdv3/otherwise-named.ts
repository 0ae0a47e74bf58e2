// Where nothing is found, whether the keys are there with the other kind of name: registry/a for /registry/a.
import type { Key } from '../../core/key.ts'
import type { Notice } from '../../core/store.ts'
import { Meter } from '../limits.ts'
import { EtcdError, type Gateway } from './gateway.ts'
import { Names } from './names.ts'
import { decode, txnResponse } from './wire.ts'

/** Prefixes that are tried. */
const TRIED = 10

/** What to tell about it; undefined when there is nothing, or etcd does not let us look. */
export async function otherwiseNamed(
  gateway: Gateway,
  { slashless }: Names,
  dirs: readonly Key[],
): Promise<Notice | undefined> {
  const others = new Names(!slashless)
  const name = await firstOf(gateway, others, dirs.slice(0, TRIED)).catch((error: unknown) => {
    if (error instanceof EtcdError) return undefined
    throw error
  })
  if (name === undefined) return undefined
  const message = slashless
    ? `no keys without a leading slash; ${name} has one: leave -etcd-slashless out`
    : `no keys with a leading slash; ${name} has none: -etcd-slashless reads such keys`
  return { level: 'warn', message }
}

async function firstOf(
  gateway: Gateway,
  names: Names,
  dirs: readonly Key[],
): Promise<string | undefined> {
  const ranges = dirs.flatMap((dir) => names.partsOf(dir)).map(({ range }) => range)
  const success = ranges.map((range) => ({
    request_range: { ...range, limit: 1, keys_only: true },
  }))
  const { place, limits } = gateway.http
  const meter = new Meter({ most: limits.message, option: '-max-message' }, place, 'keys')
  const { responses } = await gateway.call('/kv/txn', { success }, txnResponse, meter)
  const found = responses.flatMap(({ response_range: { kvs = [] } }) => kvs)
  return found.map(({ key }) => decode(key)).find((name) => names.keyOf(name) !== undefined)
}
