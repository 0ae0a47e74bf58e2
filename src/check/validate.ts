// `reconfd check -validate`: renders all resources from the current keys and runs output_format and check_cmd on the
// results in a temporary folder. Nothing outside that folder changes.
import { formatFault, type Fault } from '../core/fault.ts'
import { ok } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import type { Definitions } from '../config/refused.ts'
import { counted } from '../core/words.ts'
import { run } from '../engine/run.ts'
import { Progress } from '../observe/progress.ts'
import type { TableRow } from './table.ts'

export interface Validation {
  readonly rows: readonly TableRow[]
  /** Faults for stores that could not be read. */
  readonly unreachable: readonly Fault[]
  /** Faults found in the configuration during the run. */
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
    .map(({ name, templates, group }): TableRow => {
      const fault = failureOf(name)
      // The members of a group are checked together, and the check ends at the first failure.
      const other = resources.find(
        (one) => one.group === group && failureOf(one.name) !== undefined,
      )
      if (group !== undefined && fault === undefined && other !== undefined) {
        const detail = `not completed: ${other.name}, in the same group, failed`
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
