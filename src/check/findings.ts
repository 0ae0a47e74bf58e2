// Findings: what `reconfd check` has to say, as text for people and as JSON for editors.
import { formatFault, type Fault } from '../core/fault.ts'

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

const COLOURS = { error: '\u001b[31m', warning: '\u001b[33m' } as const

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
    const head = colour ? `${COLOURS[severity]}${severity}\u001b[39m` : severity
    return `${formatFault({ ...fault, message: `${head}: ${fault.message}` })}\n`
  })
  const of = `in ${count(resources, 'resource')} with ${count(templates, 'template')}`
  const number = (severity: Finding['severity']): number =>
    findings.filter((finding) => finding.severity === severity).length + tried[`${severity}s`]
  const sums = [count(number('error'), 'error'), count(number('warning'), 'warning')]
  const isGood = number('error') + number('warning') === 0
  return [...told, tried.text, `${isGood ? 'no faults' : sums.join(', ')} ${of}\n`].join('')
}

/** One finding is one object; lines and columns are 1-based. */
export const findingsJson = (findings: readonly Finding[], counted: Counted): object => ({
  ok: !hasErrors(findings),
  ...counted,
  findings: findings.map(({ severity, fault }) => ({ severity, ...fault })),
})

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
