// Where a service or a node is looked up: in the default store or in a named one, never in two at once.
import { DATACENTERS, plainKey } from '../../core/catalog.ts'
import { raise } from '../../core/fault.ts'
import { storeOf, storeRoot, type Key } from '../../core/key.ts'
import type { RenderContext } from '../context.ts'
import type { ServiceName } from './service-names.ts'

/** The name of a store that the resource's keys name; undefined when it names none of them. */
const storeCalled = ({ reader }: RenderContext, name: string | undefined): string | undefined =>
  name !== undefined && reader.scope.keys.some((key) => storeOf(key) === name) ? name : undefined

export interface Whose {
  readonly store: string | undefined
  readonly dc: string | undefined
}

/** Whose the thing is that a name and options stand for: before a colon stands a store, else a datacenter. */
export function whoseIs(
  context: RenderContext,
  { of, dc }: Pick<ServiceName, 'of' | 'dc'>,
  store?: string,
): Whose {
  const named = store ?? storeCalled(context, of)
  return { store: named, dc: named === of ? dc : (dc ?? of) }
}

/**
 * Where the resource's keys show something of a directory of the catalog. Without a store that is asked for
 * it is the default store, or the only one that shows it.
 * @param called the call, for messages
 */
export function placeIn(context: RenderContext, called: string, dir: Key, store?: string): Key {
  const { reader } = context
  const placeOf = (one: string | undefined): Key =>
    one === undefined ? dir : `${storeRoot(one)}${dir}`
  // The names of datacenters are seen with any part of the catalog.
  const plain = dir === DATACENTERS ? '/nodes' : plainKey(dir)
  const named = store === undefined ? [...new Set(reader.scope.keys.map(storeOf))] : [store]
  const stores = named.filter((one) => reader.sees(placeOf(one)))
  if (store !== undefined && storeCalled(context, store) === undefined) {
    raise('template', `${called}: the resource's keys name no store "${store}"`, {
      hint: `add "${store}:${plain}" to keys = [...]`,
    })
  }
  if (stores.length === 0) {
    raise('template', `${called}: the resource's keys do not name it`, {
      hint: `add "${plain}" to keys = [...], or "NAME:${plain}" for a named store`,
    })
  }
  if (stores.length > 1 && !stores.includes(undefined)) {
    raise('template', `${called}: the stores ${stores.join(' and ')} both have it`, {
      hint: `say which with the option store: ${stores.map((one) => `"${one}"`).join(' or ')}`,
    })
  }
  const place = placeOf(stores.includes(undefined) ? undefined : stores[0])
  if (!reader.isAnswered(place)) {
    return raise('template', `${called}: the store holds only what the keys name`, {
      hint: `add "${place}" to keys = [...]`,
    })
  }
  return place
}
