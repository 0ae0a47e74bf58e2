// The words that messages are made of: counts, lists, durations. Every room takes them from here, so that
// the same thing reads the same in the log, in a terminal and on the status page.

/**
 * `1 key`, `2 keys`.
 * @param many the plural, where it is more than an added s
 */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`

/** The end of a list that was cut off: ` and 3 more`; nothing when it is complete. */
export const andMore = (more: number): string => (more > 0 ? ` and ${more} more` : '')

/**
 * `a, b and 3 more`.
 * @param most how many are named
 * @param more how many there are beyond `names`
 */
export const listed = (names: readonly string[], most = Infinity, more = 0): string =>
  names.slice(0, most).join(', ') + andMore(more + Math.max(0, names.length - most))

/**
 * `20 ms`, `1.5 s`, `10 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`: the two largest units that tell something.
 * @param ms milliseconds
 */
export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1).replace(/\.0$/, '')} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return twoUnits(seconds, 60, 'min', 's')
  const minutes = Math.round(seconds / 60)
  if (minutes < 24 * 60) return twoUnits(minutes, 60, 'h', 'min')
  return twoUnits(Math.round(minutes / 60), 24, 'd', 'h')
}

function twoUnits(small: number, size: number, large: string, unit: string): string {
  const rest = small % size
  return `${Math.floor(small / size)} ${large}${rest === 0 ? '' : ` ${rest} ${unit}`}`
}

export const firstLine = (text: string): string => text.split('\n', 1)[0] ?? ''

/** ISO 8601 in UTC, from milliseconds since 1970. */
export const isoTime = (time: number): string => new Date(time).toISOString()

/** The same time without its fraction of a second. */
export const toSecond = (iso: string): string => iso.replace(/\.\d+Z$/, 'Z')

/**
 * The same time in the reader's time zone, with its offset: `2026-11-29T20:15:03+01:00`.
 * @param iso anything else is returned as it is
 */
export function localTime(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  const offset = -date.getTimezoneOffset()
  const there = new Date(date.getTime() + offset * 60_000)
  return `${toSecond(isoTime(there.getTime())).slice(0, -1)}${offsetText(offset)}`
}

/** @param minutes east of Greenwich */
export function offsetText(minutes: number): string {
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0')
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(size / 60)}:${two(size % 60)}`
}

/** A text of at most so many characters, its middle left out: names differ at their ends. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text
  const head = Math.ceil((most - 1) / 2)
  return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`
}

/** Breaks a text into lines of at most so many characters, at blanks; a longer word loses its middle. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ').map((one) => shortened(one, width))) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${line} ${word}`
    } else lines.push(word)
  }
  return lines
}
