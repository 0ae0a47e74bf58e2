// What an answer has to look like, and what of it does not. A store describes each answer once, with the
// words below, and checks it where it enters: what is behind the check can be relied on.
//
// A shape looks at a value and returns the very same one under its type, so that a check costs no copy.
// Fields that it does not name are ignored: servers add new ones. No value appears in a mismatch.
import type { FaultError } from '../core/fault.ts'

/** Returns the value as what it is; throws a Mismatch. */
export type Shape<T> = (value: unknown) => T

type Fields = Readonly<Record<string, Shape<unknown>>>
type RecordOf<F extends Fields> = { readonly [N in keyof F]: ReturnType<F[N]> }

/** A value that is not what the protocol says: where it stands, and what is wrong with it. */
export class Mismatch extends Error {
  #place = ''

  /** @param what completes "the field ..."; without the value */
  constructor(private readonly what: string) {
    super(`it ${what}`)
  }

  /** Notes, on the way out, the name or the index under which the value stood. */
  within(part: string | number): this {
    this.#place = placeOf(part) + this.#place
    this.message = `${this.#place.replace(/^\./, '')} ${this.what}`
    return this
  }
}

/** Names may be a server's own, so they are quoted and cut where they are no plain word. */
const placeOf = (part: string | number): string => {
  if (typeof part === 'number') return `[${part}]`
  return /^[\w.]{1,60}$/.test(part) ? `.${part}` : `[${JSON.stringify(part.slice(0, 80))}]`
}

/** Runs what may throw a Mismatch; it becomes the fault of the server that gave the answer. */
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
    { string: 'a text', number: 'a number', boolean: 'a boolean' }[typeof value as string] ?? 'odd'
  )
}

export const text: Shape<string> = (value) =>
  typeof value === 'string' ? value : mismatch(value, 'a text')

export const flag: Shape<boolean> = (value) =>
  typeof value === 'boolean' ? value : mismatch(value, 'a boolean')

/** A whole number from 0 on. */
export const count: Shape<number> = (value) => {
  if (typeof value !== 'number') return mismatch(value, 'a number')
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Mismatch('is not a whole number from 0 on')
}

/** A 64-bit integer from 0 on, as the text that JSON carries it in. */
export const digits: Shape<string> = (value) => {
  if (typeof value !== 'string') return mismatch(value, 'a number as text')
  if (value.length <= 20 && /^\d+$/.test(value)) return value
  throw new Mismatch('is not a whole number from 0 on')
}

/** Bytes in base64, as far as a look at the text tells; bytesOf() sees the rest. */
export const base64: Shape<string> = (value) => {
  if (typeof value !== 'string') return mismatch(value, 'a text in base64')
  return value.length % 4 === 0 ? value : notBase64()
}

/** The bytes of a base64 text (RFC 4648); throws a Mismatch. Node itself skips what is not base64. */
export function bytesOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return bytes.length === (text.length / 4) * 3 - padding ? bytes : notBase64()
}

function notBase64(): never {
  throw new Mismatch('is not base64')
}

/** @param one completes "is not" */
export const textLike =
  (pattern: RegExp, one: string): Shape<string> =>
  (value) => {
    if (typeof value !== 'string') return mismatch(value, 'a text')
    if (pattern.test(value)) return value
    throw new Mismatch(`is not ${one}`)
  }

/** This one text. */
export const expectText = (expected: string): Shape<string> =>
  textLike(new RegExp(`^${expected}$`), expected)

/** May be left out. */
export const optional =
  <T>(shape: Shape<T>): Shape<T | undefined> =>
  (value) =>
    value === undefined ? undefined : shape(value)

/** May be null, and has to be there. */
export const orNull =
  <T>(shape: Shape<T>): Shape<T | null> =>
  (value) =>
    value === null ? null : shape(value)

/** May be left out, and may be null, which is how Go writes an empty list or map. */
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
    // By number, since thousands are looked at: an iterator would take longer than the look itself.
    let n = 0
    try {
      for (; n < names.length; n++) (shapes[n] as Shape<unknown>)(value[names[n] as string])
    } catch (error) {
      throw error instanceof Mismatch ? error.within(names[n] as string) : error
    }
    return value as RecordOf<F>
  }
}

/** An object whose names are data. */
export const mapOf =
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
 * Calls `use` with each of a list; a Mismatch says which one it was.
 * @param name of the list
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
