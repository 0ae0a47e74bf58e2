// Supplies: how much of what a render looked up each store gave. By this a render that finds nothing where
// the last applied one found something is told from one that never asked.
import type { Key } from './key.ts'

export interface Supply {
  /** Keys that were found. What two look-ups find is counted twice: good for comparing two renders only. */
  readonly keys: number
  /** Names in lists that say nothing about what is in them, such as Consul's list of services. */
  readonly names: number
}

/** By the root of each store that was asked; one that has nothing is there with zeros. */
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

/** The stores that gave something to `last` and, asked again, give nothing to `next`. */
export const emptied = (last: Supplies, next: Supplies): readonly Key[] =>
  [...last].flatMap(([root, before]) => {
    const now = next.get(root)
    if (now === undefined || now.keys > 0) return []
    // Names alone are no substitute for keys.
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
