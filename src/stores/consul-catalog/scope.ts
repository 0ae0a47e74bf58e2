// What keys ask of the catalog: which part of it, and what of that before anything has been looked up.
import { once } from 'node:events'
import { nameOfPart } from '../../core/catalog.ts'
import type { Extent } from '../../core/extent.ts'
import { covers, type Key } from '../../core/key.ts'
import type { Demand, Notice } from '../../core/store.ts'

/** An extent in the catalog's own words. */
export interface Parts {
  /** The services that are asked for by name. */
  readonly services: ReadonlySet<string>
  /** Every service there is, and every one to come. */
  readonly allServices: boolean
  /** Which services there are. */
  readonly list: boolean
  readonly nodes: boolean
}

export function partsOf({ trees, names }: Extent): Parts {
  const services = new Set<string>()
  for (const dir of [...trees, ...names]) {
    const [, root, name] = dir.split('/')
    if (root === 'services' && name !== undefined) services.add(nameOfPart(name))
  }
  const isListed = (root: Key): boolean => names.has('/') || names.has(root)
  const isInside = (root: Key): boolean =>
    [...trees, ...names].some((dir) => dir !== '/' && covers(root, dir))
  const isWhole = (root: Key): boolean => [...trees].some((dir) => covers(dir, root))
  const allServices = isWhole('/services')
  return {
    services,
    allServices,
    list: allServices || isListed('/services'),
    nodes: isWhole('/nodes') || isListed('/nodes') || isInside('/nodes'),
  }
}

/**
 * What is asked for by name can be read at once. Of `/services` nobody knows yet which, and the token
 * may not be for all of them.
 */
export function startingWith(prefixes: readonly Key[]): Extent {
  const isNamed = (prefix: Key): boolean =>
    prefix.startsWith('/services/') || covers('/nodes', prefix)
  return { trees: new Set(prefixes.filter(isNamed)), names: new Set() }
}

/** The demand of somebody who wants it all. */
export function everything(prefixes: readonly Key[]): Demand {
  return {
    now: { trees: new Set(prefixes), names: new Set() },
    async other(_than, signal) {
      if (!signal.aborted) await once(signal, 'abort')
      signal.throwIfAborted()
    },
  }
}

export const noticesOf = (prefixes: readonly Key[]): readonly Notice[] =>
  prefixes.flatMap((prefix): Notice[] => {
    const [, root] = prefix.split('/')
    if (root === '' || root === 'services' || root === 'nodes') return []
    const message =
      `consul-catalog has no keys below ${prefix}: they begin with /services and /nodes; ` +
      'correct keys = [...] of the resource, and leave -prefix out'
    return [{ level: 'warn', message }]
  })
