// Compares the output of a program with the output on a page. Numbers, times and hashes differ from run to run.

/** Returns a pattern for a line of a page: a number matches any number, a hash any hash, and `...` anything. */
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

/** Returns the first shown line that the output lacks, or undefined if it contains them all in this order. */
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
