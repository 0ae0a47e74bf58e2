// The types of parameters of template functions. Messages contain the type of an argument, never its value.
import { Pair } from './pair.ts'

export interface Param<T> {
  readonly name: string
  /** The type in messages, such as `a string`. */
  readonly type: string
  readonly hint?: string
  readonly optional?: boolean
  /** Converts an argument. Returns undefined if the argument has another type. */
  readonly accept: (value: unknown) => T | undefined
}

/** A Go int: a number if a number can represent it exactly, otherwise a bigint. */
export type Int = number | bigint

// nunjucks macros return String objects.
const asText = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : value instanceof String ? value.toString() : undefined

const asInt = (value: unknown): Int | undefined =>
  typeof value === 'bigint' || Number.isSafeInteger(value) ? (value as Int) : undefined

/** A number or boolean in a list counts as text, because JSON arrays may contain them. */
const asItem = (value: unknown): string | undefined =>
  typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    ? String(value)
    : asText(value)

function asList<T>(value: unknown, item: (value: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined
  const items = value.map(item)
  return items.includes(undefined) ? undefined : (items as T[])
}

export const textParam = (name: string): Param<string> => ({
  name,
  type: 'a string',
  accept: asText,
})

export const intParam = (name: string): Param<Int> => ({
  name,
  type: 'a whole number',
  hint: 'a value from the store is a string: convert it with atoi(...)',
  accept: asInt,
})

export const textsParam = (name: string): Param<string[]> => ({
  name,
  type: 'a list of strings',
  accept: (value) => asList(value, asItem),
})

export const pairsParam = (name: string): Param<Pair[]> => ({
  name,
  type: 'a list of pairs, as returned by gets()',
  accept: (value) => asList(value, (item) => (item instanceof Pair ? item : undefined)),
})

export const listParam = (name: string): Param<unknown[]> => ({
  name,
  type: 'a list',
  accept: (value) => (Array.isArray(value) ? (value as unknown[]) : undefined),
})

/** A missing value becomes null. */
export const anyParam = (name: string): Param<NonNullable<unknown> | null> => ({
  name,
  type: 'a value',
  accept: (value) => value ?? null,
})

export const booleanParam = (name: string): Param<boolean> => ({
  name,
  type: 'a boolean',
  accept: (value) => (typeof value === 'boolean' ? value : undefined),
})

export type Mapping = Readonly<Record<string, unknown>>

/** Whether a value is an object of plain data: not a list, a pair, a time or a function. */
export function isMap(value: unknown): value is Mapping {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

export const mapParam = (name: string): Param<Mapping> => ({
  name,
  type: 'a map',
  accept: (value) => (isMap(value) ? value : undefined),
})

export const textOrNumberParam = (name: string): Param<string | number> => ({
  name,
  type: 'a key or a number',
  accept: (value) => (typeof value === 'number' ? value : asText(value)),
})

export const numberParam = (name: string): Param<number> => ({
  name,
  type: 'a number',
  accept: (value) => (typeof value === 'number' ? value : undefined),
})

/** Makes a parameter optional. A missing argument becomes undefined. */
export const optionalParam = <T>(param: Param<T>): Param<T | undefined> => ({
  ...param,
  optional: true,
})

/** The type of a value, for messages. */
export function typeInWords(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Pair) return 'a pair (its text is .value)'
  if (asText(value) !== undefined) return 'a string'
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : 'a fraction'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
