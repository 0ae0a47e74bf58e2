// Whether a program says what a page shows of it. Numbers, times and hashes differ from run to run.

/** A line that a page shows, as a pattern: any number for a number, anything for `...`. */
function patternOf(line: string): RegExp {
  const parts = line
    .trim()
    .split(/(\.\.\.|\b[0-9a-f]{12}\b|\d[\d.:TZ-]*|\s+)/)
    .map((part, n) => {
      if (n % 2 === 0) return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      if (part === '...') return '.*'
      if (part.trim() === '') return '\\s+'
      return /^[0-9a-f]{12}$/.test(part) ? '[0-9a-f]{12}' : '\\d[\\d.:TZ-]*'
    })
  return new RegExp(parts.join(''))
}

/** The first line that is shown and not said, in this order; undefined when all of them are. */
export function missingIn(said: string, shown: string): string | undefined {
  const lines = said.split('\n')
  let from = 0
  for (const line of shown.split('\n')) {
    if (line.trim() === '') continue
    const pattern = patternOf(line)
    const at = lines.findIndex((other, n) => n >= from && pattern.test(other))
    if (at < 0) return line
    from = at + 1
  }
  return undefined
}
