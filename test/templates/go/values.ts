// Functions that the generator of the vectors adds to Go's own functions. They create values of types that JSON lacks.
import { goFunction } from '../../../src/templates/go/builtins.ts'
import { GoTime } from '../../../src/templates/functions/clock.ts'
import { Time, TIME } from '../../../src/templates/go/time.ts'
import {
  ANY,
  ANY_MAP,
  BOOL,
  FLOAT64,
  funcOf,
  INT,
  INT64,
  INTS,
  KV_PAIR,
  mapOf,
  sliceOf,
  STRING,
  UINT8,
} from '../../../src/templates/go/types.ts'
import {
  CallError,
  Func,
  GoMap,
  Integer,
  pair,
  Slice,
  typeName,
  type MapKey,
  type Value,
} from '../../../src/templates/go/values.ts'

const floats = sliceOf(FLOAT64)
const intmap = mapOf(INT, STRING)
const boolmap = mapOf(BOOL, INT)
const adder = funcOf([INT, INT], INT)
const joiner = funcOf([STRING, STRING], STRING, true)

const at = (...parts: readonly number[]): bigint => {
  const [year = 0, month = 0, day, hour, minute, second, nano = 0] = parts
  return BigInt(Date.UTC(year, month - 1, day, hour, minute, second)) * 1_000_000n + BigInt(nano)
}

const map = (type: GoMap['type'], entries: readonly [MapKey, Value][]): GoMap =>
  new GoMap(type, new Map(entries))

export const testValues: ReadonlyMap<string, Func> = new Map([
  ['ints', goFunction([], INTS, () => new Slice(INTS, [3n, 1n, 2n]))],
  ['noints', goFunction([], INTS, () => new Slice(INTS, null))],
  ['floats', goFunction([], floats, () => new Slice(floats, [1, 2.5, 1e6, 1e-7, 123456789]))],
  [
    'intmap',
    goFunction([], intmap, () =>
      map(intmap, [
        [10n, 'ten'],
        [2n, 'two'],
        [-1n, 'minus'],
      ]),
    ),
  ],
  [
    'boolmap',
    goFunction([], boolmap, () =>
      map(boolmap, [
        [true, 1n],
        [false, 0n],
      ]),
    ),
  ],
  ['nilmap', goFunction([], ANY_MAP, () => new GoMap(ANY_MAP, null))],
  ['byte', goFunction([INT], UINT8, ([n]) => new Integer(UINT8, BigInt.asUintN(8, n as bigint)))],
  ['int64', goFunction([INT], INT64, ([n]) => new Integer(INT64, n as bigint))],
  ['pair', goFunction([], KV_PAIR, () => pair('/k', 'v'))],
  [
    'adder',
    goFunction([], adder, () => new Func(adder, ([a, b]) => (a as bigint) + (b as bigint))),
  ],
  [
    'joiner',
    goFunction([], joiner, () => new Func(joiner, ([sep, ...all]) => all.join(sep as string))),
  ],
  [
    'fail',
    goFunction([STRING], STRING, ([message]) => {
      throw new CallError(message as string)
    }),
  ],
  ['typeof', goFunction([ANY], STRING, ([value]) => typeName(value))],
  [
    'moment',
    goFunction([], TIME, () => new Time(new GoTime(at(2009, 11, 10, 23, 4, 5, 67890123), 'utc'))),
  ],
  ['summer', goFunction([], TIME, () => new Time(new GoTime(at(2024, 2, 29, 1, 2, 3), 'utc')))],
  ['big', goFunction([INT], STRING, ([n]) => '0123456789'.repeat(Number(n) / 10))],
])
