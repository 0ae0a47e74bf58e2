// Supplies: the numbers of keys that a render found in each store. The numbers are 0 for a store in which the render
// looked something up and found nothing. A store in which it looked up nothing has no numbers.
import type { Key } from './key.ts'

export interface Supply {
  /** Found keys. Keys found by two look-ups count twice, so the number is useful only for comparing renders. */
  readonly keys: number
  /** Listed names that exist independently of the keys below them, such as the services in Consul's catalog. */
  readonly names: number
}

/** The numbers for each store that was read, by its root. */
export type Supplies = ReadonlyMap<Key, Supply>

export const noSupply: Supply = { keys: 0, names: 0 }

export const plus = (a: Supply, b: Supply): Supply => ({
  keys: a.keys + b.keys,
  names: a.names + b.names,
})

export function sumOf(all: Iterable<Supplies>): Supplies {
  const sum = new Map<Key, Supply>()
  for (const one of all) {
    for (const [root, supply] of one) sum.set(root, plus(sum.get(root) ?? noSupply, supply))
  }
  return sum
}

/** Returns the roots of stores in which the last render found something, but the next render found nothing. */
export const emptied = (last: Supplies, next: Supplies): readonly Key[] =>
  [...last].flatMap(([root, before]) => {
    const now = next.get(root)
    if (now === undefined || now.keys > 0) return []
    // Listed names do not make up for lost keys.
    const isGone = before.keys > 0 || (before.names > 0 && now.names === 0)
    return isGone ? [root] : []
  })

export const isEmpty = (supplies: Supplies): boolean =>
  [...supplies.values()].every(({ keys, names }) => keys + names === 0)

export const areSame = (a: Supplies, b: Supplies): boolean =>
  a.size === b.size &&
  [...a].every(([root, { keys, names }]) => {
    const other = b.get(root)
    return other?.keys === keys && other.names === names
  })
