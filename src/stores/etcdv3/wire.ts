// The messages of etcd's JSON gateway that reconfd uses, and keys and ranges in base64. The server omits fields with
// default values and sends 64-bit integers as strings. See https://etcd.io/docs/v3.5/dev-guide/api_reference_v3/.
import { decodeValue, encodeText } from '../../core/bytes.ts'
import type { Key } from '../../core/key.ts'
import {
  base64,
  bytesOf,
  digits,
  bool,
  listOf,
  Mismatch,
  optional,
  record,
  text,
  textLike,
} from '../shape.ts'

const revision = textLike(/^[1-9]\d{0,18}$/, 'a revision')

const cluster_id = optional(digits)

/** Lease ids have 64 bits and may be negative. */
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
        more: optional(bool),
        count: optional(digits),
      }),
    }),
  ),
})

export type RangeResponse = ReturnType<typeof txnResponse>['responses'][number]['response_range']

export const watchResponse = record({
  /** The header contains no revision if the watch has ended. */
  header: record({ cluster_id, revision: optional(revision) }),
  created: optional(bool),
  canceled: optional(bool),
  compact_revision: optional(digits),
  cancel_reason: optional(text),
  fragment: optional(bool),
  events: optional(
    listOf(record({ type: optional(textLike(/^(?:PUT|DELETE)$/, 'PUT or DELETE')), kv: keyValue })),
  ),
})

export type WatchResponse = ReturnType<typeof watchResponse>

export const authResponse = record({ token: optional(text) })

/** The keys in `[key, range_end)`, in base64; without `range_end`, only `key`. */
export interface Range {
  readonly key: string
  readonly range_end?: string
}

export const encodeText64 = (text: string): string => encodeText(text).toString('base64')

export const decodeText64 = (base64: string | undefined): string =>
  base64 === undefined ? '' : decodeValue(bytesOf(base64))

/** An int64 as a bigint, because the revisions of a long-lived cluster may exceed 2^53. */
export const integer = (text: string | undefined): bigint => BigInt(text ?? 0)

/**
 * The name as a key; undefined if templates cannot read this key. etcd's keys are arbitrary bytes. Keys without a
 * leading slash, or with an empty part (`/a//b`, `/a/`), are ignored, because normalization would merge them with other
 * keys.
 * @param name the key as text
 */
export const templateKey = (name: string): Key | undefined =>
  /^(?:\/[^/]+)+$/s.test(name) ? (name as Key) : undefined

export const outsideOfRange = (): Mismatch =>
  new Mismatch('is outside of the requested range').within('key')

export interface Denied {
  /** The denied keys, for messages. */
  readonly what: string
  /** Arguments of `etcdctl role grant-permission ROLE` that grant access. */
  readonly grant: string
}

/** A range of keys in one directory. */
export interface DirRange {
  readonly dir: Key
  readonly range: Range
  /** Whether the range contains this name. */
  readonly includes: (name: string) => boolean
}

/**
 * Describes what is denied in a directory: its key, everything below it, or both.
 * @param dir the directory's name in etcd
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

/** Whether a range contains a key. */
export function isIn({ key, range_end }: Range, bytes: Buffer): boolean {
  const order = bytes.compare(Buffer.from(key, 'base64'))
  if (range_end === undefined) return order === 0
  return order >= 0 && bytes.compare(Buffer.from(range_end, 'base64')) < 0
}

/** The smallest key after the given one, for the next page. */
export const keyAfter = (base64: string): string =>
  Buffer.concat([Buffer.from(base64, 'base64'), Buffer.from([0])]).toString('base64')
