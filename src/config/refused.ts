// Handles invalid resources while the others are served. An invalid resource keeps its previous definition if its
// stores still exist and no other resource writes its files. Otherwise it is not served, and the valid members of its
// group return to their previous definitions, under the same conditions.
import type { Fault } from '../core/fault.ts'
import { compareText, storeOf } from '../core/key.ts'
import { resourceKeys, type Resource } from '../core/resource.ts'
import type { Settings, StoreSettings } from '../core/settings.ts'

/** A resource whose definition in conf.d is not in use. */
export interface RefusedResource {
  readonly name: string
  readonly faults: readonly Fault[]
  /** Whether its previous definition stays in use. */
  readonly isKept: boolean
}

/** An invalid resource, with its group if the group can be read. */
export interface InvalidResource extends Pick<RefusedResource, 'name' | 'faults'> {
  readonly group: string | undefined
}

export interface Definitions {
  readonly resources: readonly Resource[]
  /** The stores of the resources' `[backend]` tables, by name. */
  readonly stores: ReadonlyMap<string, StoreSettings>
}

/**
 * Adds the previous definitions of the invalid resources to the valid resources, as described at the top of this file.
 * @param good the valid resources
 * @param former the previous definitions; empty at the start
 */
export function withPrevious(
  good: Definitions,
  bad: readonly InvalidResource[],
  former: Definitions,
  { stores: named }: Pick<Settings, 'stores'>,
): Definitions & { readonly refused: readonly RefusedResource[] } {
  const stores = new Map([...former.stores, ...good.stores])
  const served = new Map(good.resources.map((one) => [one.name, one]))
  const kept: Resource[] = []
  const keep = (name: string): boolean => {
    served.delete(name)
    const one = former.resources.find((resource) => resource.name === name)
    const isKnown = (key: string): boolean => {
      const store = storeOf(key)
      return store === undefined || named.has(store) || stores.has(store)
    }
    if (one === undefined || !resourceKeys([one]).every(isKnown) || overlaps(one, served))
      return false
    kept.push(one)
    return true
  }
  const refused: RefusedResource[] = []
  const lost = new Map<string, string>()
  for (const { name, faults, group } of bad) {
    const isKept = keep(name)
    refused.push({ name, faults, isKept })
    if (!isKept && group !== undefined) lost.set(group, name)
  }
  for (const { name, group = '' } of good.resources) {
    const culprit = lost.get(group)
    if (culprit === undefined || !served.has(name)) continue
    const message = `${culprit}, of the same group, is invalid, and the resources of a group change together or not at all`
    refused.push({ name, faults: [{ kind: 'config', message }], isKept: keep(name) })
  }
  const resources = [...served.values(), ...kept]
  return { resources: resources.sort((a, b) => compareText(a.name, b.name)), stores, refused }
}

/** Whether another resource now writes one of this resource's files. */
function overlaps({ templates }: Resource, served: ReadonlyMap<string, Resource>): boolean {
  const taken = new Set(
    [...served.values()].flatMap((one) => one.templates.map(({ dest }) => dest)),
  )
  return templates.some(({ dest }) => taken.has(dest))
}
