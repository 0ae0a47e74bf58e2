// Formats counts, lists and durations for messages, consistently in the log, on terminals and on the status page.

/**
 * Formats a count: `1 key`, `2 keys`.
 * @param many the plural, if it is not formed with s
 */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`

/** The suffix of a truncated list: ` and 3 more`; empty if the list is complete. */
export const andMore = (more: number): string => (more > 0 ? ` and ${more} more` : '')

/**
 * Formats a list: `a, b and 3 more`.
 * @param most maximum number of names
 * @param more number of items beyond `names`
 */
export const listed = (names: readonly string[], most = Infinity, more = 0): string =>
  names.slice(0, most).join(', ') + andMore(more + Math.max(0, names.length - most))

/**
 * Formats milliseconds with at most the two largest units: `20 ms`, `1.5 s`, `2 min 5 s`, `3 h 20 min`, `2 d 4 h`.
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

/** ISO 8601 in UTC. @param time milliseconds since the Unix epoch */
export const isoTime = (time: number): string => new Date(time).toISOString()

/** Removes the fraction of a second. */
export const toSecond = (iso: string): string => iso.replace(/\.\d+Z$/, 'Z')

/**
 * Converts a time to the local time zone, with its offset: `2026-11-29T20:15:03+01:00`.
 * @param iso an ISO 8601 time; any other text is returned unchanged
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

/** Shortens text by omitting its middle, because names differ at their ends. */
export function shortened(text: string, most: number): string {
  if (text.length <= most) return text
  const head = Math.ceil((most - 1) / 2)
  return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`
}

/** Wraps text at spaces and shortens words that are longer than a line. */
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
