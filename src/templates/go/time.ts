// time.Time, the type of `datetime`: its methods, text and layouts.
import { GoTime, monthName, weekdayName, type Zone } from '../functions/clock.ts'
import { fromBinary, toBinary } from '../bytes.ts'
import { goFunction } from './builtins.ts'
import { BOOL, definedType, INT, INT64, pointerTo, STRING, structOf, type Type } from './types.ts'
import type { Func } from './values.ts'
import { Integer, Opaque, type Value } from './values.ts'

const TIME = structOf('time.Time', [])
const LOCATION = pointerTo(structOf('time.Location', []))
const MONTH = definedType(
  'time.Month',
  INT,
  (month) => monthName(Number(month)) || `%!Month(${month})`,
)
const WEEKDAY = definedType(
  'time.Weekday',
  INT,
  (day) => weekdayName(Number(day)) || `%!Weekday(${day})`,
)
export const DURATION = definedType('time.Duration', INT64, durationText)

/** The text of a time.Duration, such as `1h2m3.5s`. */
function durationText(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s'
  const sign = nanoseconds < 0n ? '-' : ''
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds
  const fraction = (value: bigint, unit: bigint): string => {
    const rest = (value % unit)
      .toString()
      .padStart(unit.toString().length - 1, '0')
      .replace(/0+$/, '')
    return `${value / unit}${rest === '' ? '' : `.${rest}`}`
  }
  if (size < 1000n) return `${sign}${size}ns`
  if (size < 1_000_000n) return `${sign}${fraction(size, 1000n)}\xc2\xb5s`
  if (size < 1_000_000_000n) return `${sign}${fraction(size, 1_000_000n)}ms`
  const minutes = size / 60_000_000_000n
  const seconds = `${fraction(size % 60_000_000_000n, 1_000_000_000n)}s`
  if (minutes === 0n) return sign + seconds
  return minutes < 60n
    ? `${sign}${minutes}m${seconds}`
    : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`
}

class Location extends Opaque {
  readonly type = LOCATION
  constructor(private readonly zone: Zone) {
    super()
  }
  text(): string {
    return this.zone === 'utc' ? 'UTC' : 'Local'
  }
  identity(): string {
    return this.zone
  }
  method(name: string): Func | undefined {
    return name === 'String' ? goFunction([], STRING, () => this.text()) : undefined
  }
}

const clockOf = (value: Value): GoTime => (value as Time).clock
const duration = (nanoseconds: bigint): Integer => new Integer(DURATION, nanoseconds)
const sizeOf = (value: Value): bigint =>
  value instanceof Integer ? value.value : (value as bigint)

type Method = readonly [
  params: readonly Type[],
  result: Type,
  run: (clock: GoTime, args: readonly Value[]) => Value,
]

const METHODS = new Map<string, Method>([
  ['Format', [[STRING], STRING, (t, [layout]) => toBinary(t.format(fromBinary(layout as string)))]],
  ['String', [[], STRING, (t) => toBinary(t.text())]],
  [
    'Unix',
    [
      [],
      INT64,
      (t) =>
        new Integer(
          INT64,
          t.unixNano / 1_000_000_000n - (t.unixNano % 1_000_000_000n < 0n ? 1n : 0n),
        ),
    ],
  ],
  ['UnixMilli', [[], INT64, (t) => new Integer(INT64, t.unixNano / 1_000_000n)]],
  ['UnixMicro', [[], INT64, (t) => new Integer(INT64, t.unixNano / 1000n)]],
  ['UnixNano', [[], INT64, (t) => new Integer(INT64, t.unixNano)]],
  ['Year', [[], INT, (t) => BigInt(t.year)]],
  ['Month', [[], MONTH, (t) => new Integer(MONTH, BigInt(t.month))]],
  ['Day', [[], INT, (t) => BigInt(t.day)]],
  ['Hour', [[], INT, (t) => BigInt(t.hour)]],
  ['Minute', [[], INT, (t) => BigInt(t.minute)]],
  ['Second', [[], INT, (t) => BigInt(t.second)]],
  ['Nanosecond', [[], INT, (t) => BigInt(t.nanosecond)]],
  ['YearDay', [[], INT, (t) => BigInt(t.yearDay)]],
  ['Weekday', [[], WEEKDAY, (t) => new Integer(WEEKDAY, BigInt(t.weekday))]],
  ['IsZero', [[], BOOL, () => false]],
  ['UTC', [[], TIME, (t) => new Time(new GoTime(t.unixNano, 'utc'))]],
  ['Local', [[], TIME, (t) => new Time(new GoTime(t.unixNano, 'local'))]],
  ['Location', [[], LOCATION, (t) => new Location(t.zone)]],
  ['Add', [[DURATION], TIME, (t, [by]) => new Time(new GoTime(t.unixNano + sizeOf(by), t.zone))]],
  [
    'AddDate',
    [
      [INT, INT, INT],
      TIME,
      (t, [years, months, days]) =>
        new Time(t.addDate(Number(years), Number(months), Number(days))),
    ],
  ],
  ['Sub', [[TIME], DURATION, (t, [other]) => duration(t.unixNano - clockOf(other).unixNano)]],
  [
    'Truncate',
    [
      [DURATION],
      TIME,
      (t, [unit]) => new Time(new GoTime(t.unixNano - t.sinceYearOne(sizeOf(unit)), t.zone)),
    ],
  ],
  [
    'Round',
    [
      [DURATION],
      TIME,
      (t, [unit]) => {
        const rest = t.sinceYearOne(sizeOf(unit))
        const up = rest + rest >= sizeOf(unit) && sizeOf(unit) > 0n
        return new Time(new GoTime(t.unixNano - rest + (up ? sizeOf(unit) : 0n), t.zone))
      },
    ],
  ],
  ['Before', [[TIME], BOOL, (t, [other]) => t.unixNano < clockOf(other).unixNano]],
  ['After', [[TIME], BOOL, (t, [other]) => t.unixNano > clockOf(other).unixNano]],
  ['Equal', [[TIME], BOOL, (t, [other]) => t.unixNano === clockOf(other).unixNano]],
  [
    'Compare',
    [
      [TIME],
      INT,
      (t, [other]) => {
        const at = clockOf(other).unixNano
        return t.unixNano < at ? -1n : t.unixNano > at ? 1n : 0n
      },
    ],
  ],
])

export class Time extends Opaque {
  readonly type = TIME
  constructor(readonly clock: GoTime) {
    super()
  }
  text(): string {
    return toBinary(this.clock.text())
  }
  identity(): string {
    return `${this.clock.unixNano} ${this.clock.zone}`
  }
  override get members(): readonly string[] {
    return [...METHODS.keys()]
  }
  override json(): string {
    return `"${this.clock.format('2006-01-02T15:04:05.999999999Z07:00')}"`
  }
  method(name: string): Func | undefined {
    const found = METHODS.get(name)
    if (found === undefined) return undefined
    const [params, result, run] = found
    return goFunction(params, result, (args) => run(this.clock, args))
  }
}

export { TIME }

/** Units in nanoseconds. The methods in FRACTIONAL return a float, and those in WHOLE an integer. */
const FRACTIONAL = new Map([
  ['Hours', 3600e9],
  ['Minutes', 60e9],
  ['Seconds', 1e9],
])
const WHOLE = new Map([
  ['Milliseconds', 1_000_000n],
  ['Microseconds', 1000n],
  ['Nanoseconds', 1n],
])

/** A method of time.Duration that converts it to a unit, such as Hours; undefined for any other name. */
export function durationMethod(value: bigint, name: string): Func | undefined {
  const unit = FRACTIONAL.get(name)
  if (unit !== undefined)
    return goFunction(
      [],
      { kind: 'float64', name: 'float64', named: true },
      () => Number(value) / unit,
    )
  const whole = WHOLE.get(name)
  return whole === undefined
    ? undefined
    : goFunction([], INT64, () => new Integer(INT64, value / whole))
}
