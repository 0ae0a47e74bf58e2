// What goes over the wire: the messages of etcd's JSON gateway, as far as we use them, and keys
// and ranges in its base64. Fields with a default value are left out by the server; 64-bit
// integers are strings. https://etcd.io/docs/v3.5/dev-guide/api_reference_v3/
import { decodeValue, encodeText } from '../../core/bytes.ts'
import type { Key } from '../../core/key.ts'
import {
  base64,
  bytesOf,
  digits,
  flag,
  listOf,
  Mismatch,
  optional,
  record,
  text,
  textLike,
} from '../shape.ts'

const revision = textLike(/^[1-9]\d{0,18}$/, 'a revision')

const cluster_id = optional(digits)

/** An id may be negative: it is any 64 bits. */
const lease = textLike(/^-?\d{1,19}$/, 'the id of a lease')

const header = record({ cluster_id, revision })

export type Header = ReturnType<typeof header>

export const keyValue = record({
  key: base64,
  value: optional(base64),
  mod_revision: optional(revision),
  lease: optional(lease),
  version: optional(digits),
})

export type EtcdKeyValue = ReturnType<typeof keyValue>

export const txnResponse = record({
  header,
  responses: listOf(
    record({
      response_range: record({
        kvs: optional(listOf(keyValue)),
        more: optional(flag),
        count: optional(digits),
      }),
    }),
  ),
})

export type RangeResponse = ReturnType<typeof txnResponse>['responses'][number]['response_range']

export const watchResponse = record({
  /** Without a revision where the watch ends. */
  header: record({ cluster_id, revision: optional(revision) }),
  created: optional(flag),
  canceled: optional(flag),
  compact_revision: optional(digits),
  cancel_reason: optional(text),
  fragment: optional(flag),
  events: optional(
    listOf(record({ type: optional(textLike(/^(?:PUT|DELETE)$/, 'PUT or DELETE')), kv: keyValue })),
  ),
})

export type WatchResponse = ReturnType<typeof watchResponse>

export const authResponse = record({ token: optional(text) })

/** `[key, range_end)` in base64; without an end it is the one key. */
export interface Range {
  readonly key: string
  readonly range_end?: string
}

export const encodeText64 = (text: string): string => encodeText(text).toString('base64')

export const decodeText64 = (base64: string | undefined): string =>
  base64 === undefined ? '' : decodeValue(bytesOf(base64))

/** int64 as a bigint: revisions of a long-lived cluster are not bounded by 2^53. */
export const integer = (text: string | undefined): bigint => BigInt(text ?? 0)

/**
 * A key as templates can name it, or undefined. etcd's keys are any bytes; those that do not start
 * with a slash or that have an empty part (`/a//b`, `/a/`) cannot be told apart from others once
 * normalised, and are not seen.
 * @param name the key as text
 */
export const templateKey = (name: string): Key | undefined =>
  /^(?:\/[^/]+)+$/s.test(name) ? (name as Key) : undefined

export const outsideOfRange = (): Mismatch =>
  new Mismatch('is not in the range that was asked for').within('key')

/** What may not be read, and the arguments of `etcdctl role grant-permission ROLE` that would let it be read. */
export interface Denied {
  readonly what: string
  readonly grant: string
}

/** A range to ask for, and what an answer to it may hold. */
export interface DirRange {
  readonly dir: Key
  readonly range: Range
  readonly includes: (name: string) => boolean
}

/**
 * What of a directory is denied: its key, what is below it, or both.
 * @param dir its name in etcd
 */
export function denialOf(dir: string, denied: readonly DirRange[]): Denied {
  const below = /^\/?$/.test(dir) ? dir : `${dir}/`
  const isKey = denied.some(({ range }) => range.range_end === undefined)
  const [key, keys] = [JSON.stringify(dir), JSON.stringify(below)]
  if (!isKey) return { what: `the keys below ${keys}`, grant: `--prefix=true read ${below}` }
  return denied.length === 1
    ? { what: `the key ${key}`, grant: `read ${dir}` }
    : { what: `${key} and the keys below it`, grant: `--prefix=true read ${dir}` }
}

/** Whether a key, as bytes, lies in a range. */
export function isIn({ key, range_end }: Range, bytes: Buffer): boolean {
  const order = bytes.compare(Buffer.from(key, 'base64'))
  if (range_end === undefined) return order === 0
  return order >= 0 && bytes.compare(Buffer.from(range_end, 'base64')) < 0
}

/** The smallest key behind the given one, for the next page. */
export const keyAfter = (base64: string): string =>
  Buffer.concat([Buffer.from(base64, 'base64'), Buffer.from([0])]).toString('base64')
