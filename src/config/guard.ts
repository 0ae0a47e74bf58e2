// `[template.guard]`: what a change of a file may not do unasked.
import type { Fault } from '../core/fault.ts'
import type { Guard } from '../core/resource.ts'
import type { TomlPath } from './positions.ts'
import { guardKeys } from './schema.ts'
import { readTable } from './table.ts'
import type { TomlDocument } from './toml.ts'

/**
 * The guard of the template at `path`, absent when none is set; faults are added to `faults`.
 * An empty table is a guard as well: against a render that finds no key.
 */
export function readGuard(
  document: TomlDocument,
  path: TomlPath,
  template: {
    readonly guard?: Readonly<Record<string, unknown>>
    readonly keys?: readonly string[]
  },
  faults: Fault[],
): Guard | undefined {
  if (template.guard === undefined) return undefined
  const at = [...path, 'guard']
  const table = readTable(document, at, template.guard, guardKeys, faults)
  const allowEmpty = table.allow_empty ?? false
  if ((template.keys ?? []).length === 0 && (!allowEmpty || (table.min_keys ?? 0) > 0)) {
    const hint = 'name what it looks up, as in keys = ["/services/web"]'
    const message = 'the guard would hold every change: the template has no keys'
    faults.push(document.fault(at, 'key', message, hint))
  }
  return {
    ...(table.min_keys === undefined ? {} : { minKeys: table.min_keys }),
    ...(table.max_removed === undefined ? {} : { maxRemoved: table.max_removed }),
    ...(table.max_shrink === undefined ? {} : { maxShrink: table.max_shrink }),
    allowEmpty,
  }
}
