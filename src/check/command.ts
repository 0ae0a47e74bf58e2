// `reconfd check`, with -preflight and -validate: what was found, and how the command ends.
import { jsonText } from '../core/escape.ts'
import type { Fault } from '../core/fault.ts'
import type { CheckCommand } from '../config/command.ts'
import { errors, findingsJson, findingsText, hasErrors, sorted, warnings } from './findings.ts'
import { checkOffline } from './offline.ts'
import { isFailed, tableText, type Row } from './table.ts'

export interface Outcome {
  /** For standard output. */
  readonly text: string
  /** For standard error. */
  readonly faults: readonly Fault[]
  readonly exit: 0 | 1 | 69 | 78
}

interface Tried {
  readonly rows: readonly Row[]
  readonly unreachable: readonly Fault[]
  readonly exit: Outcome['exit']
}

/** Finds all that can be found; what depends on a right configuration is tried when it is right. */
export async function check(
  command: CheckCommand,
  { colour }: { readonly colour: boolean },
): Promise<Outcome> {
  const { settings, faults, doubts, notices, json } = command
  const offline = await checkOffline(settings)
  const told = notices
    .filter(({ level }) => level === 'warn')
    .map(({ message }): Fault => ({ kind: 'config', message }))
  const found = sorted([...errors(faults), ...warnings([...doubts, ...told]), ...offline.findings])
  const wrong = hasErrors(found)
  const tried =
    wrong || offline.loaded === undefined ? nothing : await tryOnline(command, offline.loaded)
  const exit = wrong ? 78 : tried.exit
  if (json) {
    const { rows } = tried
    const all = {
      ...findingsJson(found, offline.counted),
      ...(rows.length > 0 ? { tried: rows } : {}),
    }
    return { text: `${jsonText({ ...all, ok: exit === 0 }, 2)}\n`, faults: [], exit }
  }
  const count = (state: Row['state']): number =>
    tried.rows.filter((row) => row.state === state).length
  const triedText = {
    text: tableText(tried.rows, colour),
    errors: count('failed') + tried.unreachable.length,
    warnings: count('warning'),
  }
  const text = findingsText(found, offline.counted, colour, triedText)
  return { text, faults: tried.unreachable, exit }
}

const nothing: Tried = { rows: [], unreachable: [], exit: 0 }

async function tryOnline(
  { settings, preflight: isPreflight, validate: isValidation }: CheckCommand,
  loaded: NonNullable<Awaited<ReturnType<typeof checkOffline>>['loaded']>,
): Promise<Tried> {
  const rows: Row[] = []
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
