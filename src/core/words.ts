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
