// Formats the results of checks as a table, for terminals and CI logs.
import { printableText } from '../core/escape.ts'
import { painted, tableLines } from '../core/table.ts'

export interface TableRow {
  /** The kind of check, such as `store`. */
  readonly what: string
  readonly name: string
  readonly state: 'ok' | 'warning' | 'failed'
  /** Further lines are indented below the first. */
  readonly detail: string
}

const SIGNS = { ok: ['ok', 32], warning: ['!', 33], failed: ['FAILED', 31] } as const

export function tableText(rows: readonly TableRow[], colour: boolean): string {
  const details = rows.map(({ detail }) => detail.split('\n'))
  const cells = rows.map(({ what, name, state }, n) => {
    return [what, name, SIGNS[state][0], details[n]?.[0] ?? '']
  })
  const lines = tableLines(cells, (cell, column, row) => {
    const code = SIGNS[rows[row]?.state ?? 'ok'][1]
    return colour && column === 2 ? painted(code, cell) : cell
  })
  return lines
    .flatMap((line, n) => {
      const more = details[n]?.slice(1) ?? []
      return [line, ...more.map((text) => `    ${printableText(text)}`)].map((text) => `${text}\n`)
    })
    .join('')
}

export const isFailed = (row: TableRow): boolean => row.state === 'failed'
