// The kinds of arguments that template functions take. A message says what was given, never its value.
import { Pair } from './pair.ts'

export interface Param<T> {
  readonly name: string
  /** `a string`: how a message calls it. */
  readonly type: string
  readonly hint?: string
  readonly optional?: boolean
  /** The value as the function wants it; undefined when it is of another kind. */
  readonly accept: (value: unknown) => T | undefined
}

/** An integer as Go's int64 has it: a number while that is exact, else a bigint. */
export type Int = number | bigint

// Macros of nunjucks return String objects.
const asText = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : value instanceof String ? value.toString() : undefined

const asInt = (value: unknown): Int | undefined =>
  typeof value === 'bigint' || Number.isSafeInteger(value) ? (value as Int) : undefined

/** Numbers and booleans count as text in a list: JSON arrays have them. */
const asItem = (value: unknown): string | undefined =>
  typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    ? String(value)
    : asText(value)

function asList<T>(value: unknown, item: (value: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined
  const items = value.map(item)
  return items.includes(undefined) ? undefined : (items as T[])
}

export const text = (name: string): Param<string> => ({ name, type: 'a string', accept: asText })

export const int = (name: string): Param<Int> => ({
  name,
  type: 'a whole number',
  hint: 'a value of the store is a string: atoi(...) makes a number of it',
  accept: asInt,
})

export const texts = (name: string): Param<string[]> => ({
  name,
  type: 'a list of strings',
  accept: (value) => asList(value, asItem),
})

export const pairs = (name: string): Param<Pair[]> => ({
  name,
  type: 'a list of pairs, as gets() gives',
  accept: (value) => asList(value, (item) => (item instanceof Pair ? item : undefined)),
})

export const list = (name: string): Param<unknown[]> => ({
  name,
  type: 'a list',
  accept: (value) => (Array.isArray(value) ? (value as unknown[]) : undefined),
})

/** Nothing at all counts as null. */
export const any = (name: string): Param<NonNullable<unknown> | null> => ({
  name,
  type: 'a value',
  accept: (value) => value ?? null,
})

export const flag = (name: string): Param<boolean> => ({
  name,
  type: 'a boolean',
  accept: (value) => (typeof value === 'boolean' ? value : undefined),
})

export type Mapping = Readonly<Record<string, unknown>>

/** An object of plain data: not a list, a pair, a moment or a function. */
export function isMap(value: unknown): value is Mapping {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

export const mapping = (name: string): Param<Mapping> => ({
  name,
  type: 'a map',
  accept: (value) => (isMap(value) ? value : undefined),
})

export const textOrNumber = (name: string): Param<string | number> => ({
  name,
  type: 'a key or a number',
  accept: (value) => (typeof value === 'number' ? value : asText(value)),
})

export const number = (name: string): Param<number> => ({
  name,
  type: 'a number',
  accept: (value) => (typeof value === 'number' ? value : undefined),
})

/** The parameter may be left out; the function then sees undefined. */
export const optional = <T>(param: Param<T>): Param<T | undefined> => ({ ...param, optional: true })

/** What kind of value it is, for a message. */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Pair) return 'a pair (its text is .value)'
  if (asText(value) !== undefined) return 'a string'
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : 'a fraction'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
