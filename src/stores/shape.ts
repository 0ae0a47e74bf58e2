// Validates answers from servers. A store describes the shape of each answer with the functions below and checks the
// answer on arrival. All later code relies on that check.
//
// A shape returns the value itself, not a copy, with its type. It ignores additional fields, because newer servers send
// more fields. A mismatch never contains a value.
import type { FaultError } from '../core/fault.ts'
import { withoutSecrets } from '../system/secrets.ts'

/** Returns the value with its type. Throws a Mismatch if the value does not have this shape. */
export type Shape<T> = (value: unknown) => T

type Fields = Readonly<Record<string, Shape<unknown>>>
type RecordOf<F extends Fields> = { readonly [N in keyof F]: ReturnType<F[N]> }

/** A violation of the protocol: the path of the value, and what is wrong with it. */
export class Mismatch extends Error {
  #place = ''

  /** @param what the end of a message that begins with the path, such as "is not a list"; must not contain the value */
  constructor(private readonly what: string) {
    super(`it ${what}`)
  }

  /** Prepends a field name or list index to the path, while the exception propagates. */
  within(part: string | number): this {
    this.#place = placeOf(part) + this.#place
    this.message = `${this.#place.replace(/^\./, '')} ${this.what}`
    return this
  }
}

/** A name may come from a server, so a name that is not a plain word is quoted and shortened. */
const placeOf = (part: string | number): string => {
  if (typeof part === 'number') return `[${part}]`
  return /^[\w.]{1,60}$/.test(part)
    ? `.${part}`
    : `[${JSON.stringify(withoutSecrets(part).slice(0, 80))}]`
}

/** Runs `check` and uses `fault` to convert a Mismatch to a FaultError. */
export function expecting<T>(fault: (what: string) => FaultError, check: () => T): T {
  try {
    return check()
  } catch (error) {
    throw error instanceof Mismatch ? fault(error.message) : error
  }
}

export function mismatch(value: unknown, expected: string): never {
  throw new Mismatch(value === undefined ? 'is missing' : `is ${kindOf(value)}, not ${expected}`)
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  return (
    { string: 'a string', number: 'a number', boolean: 'a boolean' }[typeof value as string] ??
    'odd'
  )
}

export const text: Shape<string> = (value) =>
  typeof value === 'string' ? value : mismatch(value, 'a string')

export const bool: Shape<boolean> = (value) =>
  typeof value === 'boolean' ? value : mismatch(value, 'a boolean')

/** An integer of any size; digits beyond 2^53 are lost. */
export const integer: Shape<number> = (value) => {
  if (typeof value !== 'number') return mismatch(value, 'a number')
  if (Number.isInteger(value)) return value
  throw new Mismatch('is not an integer')
}

/** A non-negative integer. */
export const count: Shape<number> = (value) => {
  if (typeof value !== 'number') return mismatch(value, 'a number')
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Mismatch('is not a non-negative integer')
}

/** A non-negative 64-bit integer, as a string in JSON. */
export const digits: Shape<string> = (value) => {
  if (typeof value !== 'string') return mismatch(value, 'a number in a string')
  if (value.length <= 20 && /^\d+$/.test(value)) return value
  throw new Mismatch('is not a non-negative integer')
}

/** Bytes in base64. Checks only the length; bytesOf() checks the rest. */
export const base64: Shape<string> = (value) => {
  if (typeof value !== 'string') return mismatch(value, 'a string in base64')
  return value.length % 4 === 0 ? value : notBase64()
}

/** Decodes base64 (RFC 4648). Throws a Mismatch for invalid characters, which Node itself would skip. */
export function bytesOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return bytes.length === (text.length / 4) * 3 - padding ? bytes : notBase64()
}

function notBase64(): never {
  throw new Mismatch('is not base64')
}

/**
 * Accepts a string that matches a pattern.
 * @param one describes the expected string in messages, such as "a name"
 */
export const textLike =
  (pattern: RegExp, one: string): Shape<string> =>
  (value) => {
    if (typeof value !== 'string') return mismatch(value, 'a string')
    if (pattern.test(value)) return value
    throw new Mismatch(`is not ${one}`)
  }

/** Accepts only this string, which must be a plain word. */
export const expectText = (expected: string): Shape<string> =>
  textLike(new RegExp(`^${expected}$`), expected)

/** Also accepts an absent value. */
export const optional =
  <T>(shape: Shape<T>): Shape<T | undefined> =>
  (value) =>
    value === undefined ? undefined : shape(value)

/** Also accepts null, but not an absent value. */
export const orNull =
  <T>(shape: Shape<T>): Shape<T | null> =>
  (value) =>
    value === null ? null : shape(value)

/** Also accepts an absent value and null, which is how Go encodes an empty list or map. */
export const nullable =
  <T>(shape: Shape<T>): Shape<T | null | undefined> =>
  (value) =>
    value === undefined || value === null ? value : shape(value)

export const anything: Shape<unknown> = (value) => value

export function record<F extends Fields>(fields: F): Shape<RecordOf<F>> {
  const names = Object.keys(fields)
  const shapes = Object.values(fields)
  return (value) => {
    if (!isObject(value)) return mismatch(value, 'an object')
    // Uses an index, because an index is faster than an iterator, and thousands of records are checked.
    let n = 0
    try {
      for (; n < names.length; n++) (shapes[n] as Shape<unknown>)(value[names[n] as string])
    } catch (error) {
      throw error instanceof Mismatch ? error.within(names[n] as string) : error
    }
    return value as RecordOf<F>
  }
}

/** An object whose fields may have any names. */
export const objectOf =
  <T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> =>
  (value) => {
    if (!isObject(value)) return mismatch(value, 'an object')
    for (const name of Object.keys(value)) {
      try {
        shape(value[name])
      } catch (error) {
        throw error instanceof Mismatch ? error.within(name) : error
      }
    }
    return value as Readonly<Record<string, T>>
  }

export const listOf =
  <T>(shape: Shape<T>): Shape<readonly T[]> =>
  (value) => {
    if (!Array.isArray(value)) return mismatch(value, 'a list')
    each(value, shape)
    return value as readonly T[]
  }

/**
 * Calls `use` with each item of a list. Adds the index of the item to the path of a Mismatch.
 * @param name field name of the list, which is also added to the path
 */
export function each<T>(
  list: readonly T[],
  use: (item: T, index: number) => unknown,
  name?: string,
): void {
  let n = 0
  try {
    for (; n < list.length; n++) use(list[n] as T, n)
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error
    throw name === undefined ? error.within(n) : error.within(n).within(name)
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Whether a name may stand for several keys: Go's JSON replaces each invalid byte of a name with U+FFFD, and the JSON
 * may then contain the same name twice.
 */
export const isAmbiguous = (name: string): boolean => name.includes('\ufffd')
