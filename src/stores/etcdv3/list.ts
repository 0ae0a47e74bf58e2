// The snapshot: all keys below the prefixes at one revision, page by page.
import type { Key } from '../../core/key.ts'
import { code, EtcdError, type Gateway } from './gateway.ts'
import {
  decode,
  decodeKey,
  integer,
  keyAfter,
  rangesOf,
  type Range,
  type TxnResponse,
} from './wire.ts'

export interface Listing {
  readonly entries: ReadonlyMap<Key, string>
  /** The revision all of it was read at. */
  readonly revision: bigint
  readonly cluster: string
}

/** Keys a range gives in one answer; less when the server finds the answer too large. */
const PAGE = 1000
/** Ranges asked for in one transaction; the server's own limit is 128. */
const RANGES = 100

/**
 * Reads everything below the prefixes. Several ranges go in one read-only transaction, so that the
 * usual listing is one request; what does not fit follows at the revision of the first answer.
 * Throws a FaultError.
 */
export async function list(gateway: Gateway, prefixes: readonly Key[]): Promise<Listing> {
  for (;;) {
    try {
      return await listOnce(gateway, prefixes)
    } catch (error) {
      // The pinned revision was compacted between two pages: a newer one will do.
      if (error instanceof EtcdError && /has been compacted/.test(error.reason)) continue
      throw error
    }
  }
}

async function listOnce(gateway: Gateway, prefixes: readonly Key[]): Promise<Listing> {
  const entries = new Map<Key, string>()
  let open: Range[] = prefixes.flatMap(rangesOf)
  let page = PAGE
  let count = RANGES
  let pinned: { readonly revision: string; readonly cluster: string } | undefined
  while (open.length > 0) {
    const asked = open.slice(0, count)
    let answer: TxnResponse
    try {
      answer = await read(gateway, asked, page, pinned?.revision)
    } catch (error) {
      if (!isTooLarge(error) || (page === 1 && count === 1)) throw error
      page = Math.max(1, page >> 2)
      count = Math.max(1, count >> 2)
      continue
    }
    pinned ??= {
      revision: answer.header?.revision ?? '0',
      cluster: answer.header?.cluster_id ?? '',
    }
    const rest: Range[] = []
    asked.forEach((range, index) => {
      const { kvs = [], more } = answer.responses?.[index]?.response_range ?? {}
      for (const kv of kvs) {
        const key = decodeKey(kv.key)
        if (key !== undefined) entries.set(key, decode(kv.value))
      }
      const last = kvs.at(-1)?.key
      if (more === true && last !== undefined) rest.push({ ...range, key: keyAfter(last) })
    })
    open = [...rest, ...open.slice(asked.length)]
  }
  return { entries, revision: integer(pinned?.revision), cluster: pinned?.cluster ?? '' }
}

const read = (
  gateway: Gateway,
  ranges: readonly Range[],
  limit: number,
  revision: string | undefined,
): Promise<TxnResponse> =>
  gateway.call('/kv/txn', {
    success: ranges.map((range) => ({
      request_range: { ...range, limit, ...(revision === undefined ? {} : { revision }) },
    })),
  })

/** Older gateways refuse answers above 4 MiB. */
const isTooLarge = (error: unknown): boolean =>
  error instanceof EtcdError && error.code === code.resourceExhausted
