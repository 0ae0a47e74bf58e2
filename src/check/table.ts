// A table of what was tried and how it went, aligned, for a terminal and for a log of a CI run.

export interface Row {
  /** What kind of thing, such as `store`. */
  readonly what: string
  readonly name: string
  readonly state: 'ok' | 'warning' | 'failed'
  /** One line; further ones are indented below. */
  readonly detail: string
}

const SIGNS = { ok: ['ok', '32'], warning: ['!', '33'], failed: ['FAILED', '31'] } as const

/** Columns are as wide as their widest cell; the last one is not padded. */
export function tableText(rows: readonly Row[], colour: boolean): string {
  const width = (cell: (row: Row) => string): number =>
    Math.max(0, ...rows.map((row) => cell(row).length))
  const what = width((row) => row.what)
  const name = width((row) => row.name)
  const state = width((row) => SIGNS[row.state][0])
  return rows
    .map((row) => {
      const [sign, code] = SIGNS[row.state]
      const padded = sign.padEnd(state)
      const [first = '', ...more] = row.detail.split('\n')
      const cells = [
        row.what.padEnd(what),
        row.name.padEnd(name),
        colour ? `\u001b[${code}m${padded}\u001b[39m` : padded,
        first,
      ]
      return [cells.join('  ').trimEnd(), ...more.map((line) => `    ${line}`)].join('\n') + '\n'
    })
    .join('')
}

export const isFailed = (row: Row): boolean => row.state === 'failed'
