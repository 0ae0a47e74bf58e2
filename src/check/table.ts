// What was tried and how it went, for a terminal and for a log of a CI run.
import { printableText } from '../core/escape.ts'
import { painted, tableLines } from '../core/table.ts'

export interface Row {
  /** What kind of thing, such as `store`. */
  readonly what: string
  readonly name: string
  readonly state: 'ok' | 'warning' | 'failed'
  /** One line; further ones are indented below. */
  readonly detail: string
}

const SIGNS = { ok: ['ok', 32], warning: ['!', 33], failed: ['FAILED', 31] } as const

export function tableText(rows: readonly Row[], colour: boolean): string {
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

export const isFailed = (row: Row): boolean => row.state === 'failed'
