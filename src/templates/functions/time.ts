// A time as nunjucks templates see it, with the methods of Go's time.Time.
import { GoTime, monthName, weekdayName } from './clock.ts'

const SECOND = 1_000_000_000n

/** Go's time.Month and time.Weekday: a number that prints as a name. */
class Named {
  constructor(
    private readonly number: number,
    private readonly name: string,
  ) {}

  valueOf(): number {
    return this.number
  }
  String(): string {
    return this.name
  }
  toString(): string {
    return this.name
  }
}

/** Converts an integer to a plain number if the number can represent it exactly. */
const exact = (value: bigint): number | bigint => {
  const plain = Number(value)
  return Number.isSafeInteger(plain) ? plain : value
}

/** The quotient, rounded down. */
const floor = (value: bigint, unit: bigint): bigint => value / unit - (value % unit < 0n ? 1n : 0n)

export class Moment {
  constructor(private readonly clock: GoTime) {}

  Format(layout: unknown): string {
    return this.clock.format(String(layout))
  }
  String(): string {
    return this.clock.text()
  }
  UTC(): Moment {
    return new Moment(new GoTime(this.clock.unixNano, 'utc'))
  }
  Local(): Moment {
    return new Moment(new GoTime(this.clock.unixNano, 'local'))
  }
  AddDate(years: unknown, months: unknown, days: unknown): Moment {
    return new Moment(this.clock.addDate(Number(years), Number(months), Number(days)))
  }
  Unix(): number {
    return Number(floor(this.clock.unixNano, SECOND))
  }
  UnixMilli(): number {
    return Number(floor(this.clock.unixNano, 1_000_000n))
  }
  UnixMicro(): number | bigint {
    return exact(floor(this.clock.unixNano, 1000n))
  }
  UnixNano(): number | bigint {
    return exact(this.clock.unixNano)
  }
  Year(): number {
    return this.clock.year
  }
  Month(): Named {
    return new Named(this.clock.month, monthName(this.clock.month))
  }
  Day(): number {
    return this.clock.day
  }
  Hour(): number {
    return this.clock.hour
  }
  Minute(): number {
    return this.clock.minute
  }
  Second(): number {
    return this.clock.second
  }
  Nanosecond(): number {
    return this.clock.nanosecond
  }
  YearDay(): number {
    return this.clock.yearDay
  }
  Weekday(): Named {
    return new Named(this.clock.weekday, weekdayName(this.clock.weekday))
  }
  Before(other: Moment): boolean {
    return this.clock.unixNano < other.clock.unixNano
  }
  After(other: Moment): boolean {
    return this.clock.unixNano > other.clock.unixNano
  }
  Equal(other: Moment): boolean {
    return this.clock.unixNano === other.clock.unixNano
  }
  toString(): string {
    return this.String()
  }
  toJSON(): string {
    return this.clock.format('2006-01-02T15:04:05.999999999Z07:00')
  }
}
