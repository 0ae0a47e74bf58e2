// Findings: what `reconfd check` has to say, as text for people and as JSON for editors.
import { labelledFault, type Fault } from '../core/fault.ts'
import { painted } from '../core/table.ts'
import { counted } from '../core/words.ts'

export interface Finding {
  readonly severity: 'error' | 'warning'
  readonly fault: Fault
}

export const errors = (faults: readonly Fault[]): Finding[] =>
  faults.map((fault) => ({ severity: 'error', fault }))

export const warnings = (faults: readonly Fault[]): Finding[] =>
  faults.map((fault) => ({ severity: 'warning', fault }))

/** By file, line and column, each once: two resources may have one template. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const once = new Map(findings.map((finding) => [JSON.stringify(finding), finding]))
  const place = ({ fault: { line = 0, column = 0 } }: Finding): number => line * 1e6 + column
  const file = ({ fault }: Finding): string => fault.file ?? ''
  return [...once.values()].sort((a, b) =>
    file(a) === file(b) ? place(a) - place(b) : file(a) < file(b) ? -1 : 1,
  )
}

export const hasErrors = (findings: readonly Finding[]): boolean =>
  findings.some(({ severity }) => severity === 'error')

export interface Counted {
  readonly resources: number
  readonly templates: number
}

const COLOURS = { error: 31, warning: 33 } as const

/** What was tried beyond looking at files. */
export interface TriedText {
  /** The table of it. */
  readonly text: string
  readonly errors: number
  readonly warnings: number
}

const nothingTried: TriedText = { text: '', errors: 0, warnings: 0 }

/** The summary of the whole comes last. */
export function findingsText(
  findings: readonly Finding[],
  { resources, templates }: Counted,
  colour: boolean,
  tried: TriedText = nothingTried,
): string {
  const told = findings.map(({ severity, fault }) => {
    const label = colour ? painted(COLOURS[severity], severity) : severity
    return `${labelledFault(`${label}: `, fault)}\n`
  })
  const of = `in ${counted(resources, 'resource')} with ${counted(templates, 'template')}`
  const number = (severity: Finding['severity']): number =>
    findings.filter((finding) => finding.severity === severity).length + tried[`${severity}s`]
  const sums = [counted(number('error'), 'error'), counted(number('warning'), 'warning')]
  const isGood = number('error') + number('warning') === 0
  return [...told, tried.text, `${isGood ? 'no faults' : sums.join(', ')} ${of}\n`].join('')
}

/** One finding is one object; lines and columns are 1-based. */
export const findingsJson = (findings: readonly Finding[], counted: Counted): object => ({
  ok: !hasErrors(findings),
  ...counted,
  findings: findings.map(({ severity, fault }) => ({ severity, ...fault })),
})
