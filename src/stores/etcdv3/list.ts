// The snapshot: all keys below the prefixes at one revision, page by page.
import { FaultError } from '../../core/fault.ts'
import type { Key } from '../../core/key.ts'
import { OutdatedError } from '../../core/store.ts'
import { Meter } from '../limits.ts'
import { each, Mismatch } from '../shape.ts'
import { code, EtcdError, type Gateway } from './gateway.ts'
import type { Names, Part } from './names.ts'
import {
  decode,
  integer,
  keyAfter,
  outside,
  txnResponse,
  type KeyValue,
  type RangeResponse,
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
 * Throws a FaultError, or an OutdatedError when that revision was compacted meanwhile.
 */
export async function list(
  gateway: Gateway,
  names: Names,
  prefixes: readonly Key[],
): Promise<Listing> {
  try {
    const parts = prefixes.flatMap((prefix) => names.partsOf(prefix))
    return await new Reading(gateway, names).read(parts)
  } catch (error) {
    const gone = error instanceof EtcdError && /has been compacted/.test(error.reason)
    throw gone ? new OutdatedError(error.fault) : error
  }
}

/** One reading of everything. */
class Reading {
  readonly #entries = new Map<Key, string>()
  readonly #meter: Meter
  #pinned: { readonly revision: string; readonly cluster: string } | undefined
  #page = PAGE
  #count = RANGES

  constructor(
    private readonly gateway: Gateway,
    private readonly names: Names,
  ) {
    const { place, limits } = gateway.http
    this.#meter = new Meter({ most: limits.body, option: '-max-body' }, place, 'keys')
  }

  async read(parts: readonly Part[]): Promise<Listing> {
    let open = parts
    while (open.length > 0) {
      const asked = open.slice(0, this.#count)
      try {
        open = [...(await this.#ask(asked)), ...open.slice(asked.length)]
      } catch (error) {
        if (!isTooLarge(error) || (this.#page === 1 && this.#count === 1)) throw error
        this.#page = Math.max(1, this.#page >> 2)
        this.#count = Math.max(1, this.#count >> 2)
      }
    }
    const { revision, cluster = '' } = this.#pinned ?? {}
    return { entries: this.#entries, revision: integer(revision), cluster }
  }

  /** Asks for the first page of each; returns what is left of them. */
  async #ask(parts: readonly Part[]): Promise<readonly Part[]> {
    const { gateway } = this
    const limit = this.#page
    const pinned = this.#pinned
    const at = pinned === undefined ? {} : { revision: pinned.revision }
    const body = {
      success: parts.map(({ range }) => ({ request_range: { ...range, limit, ...at } })),
    }
    const { header, responses } = await gateway.call('/kv/txn', body, txnResponse, this.#meter)
    const { revision, cluster_id: cluster = '' } = header
    if (
      pinned !== undefined &&
      (cluster !== pinned.cluster || integer(revision) < integer(pinned.revision))
    ) {
      throw new FaultError({
        kind: 'store',
        message: `${gateway.http.place} became another cluster while it was read`,
      })
    }
    this.#pinned ??= { revision, cluster }
    const rest: Part[] = []
    const take = ({ response_range: answer }: (typeof responses)[number], n: number): void => {
      const part = parts[n] as Part
      const last = this.#take(part, answer)
      if (last === undefined) return
      rest.push({ ...part, range: { ...part.range, key: keyAfter(last) } })
    }
    gateway.expecting(() => {
      if (responses.length !== parts.length) {
        const text = `has ${responses.length} items for ${parts.length} ranges`
        throw new Mismatch(text).within('responses')
      }
      each(responses, take, 'responses')
    })
    return rest
  }

  /** @returns the last key when there are more behind it, in base64 */
  #take(
    { range, includes }: Part,
    { kvs = [], more = false, count }: RangeResponse,
  ): string | undefined {
    const entries = this.#entries
    const take = ({ key: name, value }: KeyValue): void => {
      const text = decode(name)
      if (!includes(text)) throw outside()
      const key = this.names.keyOf(text)
      if (key === undefined) return
      const { size } = entries
      entries.set(key, decode(value))
      if (entries.size === size) throw new Mismatch('is there twice').within('key')
    }
    each(kvs, take, 'kvs')
    const odd = (what: string): Mismatch => new Mismatch(what).within('kvs')
    const total = count === undefined ? undefined : Number(count)
    if (kvs.length > this.#page) throw odd('has more keys than were asked for')
    if (total !== undefined && (more ? total <= kvs.length : total !== kvs.length)) {
      throw odd(`has ${kvs.length} keys, and its count is ${total}`)
    }
    if (!more) return undefined
    const last = kvs.at(-1)?.key
    const isFurther = last !== undefined && bytes(last).compare(bytes(range.key)) >= 0
    if (!isFurther) throw odd('has no key to go on from, though there are more')
    return last
  }
}

const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64')

/** Older gateways refuse answers above 4 MiB. */
const isTooLarge = (error: unknown): boolean =>
  error instanceof EtcdError && error.code === code.resourceExhausted
