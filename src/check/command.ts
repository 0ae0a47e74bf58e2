// `reconfd check`, with -preflight and -validate: collects the findings and computes the exit code.
import { jsonText } from '../core/escape.ts'
import type { Fault } from '../core/fault.ts'
import type { CheckCommand } from '../config/command.ts'
import { errors, findingsJson, findingsText, hasErrors, sorted, warnings } from './findings.ts'
import { checkOffline } from './offline.ts'
import { isFailed, tableText, type TableRow } from './table.ts'

export interface CheckOutcome {
  /** For standard output. */
  readonly text: string
  /** For standard error. */
  readonly faults: readonly Fault[]
  readonly exit: 0 | 1 | 69 | 78
}

interface OnlineResults {
  readonly rows: readonly TableRow[]
  readonly unreachable: readonly Fault[]
  readonly exit: CheckOutcome['exit']
}

/** Collects all findings. The online checks run only if the configuration is valid. */
export async function runCheck(
  command: CheckCommand,
  { colour }: { readonly colour: boolean },
): Promise<CheckOutcome> {
  const { settings, faults, doubts, notices, json } = command
  const offline = await checkOffline(settings)
  const warned = notices
    .filter(({ level }) => level === 'warn')
    .map(({ message }): Fault => ({ kind: 'config', message }))
  const found = sorted([
    ...errors(faults),
    ...warnings([...doubts, ...warned]),
    ...offline.findings,
  ])
  const wrong = hasErrors(found)
  const tried =
    wrong || offline.loaded === undefined ? noResults : await checkOnline(command, offline.loaded)
  const exit = wrong ? 78 : tried.exit
  if (json) {
    const { rows } = tried
    const all = {
      ...findingsJson(found, offline.counted),
      ...(rows.length > 0 ? { tried: rows } : {}),
    }
    return { text: `${jsonText({ ...all, ok: exit === 0 }, 2)}\n`, faults: [], exit }
  }
  const count = (state: TableRow['state']): number =>
    tried.rows.filter((row) => row.state === state).length
  const triedText = {
    text: tableText(tried.rows, colour),
    errors: count('failed') + tried.unreachable.length,
    warnings: count('warning'),
  }
  const text = findingsText(found, offline.counted, colour, triedText)
  return { text, faults: tried.unreachable, exit }
}

const noResults: OnlineResults = { rows: [], unreachable: [], exit: 0 }

async function checkOnline(
  { settings, preflight: isPreflight, validate: isValidation }: CheckCommand,
  loaded: NonNullable<Awaited<ReturnType<typeof checkOffline>>['loaded']>,
): Promise<OnlineResults> {
  const rows: TableRow[] = []
  const unreachable: Fault[] = []
  let isUnreachable = false
  if (isPreflight) {
    const { preflight } = await import('./preflight.ts')
    const flown = await preflight(settings, loaded)
    rows.push(...flown.rows)
    isUnreachable ||= flown.unreachable
  }
  if (isValidation) {
    const { validate } = await import('./validate.ts')
    const validated = await validate(settings, loaded)
    rows.push(...validated.rows)
    unreachable.push(...validated.unreachable, ...validated.faults)
    isUnreachable ||= validated.unreachable.length > 0
    if (validated.faults.length > 0) return { rows, unreachable, exit: 78 }
  }
  const exit = isUnreachable ? 69 : rows.some(isFailed) ? 1 : 0
  return { rows, unreachable, exit }
}
