// The validation: a run that renders everything from the keys there are, tries output_format and
// check_cmd on the result in a folder apart, and touches nothing else.
import { formatFault, type Fault } from '../core/fault.ts'
import { ok } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import type { Definitions } from '../config/refused.ts'
import { counted } from '../core/words.ts'
import { run } from '../engine/run.ts'
import { Progress } from '../observe/progress.ts'
import type { Row } from './table.ts'

export interface Validation {
  readonly rows: readonly Row[]
  /** The stores that could not be read. */
  readonly unreachable: readonly Fault[]
  /** What was found wrong with the configuration meanwhile. */
  readonly faults: readonly Fault[]
}

export async function validate(
  settings: Settings,
  { resources }: Definitions,
): Promise<Validation> {
  const progress = new Progress()
  const ended = await run(
    { ...settings, mode: 'onetime', noop: true, diff: false },
    {
      trial: 'all',
      stop: new AbortController().signal,
      onReload: () => undefined,
      settingsNow: async () => ok(settings),
      showPlan: () => undefined,
      emit: (event) => progress.note(event, Date.now()),
    },
  )
  const failureOf = (name: string): Fault | undefined => {
    const event = progress.resources.get(name)?.problem?.event
    return event?.kind === 'failed' ? event.fault : undefined
  }
  const rows = resources
    .filter(({ name }) => progress.resources.get(name)?.reads !== undefined)
    .map(({ name, templates, group }): Row => {
      const fault = failureOf(name)
      // What belongs together is tried together: the first failure ends it.
      const other = resources.find(
        (one) => one.group === group && failureOf(one.name) !== undefined,
      )
      if (group !== undefined && fault === undefined && other !== undefined) {
        const detail = `not tried to the end: ${other.name} of its group has failed`
        return { what: 'resource', name, state: 'warning', detail }
      }
      const row = { what: 'resource', name }
      if (fault !== undefined) return { ...row, state: 'failed', detail: formatFault(fault) }
      const files = `${counted(templates.length, 'template')} rendered`
      const ran = progress.resources.get(name)?.checks ?? 0
      const checked = ran === 0 ? 'no check_cmd' : `${ran} check_cmd run`
      return { ...row, state: 'ok', detail: `${files}, ${checked}` }
    })
  return {
    rows,
    unreachable: ended.kind === 'unreachable' ? ended.faults : [],
    faults: ended.kind === 'configuration' ? ended.faults : [],
  }
}
