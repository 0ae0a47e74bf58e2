// Functions on lists and groups of any type. The results keep the types of their items, so that fields and further
// functions work on them.
import { metaGroup, partBelow } from '../../functions/groups.ts'
import { naturally } from '../../functions/natural.ts'
import { noField } from '../../functions/sorting.ts'
import { fromBinary, toBinary } from '../../bytes.ts'
import { goFunction } from '../builtins.ts'
import { fieldOf } from '../fields.ts'
import { formatValue, sprintf } from '../format/printf.ts'
import { ANY, ANY_MAP, ANY_SLICE, BOOL, KV_PAIR_SLICE, mapOf, STRING, type Type } from '../types.ts'
import {
  CallError,
  GoMap,
  Integer,
  Slice,
  Struct,
  typeName,
  type Func,
  type MapKey,
  type Value,
} from '../values.ts'
import { entriesOf } from './bridge.ts'

function listOf(value: Value): Slice {
  if (value instanceof Slice) return value
  throw new CallError(`expected a list, got ${typeName(value)}`)
}

/** A string for comparison. It is the same for equal values of one type. */
const identity = (value: Value): string =>
  typeof value === 'string' ? `string ${value}` : `${typeName(value)} ${sprintf('%#v', [value])}`

const made = (list: Slice, items: readonly Value[]): Slice => new Slice(list.type, [...items])

function has(item: Value, list: Value): boolean {
  const wanted = identity(item)
  return listOf(list)
    .items()
    .some((one) => identity(one) === wanted)
}

function uniq(value: Value): Value {
  const list = listOf(value)
  const seen = new Set<string>()
  const items = list.items().filter((one) => {
    const text = identity(one)
    return seen.has(text) ? false : seen.add(text)
  })
  return made(list, items)
}

/** The value of a path such as `meta.version`; undefined if it is missing. */
function field(item: Value, path: string): Value {
  let value = item
  for (const name of path.split('.')) {
    const capital = name.charAt(0).toUpperCase() + name.slice(1)
    if (value instanceof Struct && value.type.places?.has(name) !== true) {
      if (value.type.places?.has(capital) !== true) return undefined
      value = fieldOf(value, capital, false, raise)
    } else if (value instanceof Struct || value instanceof GoMap) {
      value = fieldOf(value, name, false, raise)
    } else return undefined
  }
  return value
}

const raise = (message: string): never => {
  throw new CallError(message)
}

type Key = string | bigint | number

/** Numbers come before strings, which are compared by bytes. */
function compareKeys(a: Key, b: Key): number {
  if ((typeof a === 'string') !== (typeof b === 'string')) return typeof a === 'string' ? 1 : -1
  return a < b ? -1 : a > b ? 1 : 0
}

function sortBy(path: string, value: Value): Value {
  const list = listOf(value)
  const keyed = list.items().map((item, i) => {
    const found = field(item, path)
    const key = found instanceof Integer ? found.value : found
    return typeof key === 'string' || typeof key === 'bigint' || typeof key === 'number'
      ? { key, item }
      : raise(noField(i, path))
  })
  keyed.sort((a, b) => compareKeys(a.key, b.key))
  return made(
    list,
    keyed.map(({ item }) => item),
  )
}

function sortNatural(value: Value): Value {
  const list = listOf(value)
  const keyed = list.items().map((item) => {
    const key = item instanceof Struct ? field(item, 'Key') : item
    return typeof key === 'string' ? { key, item } : raise(`cannot sort ${typeName(item)}`)
  })
  keyed.sort((a, b) => naturally(a.key, b.key))
  return made(
    list,
    keyed.map(({ item }) => item),
  )
}

/** Groups items by name into a map of lists. Each list has the same type as `list`. */
function grouped(list: Slice, namesOf: (item: Value) => readonly string[]): GoMap {
  const groups = new Map<MapKey, Value[]>()
  for (const item of list.items()) {
    for (const name of new Set(namesOf(item))) {
      const group = groups.get(name)
      if (group === undefined) groups.set(name, [item])
      else group.push(item)
    }
  }
  const goListFunctions = [...groups].map(([name, items]) => [name, made(list, items)] as const)
  return new GoMap(mapOf(STRING, list.type), new Map<MapKey, Value>(goListFunctions))
}

function services(value: Value): Slice {
  const list = listOf(value)
  const isService = list.type.elem?.places?.has('Tags') === true
  return isService || list.length === 0 ? list : raise('expected a list of services')
}

const byTag = (value: Value): Value =>
  grouped(services(value), (item) => (field(item, 'Tags') as Slice).items().map(formatValue))

const byMeta = (names: string, value: Value): Value =>
  grouped(services(value), (item) => {
    const meta = entriesOf(field(item, 'Meta'))
    const valueOf = (name: string): string | undefined => {
      const found = meta.get(toBinary(name))
      return typeof found === 'string' ? fromBinary(found) : undefined
    }
    return [toBinary(metaGroup(fromBinary(names), valueOf))]
  })

const byKey = (dir: string, pairs: Value): Value =>
  grouped(pairs as Slice, (item) => {
    const part = partBelow(fromBinary(dir), fromBinary(field(item, 'Key') as string))
    return part === undefined ? [] : [toBinary(part)]
  })

/** Merges two maps recursively; the values of the first map win. */
function merged(first: Value, second: Value): GoMap {
  const entries = new Map(entriesOf(second))
  for (const [key, value] of entriesOf(first)) {
    const other = entries.get(key)
    const both = value instanceof GoMap && other instanceof GoMap
    entries.set(key, both ? merged(value, other) : value)
  }
  return new GoMap(ANY_MAP, entries)
}

/** Creates `first` and `last`, which accept a list of any type. */
const end = (at: (list: Slice) => number): Func =>
  goFunction([ANY], ANY, ([value]) => {
    const list = listOf(value)
    return list.length === 0 ? null : list.at(at(list))
  })

const listFunction = (params: readonly Type[], run: (...args: [string, Value]) => Value): Func =>
  goFunction(params, ANY, ([name, value]) => run(name as string, value))

export const lists: readonly (readonly [string, Func])[] = [
  ['has', goFunction([ANY, ANY], BOOL, ([item, list]) => has(item, list))],
  ['in', goFunction([ANY, ANY], BOOL, ([list, item]) => has(item, list))],
  ['uniq', goFunction([ANY], ANY, ([list]) => uniq(list))],
  ['first', end(() => 0)],
  ['last', end((list) => list.length - 1)],
  ['sortBy', listFunction([STRING, ANY], sortBy)],
  [
    'sortNatural',
    goFunction([ANY], ANY, ([list]) => sortNatural(list ?? new Slice(ANY_SLICE, null))),
  ],
  ['byTag', goFunction([ANY], ANY, ([list]) => byTag(list))],
  ['byMeta', listFunction([STRING, ANY], byMeta)],
  ['byKey', listFunction([STRING, KV_PAIR_SLICE], byKey)],
  ['mergeMap', goFunction([ANY_MAP, ANY_MAP], ANY_MAP, ([first, second]) => merged(first, second))],
]
