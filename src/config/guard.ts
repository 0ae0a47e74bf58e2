// Reads `[template.guard]`: limits beyond which a change is held.
import { attempt, type Fault } from '../core/fault.ts'
import { compileGlob, globBase, globEscape } from '../core/glob.ts'
import { covers, fullKey, toKey, type Key } from '../core/key.ts'
import { SETTLE, type Guard, type GuardGroup } from '../core/resource.ts'
import type { TomlPath } from './positions.ts'
import { guardGroupKeys, guardKeys } from './schema.ts'
import { readTable } from './table.ts'
import type { TomlDocument } from './toml.ts'

/** The properties of a template on which its guard depends. */
interface Guarded {
  readonly prefix: Key
  /** Keys without the prefix. */
  readonly keys: readonly Key[]
  /** Default of the guard's allow_empty. */
  readonly allowEmpty: boolean
}

/**
 * Reads the guard of the template at `path`; adds faults to `faults`. An empty table still guards against a render
 * that finds no key.
 */
export function readGuard(
  document: TomlDocument,
  path: TomlPath,
  template: Guarded,
  written: Readonly<Record<string, unknown>>,
  faults: Fault[],
): Guard {
  const at = [...path, 'guard']
  const table = readTable(document, at, written, guardKeys, faults)
  const allowEmpty = table.allow_empty ?? template.allowEmpty
  if (template.keys.length === 0 && (!allowEmpty || (table.min_keys ?? 0) > 0)) {
    const hint = 'add the keys that the template looks up, as in keys = ["/services/web"]'
    const message = 'the guard would hold every change: the template has no keys'
    faults.push(document.fault(at, 'key', message, hint))
  }
  return {
    ...limitsOf(table),
    ...(table.max_shrink === undefined ? {} : { maxShrink: table.max_shrink }),
    allowEmpty,
    settle: table.settle ?? SETTLE,
    groups: (table.group ?? []).flatMap(
      (group, n) => readGroup(document, [...at, 'group', n], template, group, faults) ?? [],
    ),
  }
}

function readGroup(
  document: TomlDocument,
  at: TomlPath,
  { prefix, keys }: Guarded,
  written: Readonly<Record<string, unknown>>,
  faults: Fault[],
): GuardGroup | undefined {
  const before = faults.length
  const table = readTable(document, at, written, guardGroupKeys, faults)
  if (faults.length > before || table.keys === undefined) return undefined
  const limits = limitsOf(table)
  if (Object.keys(limits).length === 0) {
    const hint = 'add min_keys = 2 or max_removed = "50%"'
    faults.push(document.fault(at, 'key', 'the group has no limit', hint))
  }
  const pattern = toKey(table.keys)
  const compiled = attempt(() => compileGlob(pattern))
  if (!compiled.ok) {
    const { message, hint } = compiled.error
    faults.push(document.fault([...at, 'keys'], 'value', `keys: ${message}`, hint))
  } else if (!keys.some((key) => mayMatch(pattern, key))) {
    const message = `${pattern} cannot match any key of the template`
    const hint = `change the pattern: the keys of the template are ${keys.join(', ') || 'not set'}`
    faults.push(document.fault([...at, 'keys'], 'value', message, hint))
  }
  return { pattern: fullKey(globEscape(prefix), pattern), ...limits }
}

const limitsOf = ({
  min_keys: minKeys,
  max_removed: maxRemoved,
}: {
  readonly min_keys?: number
  readonly max_removed?: Guard['maxRemoved']
}): Pick<Guard, 'minKeys' | 'maxRemoved'> => ({
  ...(minKeys === undefined ? {} : { minKeys }),
  ...(maxRemoved === undefined ? {} : { maxRemoved }),
})

const mayMatch = (pattern: Key, key: Key): boolean => {
  const base = toKey(globBase(pattern))
  return covers(key, base) || covers(base, key)
}
