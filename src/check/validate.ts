// The validation: a run that renders everything from the keys there are, tries output_format and
// check_cmd on the result in a folder apart, and touches nothing else.
import { formatFault, type Fault } from '../core/fault.ts'
import { ok } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import type { Definitions } from '../config/refused.ts'
import { run } from '../engine/run.ts'
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
  const failed = new Map<string, Fault>()
  const checks = new Map<string, number>()
  const done = new Set<string>()
  const ended = await run(
    { ...settings, mode: 'onetime', noop: true, diff: false },
    {
      trial: 'all',
      stop: new AbortController().signal,
      onReload: () => undefined,
      settingsNow: async () => ok(settings),
      showPlan: () => undefined,
      emit: (event) => {
        if (event.kind === 'rendered') done.add(event.resource)
        if (event.kind === 'checked')
          checks.set(event.resource, (checks.get(event.resource) ?? 0) + 1)
        if (event.kind === 'failed') failed.set(event.resource, event.fault)
      },
    },
  )
  const rows = resources
    .filter(({ name }) => done.has(name))
    .map(({ name, templates, group }): Row => {
      const fault = failed.get(name)
      // What belongs together is tried together: the first failure ends it.
      const other = resources.find((one) => one.group === group && failed.has(one.name))
      if (group !== undefined && fault === undefined && other !== undefined) {
        const detail = `not tried to the end: ${other.name} of its group has failed`
        return { what: 'resource', name, state: 'warning', detail }
      }
      const row = { what: 'resource', name }
      if (fault !== undefined) return { ...row, state: 'failed', detail: formatFault(fault) }
      const files = `${templates.length} template${templates.length === 1 ? '' : 's'} rendered`
      const ran = checks.get(name) ?? 0
      const checked = ran === 0 ? 'no check_cmd' : `${ran} check_cmd run`
      return { ...row, state: 'ok', detail: `${files}, ${checked}` }
    })
  return {
    rows,
    unreachable: ended.kind === 'unreachable' ? ended.faults : [],
    faults: ended.kind === 'configuration' ? ended.faults : [],
  }
}
