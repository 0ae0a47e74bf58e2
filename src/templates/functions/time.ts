// Go's time.Time as far as templates reach it, and its layouts (https://pkg.go.dev/time#pkg-constants).

const MONTHS =
  'January February March April May June July August September October November December'.split(' ')
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

// The elements of a layout, longest first where one begins with another.
const ELEMENT =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|_?2006|__2|_2|002|0[1-6]|15|[1-5]|PM|pm|[Z-]07(?::00:00|:00|0000|00)?|[.,](?:0+|9+)(?!\d)/g

const pad = (value: number, width: number, fill = '0'): string =>
  String(value).padStart(width, fill)

export class GoTime {
  /** The same moment with its fields shifted into the zone, read through the getUTC... methods. */
  readonly #local: Date
  /** Minutes east of UTC. */
  readonly #offset: number

  constructor(
    private readonly moment: Date,
    private readonly utc = false,
  ) {
    this.#offset = utc ? 0 : -moment.getTimezoneOffset()
    this.#local = new Date(moment.getTime() + this.#offset * 60_000)
  }

  Format(layout: string): string {
    return String(layout).replace(ELEMENT, (element) => this.#element(element))
  }

  UTC(): GoTime {
    return new GoTime(this.moment, true)
  }

  /** Seconds since 1970. */
  Unix(): number {
    return Math.floor(this.moment.getTime() / 1000)
  }

  Year(): number {
    return this.#local.getUTCFullYear()
  }

  Day(): number {
    return this.#local.getUTCDate()
  }

  Hour(): number {
    return this.#local.getUTCHours()
  }

  Minute(): number {
    return this.#local.getUTCMinutes()
  }

  Second(): number {
    return this.#local.getUTCSeconds()
  }

  YearDay(): number {
    const start = Date.UTC(this.Year(), 0, 1)
    return Math.floor((this.#local.getTime() - start) / 86_400_000) + 1
  }

  String(): string {
    return this.Format('2006-01-02 15:04:05.999999999 -0700 MST')
  }

  toString(): string {
    return this.String()
  }

  toJSON(): string {
    return this.Format('2006-01-02T15:04:05.999999999Z07:00')
  }

  #element(element: string): string {
    const month = this.#local.getUTCMonth()
    const day = this.#local.getUTCDay()
    const hour12 = this.Hour() % 12 || 12
    switch (element) {
      case 'January':
        return MONTHS[month] as string
      case 'Jan':
        return (MONTHS[month] as string).slice(0, 3)
      case '1':
        return String(month + 1)
      case '01':
        return pad(month + 1, 2)
      case 'Monday':
        return DAYS[day] as string
      case 'Mon':
        return (DAYS[day] as string).slice(0, 3)
      case '2':
        return String(this.Day())
      case '_2':
        return pad(this.Day(), 2, ' ')
      case '02':
        return pad(this.Day(), 2)
      case '__2':
        return pad(this.YearDay(), 3, ' ')
      case '002':
        return pad(this.YearDay(), 3)
      case '15':
        return pad(this.Hour(), 2)
      case '3':
        return String(hour12)
      case '03':
        return pad(hour12, 2)
      case '4':
        return String(this.Minute())
      case '04':
        return pad(this.Minute(), 2)
      case '5':
        return String(this.Second())
      case '05':
        return pad(this.Second(), 2)
      case '2006':
        return pad(this.Year(), 4)
      case '_2006':
        return `_${pad(this.Year(), 4)}`
      case '06':
        return pad(this.Year() % 100, 2)
      case 'PM':
        return this.Hour() >= 12 ? 'PM' : 'AM'
      case 'pm':
        return this.Hour() >= 12 ? 'pm' : 'am'
      case 'MST':
        return this.#zone()
      default:
        return element[0] === 'Z' || element[0] === '-'
          ? this.#shift(element)
          : this.#fraction(element)
    }
  }

  /** `-0700`, `Z07:00` and their like. */
  #shift(element: string): string {
    if (element[0] === 'Z' && this.#offset === 0) return 'Z'
    const minutes = Math.abs(this.#offset)
    const colon = element.includes(':') ? ':' : ''
    const parts = [pad(Math.floor(minutes / 60), 2), pad(minutes % 60, 2), '00']
    const shown = element.replace(/[^0-9]/g, '').length / 2
    return (this.#offset < 0 ? '-' : '+') + parts.slice(0, shown).join(colon)
  }

  /** `.000` keeps its zeros, `.999` drops those at the end. */
  #fraction(element: string): string {
    const digits = `${pad(this.#local.getUTCMilliseconds(), 3)}000000`
    const shown = digits.slice(0, element.length - 1).padEnd(element.length - 1, '0')
    if (element[1] === '0') return element.charAt(0) + shown
    const trimmed = shown.replace(/0+$/, '')
    return trimmed === '' ? '' : element.charAt(0) + trimmed
  }

  #zone(): string {
    if (this.utc) return 'UTC'
    const named = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' })
      .formatToParts(this.moment)
      .find((part) => part.type === 'timeZoneName')?.value
    // Zones without letters of their own: Go writes their shift from UTC.
    return named === undefined || /[+-]/.test(named)
      ? this.#shift('-0700').replace(/00$/, '')
      : named
  }
}
