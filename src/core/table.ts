// Formats rows as aligned columns, for terminals and logs.
import { printable } from './escape.ts'

/**
 * Returns one line per row, without control characters. Columns are as wide as their widest cell; the last one is not
 * padded.
 * @param paint returns a padded cell with colour codes
 */
export function tableLines(
  rows: readonly (readonly string[])[],
  paint: (cell: string, column: number, row: number) => string = (cell) => cell,
): string[] {
  const cells = rows.map((row) => row.map(printable))
  const widths: number[] = []
  for (const row of cells) {
    for (const [n, cell] of row.entries()) widths[n] = Math.max(widths[n] ?? 0, cell.length)
  }
  return cells.map((row, at) =>
    row
      .map((cell, n) => paint(n === row.length - 1 ? cell : cell.padEnd(widths[n] ?? 0), n, at))
      .join('  ')
      .trimEnd(),
  )
}

/** SGR codes of ECMA-48. */
export const painted = (code: number | string, text: string): string =>
  `\u001b[${code}m${text}\u001b[0m`
