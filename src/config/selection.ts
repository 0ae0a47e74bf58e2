// Applies -only: selects the resources of a onetime run or a check.
import type { Fault } from '../core/fault.ts'
import { nearest } from './nearest.ts'

interface NamedResource {
  readonly name: string
  readonly read?: { readonly group: string | undefined }
}

/**
 * Selects the named resources (with or without `.toml`) and all members of their groups.
 * @param only the names; if empty, all resources are selected
 */
export function selectResources<T extends NamedResource>(
  all: readonly T[],
  only: readonly string[],
): { readonly wanted: readonly T[]; readonly faults: readonly Fault[] } {
  if (only.length === 0) return { wanted: all, faults: [] }
  const names = new Set(all.map(({ name }) => name))
  const named = new Set<string>()
  const faults: Fault[] = []
  for (const text of only) {
    const name = names.has(text) ? text : `${text}.toml`
    if (names.has(name)) named.add(name)
    else faults.push(unknownResource(text, names))
  }
  const groups = new Set(all.flatMap((one) => (named.has(one.name) ? (one.read?.group ?? []) : [])))
  const wanted = all.filter(
    ({ name, read }) => named.has(name) || (read?.group !== undefined && groups.has(read.group)),
  )
  return { wanted, faults }
}

function unknownResource(name: string, names: ReadonlySet<string>): Fault {
  const near = nearest(name, names) ?? nearest(`${name}.toml`, names)
  const hint =
    near === undefined
      ? 'use the name of a file in conf.d, such as nginx.toml'
      : `did you mean ${near}?`
  return { kind: 'config', message: `-only ${name}: unknown resource`, hint }
}
