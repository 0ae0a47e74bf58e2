// Determines the store of a service or node: the default store or one named store.
import { DATACENTERS, plainKey } from '../../core/catalog.ts'
import { raise } from '../../core/fault.ts'
import { storeOf, storeRoot, type Key } from '../../core/key.ts'
import type { RenderContext } from '../context.ts'
import type { ServiceName } from './service-names.ts'

/** Returns the name if one of the resource's keys is in a store of this name; otherwise undefined. */
const storeCalled = ({ reader }: RenderContext, name: string | undefined): string | undefined =>
  name !== undefined && reader.scope.keys.some((key) => storeOf(key) === name) ? name : undefined

export interface Whose {
  readonly store: string | undefined
  readonly dc: string | undefined
}

/** Determines the store and the datacenter of a name. The part of the name before a colon (`of`) may be either. */
export function whoseIs(
  context: RenderContext,
  { of, dc }: Pick<ServiceName, 'of' | 'dc'>,
  store?: string,
): Whose {
  const named = store ?? storeCalled(context, of)
  return { store: named, dc: named === of ? dc : (dc ?? of) }
}

/**
 * Returns the full path of a directory of the catalog. Throws a fault if the resource's keys do not include it. Without
 * `store`, the resource's keys must include the directory in the default store, which is preferred, or in exactly one
 * named store.
 * @param called the call, for messages
 */
export function placeIn(context: RenderContext, called: string, dir: Key, store?: string): Key {
  const { reader } = context
  const placeOf = (one: string | undefined): Key =>
    one === undefined ? dir : `${storeRoot(one)}${dir}`
  // A resource with keys in any part of the catalog may read the names of datacenters, so the hints suggest `/nodes`.
  const plain = dir === DATACENTERS ? '/nodes' : plainKey(dir)
  const named = store === undefined ? [...new Set(reader.scope.keys.map(storeOf))] : [store]
  const stores = named.filter((one) => reader.sees(placeOf(one)))
  if (store !== undefined && storeCalled(context, store) === undefined) {
    raise('template', `${called}: the resource's keys include no store "${store}"`, {
      hint: `add "${store}:${plain}" to keys = [...]`,
    })
  }
  if (stores.length === 0) {
    raise('template', `${called}: the resource's keys do not include ${plain}`, {
      hint: `add "${plain}" to keys = [...], or "NAME:${plain}" for a named store`,
    })
  }
  if (stores.length > 1 && !stores.includes(undefined)) {
    raise('template', `${called}: several stores contain ${plain}: ${stores.join(' and ')}`, {
      hint: `choose one with the option store: ${stores.map((one) => `"${one}"`).join(' or ')}`,
    })
  }
  const place = placeOf(stores.includes(undefined) ? undefined : stores[0])
  if (!reader.isAnswered(place)) {
    return raise(
      'template',
      `${called}: the store can answer this look-up only if it is listed in the resource's keys`,
      {
        hint: `add "${place}" to keys = [...]`,
      },
    )
  }
  return place
}
