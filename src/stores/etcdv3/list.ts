// Reads the snapshot: all keys below the prefixes at one revision, page by page.
import { FaultError } from '../../core/fault.ts'
import type { Key } from '../../core/key.ts'
import { Meter } from '../limits.ts'
import { each, Mismatch } from '../shape.ts'
import { grpcCode, EtcdError, isDenied, type Gateway } from './gateway.ts'
import { Held } from './held.ts'
import type { EtcdNames } from './names.ts'
import { askRanges, outdatedIfGone, RANGES } from './ranges.ts'
import {
  decodeText64,
  denialOf,
  integer,
  keyAfter,
  templateKey,
  outsideOfRange,
  type Header,
  type EtcdKeyValue,
  type DirRange,
  type RangeResponse,
} from './wire.ts'

export interface Etcdv3Listing {
  readonly entries: ReadonlyMap<Key, string>
  readonly held: Held
}

/**
 * Initial maximum number of keys from one range in one answer. The class Reading lowers the number if the server
 * reports that an answer would be too large.
 */
const PAGE = 1000

/**
 * Reads everything below the prefixes. Requests several ranges in one read-only transaction, so that a listing usually
 * takes one request. Any further request reads the keys at the revision of the first answer. Throws a FaultError, or an
 * OutdatedError if that revision was compacted meanwhile.
 */
export async function listKeys(
  gateway: Gateway,
  names: EtcdNames,
  prefixes: readonly Key[],
): Promise<Etcdv3Listing> {
  const held = new Held(prefixes, names)
  try {
    return await new Reading(gateway, held).read()
  } catch (error) {
    if (isDenied(error)) throw await namingDenied(gateway, held, error)
    throw outdatedIfGone(error)
  }
}

/**
 * Adds the denied keys to the error, since etcd does not report them. If several directories are denied, mentions only
 * one of them.
 */
async function namingDenied(
  gateway: Gateway,
  { names, parts }: Held,
  error: EtcdError,
): Promise<EtcdError> {
  const isDeniedIn = async (some: readonly DirRange[]): Promise<boolean> => {
    const ranges = some.map(({ range }) => ({ ...range, limit: 1, keys_only: true }))
    return askRanges(gateway, ranges).then(() => false, isDenied)
  }
  let suspects = parts
  while (suspects.length > 1) {
    const half = suspects.slice(0, Math.min(suspects.length >> 1, RANGES))
    suspects = (await isDeniedIn(half)) ? half : suspects.slice(half.length)
  }
  const dir = suspects[0]?.dir as Key
  const denied: DirRange[] = []
  for (const part of names.partsOf(dir)) if (await isDeniedIn([part])) denied.push(part)
  if (denied.length === 0) return error
  return gateway.error(error.reason, error.code, denialOf(names.inEtcd(dir), denied))
}

/** Reads one listing. */
class Reading {
  readonly #entries = new Map<Key, string>()
  readonly #meter: Meter
  #pinned: Header | undefined
  #page = PAGE
  #count = RANGES

  constructor(
    private readonly gateway: Gateway,
    private readonly held: Held,
  ) {
    const { place, limits } = gateway.http
    this.#meter = new Meter({ most: limits.body, option: '-max-body' }, place, 'keys')
  }

  async read(): Promise<Etcdv3Listing> {
    const { held } = this
    let open = held.parts
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
    held.revision = integer(this.#pinned?.revision)
    held.cluster = this.#pinned?.cluster_id ?? ''
    return { entries: this.#entries, held }
  }

  /** Reads the first page of each range. Returns the parts of the ranges that remain to be read. */
  async #ask(parts: readonly DirRange[]): Promise<readonly DirRange[]> {
    const { gateway } = this
    const limit = this.#page
    const pinned = this.#pinned
    const at = pinned === undefined ? {} : { revision: pinned.revision }
    const ranges = parts.map(({ range }) => ({ ...range, limit, ...at }))
    const { header, answers } = await askRanges(gateway, ranges, { meter: this.#meter })
    if (
      pinned !== undefined &&
      (header.cluster_id !== pinned.cluster_id ||
        integer(header.revision) < integer(pinned.revision))
    ) {
      throw new FaultError({
        kind: 'store',
        message: `${gateway.http.place} was replaced by another cluster during the listing`,
      })
    }
    this.#pinned ??= header
    const rest: DirRange[] = []
    const take = (answer: RangeResponse, n: number): void => {
      const part = parts[n] as DirRange
      const last = this.#take(part, answer)
      if (last === undefined) return
      rest.push({ ...part, range: { ...part.range, key: keyAfter(last) } })
    }
    gateway.expecting(() => each(answers, take, 'responses'))
    return rest
  }

  /** @returns the last key in base64, if more keys follow */
  #take(
    { dir, range, includes }: DirRange,
    { kvs = [], more = false, count }: RangeResponse,
  ): string | undefined {
    const take = (kv: EtcdKeyValue): void => {
      const name = this.held.names.read(kv.key)
      if (!includes(name)) throw outsideOfRange()
      if (!this.held.add(name, dir, kv)) throw new Mismatch('appears twice').within('key')
      const key = templateKey(name)
      if (key !== undefined) this.#entries.set(key, decodeText64(kv.value))
    }
    each(kvs, take, 'kvs')
    const odd = (what: string): Mismatch => new Mismatch(what).within('kvs')
    const total = count === undefined ? undefined : Number(count)
    if (kvs.length > this.#page) throw odd('has more keys than requested')
    if (total !== undefined && (more ? total <= kvs.length : total !== kvs.length)) {
      throw odd(`has ${kvs.length} keys, but its count is ${total}`)
    }
    if (!more) return undefined
    const last = kvs.at(-1)?.key
    const isFurther = last !== undefined && bytes(last).compare(bytes(range.key)) >= 0
    if (!isFurther) throw odd('has no last key to continue from, although more keys follow')
    return last
  }
}

const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64')

/** Older gateways refuse answers of more than 4 MiB. */
const isTooLarge = (error: unknown): boolean =>
  error instanceof EtcdError && error.code === grpcCode.resourceExhausted
