// What goes over the wire: the messages of etcd's JSON gateway, as far as we use them, and keys
// and ranges in its base64. Fields with a default value are left out by the server; 64-bit
// integers are strings. https://etcd.io/docs/v3.5/dev-guide/api_reference_v3/
import { decodeValue } from '../../core/bytes.ts'
import type { Key } from '../../core/key.ts'

export interface Header {
  readonly cluster_id?: string
  readonly revision?: string
}

export interface KeyValue {
  readonly key?: string
  readonly value?: string
  readonly mod_revision?: string
}

export interface RangeResponse {
  readonly kvs?: readonly KeyValue[]
  readonly more?: boolean
}

export interface TxnResponse {
  readonly header?: Header
  readonly responses?: readonly { readonly response_range?: RangeResponse }[]
}

export interface WatchResponse {
  readonly header?: Header
  readonly created?: boolean
  readonly canceled?: boolean
  readonly compact_revision?: string
  readonly cancel_reason?: string
  readonly fragment?: boolean
  readonly events?: readonly { readonly type?: 'DELETE'; readonly kv?: KeyValue }[]
}

/** `[key, range_end)` in base64; without an end it is the one key. */
export interface Range {
  readonly key: string
  readonly range_end?: string
}

export const encode = (text: string): string => Buffer.from(text).toString('base64')

export const decode = (base64: string | undefined): string =>
  base64 === undefined ? '' : decodeValue(Buffer.from(base64, 'base64'))

/** int64 as a bigint: revisions of a long-lived cluster are not bounded by 2^53. */
export const integer = (text: string | undefined): bigint => BigInt(text ?? 0)

/**
 * A key as templates can name it, or undefined. etcd's keys are any bytes; those that do not start
 * with a slash or that have an empty part (`/a//b`, `/a/`) cannot be told apart from others once
 * normalised, and are not seen.
 */
export function decodeKey(base64: string | undefined): Key | undefined {
  const text = decode(base64)
  return /^(?:\/[^/]+)+$/s.test(text) ? (text as Key) : undefined
}

/** The key itself and all below it, nothing else: `0` is the character behind `/`. */
export const rangesOf = (dir: Key): readonly Range[] =>
  dir === '/'
    ? [{ key: encode('/'), range_end: encode('0') }]
    : [{ key: encode(dir) }, { key: encode(`${dir}/`), range_end: encode(`${dir}0`) }]

/**
 * The one range from the first directory to the end of the last, siblings such as `/app-b` and all
 * that lies between included.
 * @param dirs sorted and not empty
 */
export function spanOf(dirs: readonly Key[]): Range {
  const end = (dir: Key): string => (dir === '/' ? '0' : `${dir}0`)
  const ends = dirs.map((dir) => Buffer.from(end(dir))).sort((a, b) => a.compare(b))
  return {
    key: encode(dirs[0] as string),
    range_end: (ends.at(-1) as Buffer).toString('base64'),
  }
}

/** The smallest key behind the given one, for the next page. */
export const keyAfter = (base64: string): string =>
  Buffer.concat([Buffer.from(base64, 'base64'), Buffer.from([0])]).toString('base64')
