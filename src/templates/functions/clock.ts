// A time in a zone, with nanosecond precision, formatted by Go's layouts: https://pkg.go.dev/time#pkg-constants

export type Zone = 'utc' | 'local'

const MONTHS =
  'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

/** @param month 1 to 12 */
export const monthName = (month: number): string => MONTHS[month - 1] ?? ''

/** @param day 0 is Sunday */
export const weekdayName = (day: number): string => DAYS[day] ?? ''

// Matches the elements of a layout. Each element must come before its own prefixes. `Jan` and `Mon` before a
// lower-case letter are literal text, and so is a fraction before a digit.
const ELEMENT =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|__2|_2006|_2|002|0[1-6]|15|1|2|3|4|5|PM|pm|[Z-]07(?::00:00|0000|:00|00)?|[.,](?:0+|9+)(?!\d)/g

const pad = (value: number, width: number, fill = '0'): string =>
  String(value).padStart(width, fill)

const SECOND = 1_000_000_000n

/** Nanoseconds from 1 January of the year 1 to 1 January 1970. */
const YEAR_ONE = 62_135_596_800n * SECOND

export class GoTime {
  /** The time shifted by the zone's offset, so that the getUTC... methods return local fields. */
  readonly #shifted: Date
  /** Minutes east of UTC. */
  readonly #offset: number

  constructor(
    readonly unixNano: bigint,
    readonly zone: Zone,
  ) {
    const milliseconds = Number((unixNano - mod(unixNano, 1_000_000n)) / 1_000_000n)
    this.#offset = zone === 'utc' ? 0 : -new Date(milliseconds).getTimezoneOffset()
    this.#shifted = new Date(milliseconds + this.#offset * 60_000)
  }

  get year(): number {
    return this.#shifted.getUTCFullYear()
  }
  /** 1 to 12. */
  get month(): number {
    return this.#shifted.getUTCMonth() + 1
  }
  get day(): number {
    return this.#shifted.getUTCDate()
  }
  get hour(): number {
    return this.#shifted.getUTCHours()
  }
  get minute(): number {
    return this.#shifted.getUTCMinutes()
  }
  get second(): number {
    return this.#shifted.getUTCSeconds()
  }
  get nanosecond(): number {
    return Number(mod(this.unixNano, SECOND))
  }
  /** 0 is Sunday. */
  get weekday(): number {
    return this.#shifted.getUTCDay()
  }
  get yearDay(): number {
    const start = Date.UTC(this.year, 0, 1)
    return Math.floor((this.#shifted.getTime() - start) / 86_400_000) + 1
  }

  addDate(years: number, months: number, days: number): GoTime {
    const date = new Date(this.#shifted.getTime())
    date.setUTCFullYear(this.year + years, this.month - 1 + months, this.day + days)
    const shift = BigInt(date.getTime() - this.#shifted.getTime()) * 1_000_000n
    return new GoTime(this.unixNano + shift, this.zone)
  }

  /** The time since the year 1 modulo a unit, in nanoseconds. */
  sinceYearOne(unit: bigint): bigint {
    return unit <= 0n ? 0n : mod(this.unixNano + YEAR_ONE, unit)
  }

  text(): string {
    return this.format('2006-01-02 15:04:05.999999999 -0700 MST')
  }

  format(layout: string): string {
    return layout.replace(ELEMENT, (element) => this.#element(element))
  }

  #element(element: string): string {
    const hour12 = this.hour % 12 || 12
    switch (element) {
      case 'January':
        return monthName(this.month)
      case 'Jan':
        return monthName(this.month).slice(0, 3)
      case '1':
        return String(this.month)
      case '01':
        return pad(this.month, 2)
      case 'Monday':
        return weekdayName(this.weekday)
      case 'Mon':
        return weekdayName(this.weekday).slice(0, 3)
      case '2':
        return String(this.day)
      case '_2':
        return pad(this.day, 2, ' ')
      case '02':
        return pad(this.day, 2)
      case '__2':
        return pad(this.yearDay, 3, ' ')
      case '002':
        return pad(this.yearDay, 3)
      case '15':
        return pad(this.hour, 2)
      case '3':
        return String(hour12)
      case '03':
        return pad(hour12, 2)
      case '4':
        return String(this.minute)
      case '04':
        return pad(this.minute, 2)
      case '5':
        return String(this.second)
      case '05':
        return pad(this.second, 2)
      case '2006':
        return pad(this.year, 4)
      case '_2006':
        return `_${pad(this.year, 4)}`
      case '06':
        return pad(this.year % 100, 2)
      case 'PM':
        return this.hour >= 12 ? 'PM' : 'AM'
      case 'pm':
        return this.hour >= 12 ? 'pm' : 'am'
      case 'MST':
        return this.#zoneName()
    }
    if (element.startsWith('Z') || element.startsWith('-')) return this.#shift(element)
    return this.#fraction(element)
  }

  /** The offset, for elements such as `-0700` and `Z07:00`. */
  #shift(element: string): string {
    if (element.startsWith('Z') && this.#offset === 0) return 'Z'
    const minutes = Math.abs(this.#offset)
    const colon = element.includes(':') ? ':' : ''
    const parts = [pad(Math.floor(minutes / 60), 2), pad(minutes % 60, 2), '00']
    const shown = element.replace(/[^0-9]/g, '').length / 2
    return (this.#offset < 0 ? '-' : '+') + parts.slice(0, shown).join(colon)
  }

  /** The fraction of the second: `.000` keeps trailing zeros, `.999` drops them. */
  #fraction(element: string): string {
    const shown = pad(this.nanosecond, 9)
      .slice(0, element.length - 1)
      .padEnd(element.length - 1, '0')
    if (element[1] === '0') return element.charAt(0) + shown
    const trimmed = shown.replace(/0+$/, '')
    return trimmed === '' ? '' : element.charAt(0) + trimmed
  }

  #zoneName(): string {
    if (this.zone === 'utc') return 'UTC'
    const moment = new Date(this.#shifted.getTime() - this.#offset * 60_000)
    const named = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
      .formatToParts(moment)
      .find((part) => part.type === 'timeZoneName')?.value
    if (named !== undefined && !/[+-]/.test(named)) return named
    // Go writes the offset of a zone that has no abbreviation.
    return this.#shift('-0700').replace(/00$/, '')
  }
}

/** The remainder, which is never negative. */
const mod = (value: bigint, unit: bigint): bigint => ((value % unit) + unit) % unit
