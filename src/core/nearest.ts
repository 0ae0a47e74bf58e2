// "Did you mean": finds the known name nearest to a mistyped one.

/** Edit distance: insertions, deletions, replacements and swaps of neighbours. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const replaced = (last[j - 1] ?? 0) + (same ? 0 : 1)
      let best = Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (before[j - 2] ?? 0) + 1)
      }
      row.push(best)
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}

/** Removes the differences that a comparison ignores: case and separators. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_.\s]/g, '')

/** Returns the nearest name, or undefined if more than a third of the letters differ. Also completes abbreviations. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  // Limits the cost of the search. No known name is this long.
  if (name.length > 64) return undefined
  const typed = plain(name)
  let found: string | undefined
  let least = Math.max(1, Math.floor(name.length / 3)) + 1
  for (const candidate of known) {
    const whole = plain(candidate)
    const far = typed.length > 2 && whole.startsWith(typed) ? 1 : distance(typed, whole)
    if (far < least) {
      found = candidate
      least = far
    }
  }
  return found
}
