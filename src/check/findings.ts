// The findings of `reconfd check`, formatted as text for people and as JSON for editors.
import { labelledFault, type Fault } from '../core/fault.ts'
import { painted } from '../core/table.ts'
import { counted } from '../core/words.ts'

export interface CheckFinding {
  readonly severity: 'error' | 'warning'
  readonly fault: Fault
}

export const errors = (faults: readonly Fault[]): CheckFinding[] =>
  faults.map((fault) => ({ severity: 'error', fault }))

export const warnings = (faults: readonly Fault[]): CheckFinding[] =>
  faults.map((fault) => ({ severity: 'warning', fault }))

/** Sorts by file, line and column, and removes duplicates, because two resources may share a template. */
export function sorted(findings: readonly CheckFinding[]): CheckFinding[] {
  const once = new Map(findings.map((finding) => [JSON.stringify(finding), finding]))
  const place = ({ fault: { line = 0, column = 0 } }: CheckFinding): number => line * 1e6 + column
  const file = ({ fault }: CheckFinding): string => fault.file ?? ''
  return [...once.values()].sort((a, b) =>
    file(a) === file(b) ? place(a) - place(b) : file(a) < file(b) ? -1 : 1,
  )
}

export const hasErrors = (findings: readonly CheckFinding[]): boolean =>
  findings.some(({ severity }) => severity === 'error')

export interface Counted {
  readonly resources: number
  readonly templates: number
}

const COLOURS = { error: 31, warning: 33 } as const

/** The results of the online checks. */
export interface OnlineText {
  /** The results as a table. */
  readonly text: string
  readonly errors: number
  readonly warnings: number
}

const nothingTried: OnlineText = { text: '', errors: 0, warnings: 0 }

/** Formats the findings, followed by a summary. */
export function findingsText(
  findings: readonly CheckFinding[],
  { resources, templates }: Counted,
  colour: boolean,
  tried: OnlineText = nothingTried,
): string {
  const blocks = findings.map(({ severity, fault }) => {
    const label = colour ? painted(COLOURS[severity], severity) : severity
    return `${labelledFault(`${label}: `, fault)}\n`
  })
  const of = `in ${counted(resources, 'resource')} with ${counted(templates, 'template')}`
  const number = (severity: CheckFinding['severity']): number =>
    findings.filter((finding) => finding.severity === severity).length + tried[`${severity}s`]
  const sums = [counted(number('error'), 'error'), counted(number('warning'), 'warning')]
  const isGood = number('error') + number('warning') === 0
  return [...blocks, tried.text, `${isGood ? 'no faults' : sums.join(', ')} ${of}\n`].join('')
}

/** One object per finding; lines and columns are 1-based. */
export const findingsJson = (findings: readonly CheckFinding[], counted: Counted): object => ({
  ok: !hasErrors(findings),
  ...counted,
  findings: findings.map(({ severity, fault }) => ({ severity, ...fault })),
})
