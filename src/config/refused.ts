// What becomes of resources that are not right while the others are served: each keeps the definition that it
// had, if that still fits, and those of its group with it.
import type { Fault } from '../core/fault.ts'
import { compareText, storeOf } from '../core/key.ts'
import { keysOf, type Resource } from '../core/resource.ts'
import type { Settings, StoreSettings } from '../core/settings.ts'

/** A resource that is not served as conf.d has it. */
export interface Refused {
  readonly name: string
  readonly faults: readonly Fault[]
  /** Its former definition stays at work. */
  readonly isKept: boolean
}

/** One that is not right; its group, as far as it can be read. */
export interface Bad extends Pick<Refused, 'name' | 'faults'> {
  readonly group: string | undefined
}

export interface Definitions {
  readonly resources: readonly Resource[]
  /** The stores that resources have of their own, by a name made for each. */
  readonly stores: ReadonlyMap<string, StoreSettings>
}

/**
 * @param good those that are right
 * @param former what was at work before; at the start nothing
 */
export function withFormer(
  good: Definitions,
  bad: readonly Bad[],
  former: Definitions,
  { stores: named }: Pick<Settings, 'stores'>,
): Definitions & { readonly refused: readonly Refused[] } {
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
    if (one === undefined || !keysOf([one]).every(isKnown) || overlaps(one, served)) return false
    kept.push(one)
    return true
  }
  const refused: Refused[] = []
  const lost = new Map<string, string>()
  for (const { name, faults, group } of bad) {
    const isKept = keep(name)
    refused.push({ name, faults, isKept })
    if (!isKept && group !== undefined) lost.set(group, name)
  }
  for (const { name, group = '' } of good.resources) {
    const culprit = lost.get(group)
    if (culprit === undefined || !served.has(name)) continue
    const message = `${culprit}, of the same group, is not right, and they change together or not at all`
    refused.push({ name, faults: [{ kind: 'config', message }], isKept: keep(name) })
  }
  const resources = [...served.values(), ...kept]
  return { resources: resources.sort((a, b) => compareText(a.name, b.name)), stores, refused }
}

/** Whether a file of it has become one of another resource. */
function overlaps({ templates }: Resource, served: ReadonlyMap<string, Resource>): boolean {
  const taken = new Set(
    [...served.values()].flatMap((one) => one.templates.map(({ dest }) => dest)),
  )
  return templates.some(({ dest }) => taken.has(dest))
}
