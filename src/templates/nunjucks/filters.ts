// Replaces filters of nunjucks that take more than linear time for hostile values, split characters, round large
// integers, or access properties that every JavaScript object has. Otherwise, the results are those of the package. All
// other filters were examined and are linear.
import { encodeText } from '../../core/bytes.ts'
import { raise } from '../../core/fault.ts'
import { typeInWords } from '../functions/params.ts'
import { indexOf } from '../search.ts'
import { dump } from './dump.ts'
import { memberOf } from './members.ts'

export type Filter = (...args: readonly unknown[]) => unknown
type Filters = Readonly<Record<string, Filter>>

/** @param builtin the filters of the package, for the cases that they handle well */
export function safeFilters(builtin: Filters): Filters {
  const otherwise = (name: string, args: readonly unknown[]): unknown =>
    (builtin[name] as Filter)(...args)
  return {
    dump: (value, spaces) => dump(value, spaces),
    trim: (value) => textOf('trim', value).trim(),
    striptags: (value, keepLines) =>
      stripTags(optionalText('striptags', value), keepLines === true),
    list: (value) => (isText(value) ? [...String(value)] : otherwise('list', [value])),
    reverse: (value) =>
      isText(value) ? [...String(value)].reverse().join('') : otherwise('reverse', [value]),
    truncate: (...args) => withoutHalf(args[0], otherwise('truncate', args)),
    urlencode: (value) => urlEncode(value),
    groupby: (items, path) => groupBy(items, path),
    center: (...args) => otherwise('center', bounded('center', args, 1, LARGEST)),
    batch: (...args) => otherwise('batch', bounded('batch', args, 1, MOST_PARTS)),
    slice: (...args) => otherwise('slice', bounded('slice', args, 1, MOST_PARTS)),
    indent: (...args) => {
      const lines = String(args[0]).split('\n').length
      return otherwise('indent', bounded('indent', args, lines, LARGEST))
    },
    selectattr: (items, name) => listOf(items).filter((one) => Boolean(attribute(one, name))),
    rejectattr: (items, name) => listOf(items).filter((one) => !attribute(one, name)),
    join: (items, by, name) => {
      const values = isMissing(name)
        ? listOf(items)
        : listOf(items).map((one) => attribute(one, name))
      return values.join(by ? String(by) : '')
    },
    sum: (items, name, start) =>
      isMissing(name)
        ? otherwise('sum', [items, name, start])
        : otherwise('sum', [listOf(items).map((one) => attribute(one, name)), undefined, start]),
    int: (...args) => exactInteger(args, otherwise('int', args)),
    replace: (...args) => replace(args, () => otherwise('replace', args)),
  }
}

/** Maximum number of spaces that one call may add. */
const LARGEST = 64 * 1024 * 1024
/** Maximum number of lists in the result of one call. */
const MOST_PARTS = 1_000_000

/** Limits the second argument of a filter, because this argument may also come from a store. */
function bounded(
  name: string,
  args: readonly unknown[],
  times: number,
  most: number,
): readonly unknown[] {
  if (Number(args[1] ?? 0) * times > most) raise('template', `${name}: the result is too large`)
  return args
}

const isText = (value: unknown): value is string | number | { toString(): string } =>
  typeof value === 'string' || value instanceof String

function textOf(name: string, value: unknown): string {
  if (isText(value) || typeof value === 'number' || typeof value === 'bigint') return String(value)
  return raise('template', `${name} works on a string, not on ${typeInWords(value)}`)
}

const optionalText = (name: string, value: unknown): string =>
  value === null || value === undefined || value === false ? '' : textOf(name, value)

const isMissing = (value: unknown): boolean => value === undefined || value === null || value === ''

const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value)
    ? (value as unknown[])
    : raise('template', `the filter works on a list, not on ${typeInWords(value)}`)

const attribute = (item: unknown, name: unknown): unknown =>
  item === null || item === undefined ? undefined : memberOf(item, String(name))

/** Removes tags such as `<a href=x>` and comments, and collapses white space. */
function stripTags(text: string, keepLines: boolean): string {
  const bare = withoutTags(text).trim()
  if (!keepLines) return bare.replace(/\s+/g, ' ')
  const isEdge = (char: string | undefined): boolean =>
    char === undefined || /[\n\r\u2028\u2029]/.test(char)
  return bare
    .replace(/ +/g, (run, at: number) =>
      isEdge(bare[at - 1]) || isEdge(bare[at + run.length]) ? '' : ' ',
    )
    .replace(/\r\n/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
}

/** The beginning of a tag or comment. */
const TAG = /<(?:!--|\/?[a-z][a-z0-9]*\b)/gi

function withoutTags(text: string): string {
  let out = ''
  let done = 0
  const ends = { '>': 0, '-->': 0 }
  /** The end of a tag or comment from `at` on; a failed search is not repeated. */
  const endFrom = (end: '>' | '-->', at: number): number => {
    if (ends[end] >= 0 && ends[end] < at) ends[end] = text.indexOf(end, at)
    return ends[end]
  }
  TAG.lastIndex = 0
  for (let tag = TAG.exec(text); tag !== null; tag = TAG.exec(text)) {
    const end = tag[0] === '<!--' ? '-->' : '>'
    const at = endFrom(end, TAG.lastIndex)
    if (at < 0) continue
    out += text.slice(done, tag.index)
    done = at + end.length
    TAG.lastIndex = done
  }
  return out + text.slice(done)
}

/** Removes half a character at the end of a truncated string, because the package cuts between UTF-16 code units. */
const withoutHalf = (whole: unknown, cut: unknown): unknown =>
  typeof cut === 'string' && isText(whole) && String(whole).isWellFormed()
    ? cut.replace(/\p{Surrogate}/gu, '')
    : cut

/** Percent-encodes the bytes, including invalid ones. */
function urlEncode(value: unknown): string {
  const encode = (item: unknown): string => {
    const text = String(item)
    if (text.isWellFormed()) return encodeURIComponent(text)
    return encodeText(text)
      .toString('latin1')
      .replace(/[^A-Za-z0-9\-_.!~*'()]/g, (byte) => {
        return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
      })
  }
  if (isText(value)) return encode(value)
  const pairs = Array.isArray(value)
    ? (value as readonly [unknown, unknown][])
    : Object.entries(value ?? {})
  return pairs.map(([key, item]) => `${encode(key)}=${encode(item)}`).join('&')
}

function groupBy(items: unknown, path: unknown): unknown {
  // This object must have no prototype, because a group may have the name `constructor`.
  const groups = Object.create(null) as Record<string, unknown[]>
  for (const item of Array.isArray(items) ? (items as unknown[]) : []) {
    const value = String(path).split('.').reduce(attribute, item)
    if (value === undefined) {
      raise('template', `groupby: an item has no attribute "${String(path)}"`)
    }
    ;(groups[String(value)] ??= []).push(item)
  }
  return groups
}

/** Returns the exact integer if parseInt has rounded a decimal number beyond ±2^53, otherwise `rounded`. */
function exactInteger([value, , base]: readonly unknown[], rounded: unknown): unknown {
  if (typeof rounded !== 'number' || Number.isSafeInteger(rounded)) return rounded
  const digits = isText(value) ? /^\s*([+-]?)(\d{1,400})(?!\d)/.exec(String(value)) : null
  if (digits === null || (base !== undefined && base !== 10)) return rounded
  const size = BigInt(digits[2] as string)
  return digits[1] === '-' ? -size : size
}

/** Replaces one string with another. The package handles arguments of other types. */
function replace([text, old, by, most]: readonly unknown[], otherwise: () => unknown): unknown {
  if (!isText(text) || typeof old !== 'string' || old.length === 0) return otherwise()
  const whole = String(text)
  let out = ''
  let done = 0
  for (let count = 0; most === undefined || most === -1 || count < Number(most); count++) {
    const at = indexOf(whole, old, done)
    if (at < 0) break
    out += whole.slice(done, at) + String(by)
    done = at + old.length
  }
  return out + whole.slice(done)
}
