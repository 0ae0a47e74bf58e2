// Functions that accept values of any Go type: maps, lists, defaults.
import { goFunction } from '../builtins.ts'
import { ANY, ANY_MAP, ANY_SLICE, BOOL, KV_PAIR_SLICE, STRING, STRINGS } from '../types.ts'
import type { Struct } from '../values.ts'
import { CallError, Func, GoMap, isTrue, Slice, type MapKey, type Value } from '../values.ts'
import { entriesOf } from './bridge.ts'

/** Whether a value is missing, zero or empty. A func is never empty. */
const isEmpty = (value: Value): boolean => !(value instanceof Func) && !isTrue(value)

function makeMap(items: readonly Value[]): GoMap {
  if (items.length % 2 !== 0) throw new CallError('invalid map call')
  const entries = new Map<MapKey, Value>()
  for (let i = 0; i < items.length; i += 2) {
    const key = items[i]
    if (typeof key !== 'string') throw new CallError('map keys must be strings')
    entries.set(key, items[i + 1])
  }
  return new GoMap(ANY_MAP, entries)
}

/** Reverses a list in place, as confd does: other variables with this list see the new order. */
function reverse(value: Value): Value {
  if (!(value instanceof Slice) || (value.type !== STRINGS && value.type !== KV_PAIR_SLICE)) {
    return value
  }
  const turned = [...value.items()].reverse()
  turned.forEach((item, i) => value.set(i, item))
  return value
}

/** Sorts a list in place, shortest first. Items of equal length keep their order. */
function sortByLength(list: Slice, textOf: (item: Value) => string): Value {
  const sorted = [...list.items()].sort((a, b) => textOf(a).length - textOf(b).length)
  sorted.forEach((item, i) => list.set(i, item))
  return list
}

const keysOf = (map: Value): MapKey[] => (map instanceof GoMap ? map.sortedKeys() : [])

export const goCollectionFunctions: readonly (readonly [string, Func])[] = [
  ['map', goFunction([ANY], ANY_MAP, makeMap, true)],
  ['dict', goFunction([ANY], ANY_MAP, makeMap, true)],
  ['list', goFunction([ANY], ANY_SLICE, (items) => new Slice(ANY_SLICE, [...items]), true)],
  [
    'append',
    goFunction([ANY_SLICE, ANY], ANY_SLICE, ([list, item]) => {
      return new Slice(ANY_SLICE, [...(list as Slice).items(), item])
    }),
  ],
  ['reverse', goFunction([ANY], ANY, ([value]) => reverse(value))],
  ['sortByLength', goFunction([STRINGS], STRINGS, ([list]) => sortByLength(list as Slice, String))],
  [
    'sortKVByLength',
    goFunction([KV_PAIR_SLICE], KV_PAIR_SLICE, ([list]) =>
      sortByLength(list as Slice, (pair) => (pair as Struct).values[0] as string),
    ),
  ],
  [
    'hasKey',
    goFunction([ANY_MAP, STRING], BOOL, ([map, key]) => entriesOf(map).has(key as string)),
  ],
  ['keys', goFunction([ANY_MAP], STRINGS, ([map]) => new Slice(STRINGS, keysOf(map)))],
  [
    'values',
    goFunction([ANY_MAP], ANY_SLICE, ([map]) => {
      return new Slice(
        ANY_SLICE,
        keysOf(map).map((key) => entriesOf(map).get(key)),
      )
    }),
  ],
  [
    'pluck',
    goFunction(
      [STRING, ANY_MAP],
      ANY_SLICE,
      ([key, ...maps]) => {
        const having = maps.map(entriesOf).filter((entries) => entries.has(key as string))
        return new Slice(
          ANY_SLICE,
          having.length === 0 ? null : having.map((entries) => entries.get(key as string)),
        )
      },
      true,
    ),
  ],
  [
    'default',
    goFunction([ANY, ANY], ANY, ([otherwise, value]) => (isEmpty(value) ? otherwise : value)),
  ],
  ['ternary', goFunction([ANY, ANY, BOOL], ANY, ([yes, no, which]) => (which === true ? yes : no))],
  ['coalesce', goFunction([ANY], ANY, (all) => all.find((value) => !isEmpty(value)) ?? null, true)],
  ['empty', goFunction([ANY], BOOL, ([value]) => isEmpty(value))],
]
