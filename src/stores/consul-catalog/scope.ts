// Converts keys to parts of the catalog.
import { once } from 'node:events'
import { DATACENTERS, lookUpOf, nameOfPart, plainKey, type LookUp } from '../../core/catalog.ts'
import type { Extent } from '../../core/extent.ts'
import { covers, type Key } from '../../core/key.ts'
import type { Demand, Notice } from '../../core/store.ts'

/** The wanted services or nodes with the same look-up options. */
export interface CatalogPart {
  /** The directory, such as `/services@dc2`. */
  readonly root: Key
  readonly kind: 'services' | 'nodes' | 'datacenters'
  readonly lookUp: LookUp
  /** The names of services or nodes that are wanted individually. */
  readonly names: Set<string>
  /** Whether all services or nodes are wanted, including those registered later. */
  all: boolean
  /** Whether the list of all service or node names is wanted. */
  list: boolean
}

const partAt = (root: Key): CatalogPart | undefined => {
  const kind = root === DATACENTERS ? 'datacenters' : plainKey(root).slice(1)
  if (kind !== 'services' && kind !== 'nodes' && kind !== 'datacenters') return undefined
  const lookUp = lookUpOf(root) ?? {}
  return { root, kind, lookUp, names: new Set(), all: false, list: false }
}

/** Converts an extent to parts of the catalog. */
export function catalogPartsOf({ trees, names }: Extent): readonly CatalogPart[] {
  const parts = new Map<Key, CatalogPart>()
  const take = (dir: Key, how: 'all' | 'list'): void => {
    const [, first = '', name] = dir.split('/')
    const roots: readonly Key[] = dir === '/' ? ['/services', '/nodes'] : [`/${first}`]
    for (const root of roots) {
      const part = parts.get(root) ?? partAt(root)
      if (part === undefined) continue
      parts.set(root, part)
      if (name === undefined) part[how] = true
      else part.names.add(nameOfPart(name))
    }
  }
  for (const dir of trees) take(dir, 'all')
  for (const dir of names) take(dir, 'list')
  return [...parts.values()]
}

/**
 * The part of the prefixes to read before the first render: services with prefixes of their own, and the nodes. Which
 * other services are needed is not known yet, and the token may lack the permission to read all services.
 */
export function startingWith(prefixes: readonly Key[]): Extent {
  const isNamed = (prefix: Key): boolean =>
    /^\/services(?:@[^/]*)?\//.test(prefix) || /^\/nodes(?:[@/]|$)/.test(prefix)
  return { trees: new Set(prefixes.filter(isNamed)), names: new Set() }
}

/**
 * Returns a function that checks whether a key is wanted. A prefix without look-up options also covers keys with such
 * options.
 */
export function seenBy(covered: (key: Key) => boolean): (key: Key) => boolean {
  return (key) => covered(key) || covered(plainKey(key)) || covers(DATACENTERS, key)
}

/** A constant demand for everything below the prefixes. */
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
    const [, root = ''] = prefix.split('/')
    if (root === '' || partAt(`/${root}`) !== undefined) return []
    const message =
      `consul-catalog has no keys below ${prefix}: its keys begin with /services or /nodes; ` +
      'correct keys = [...] in the resource, and remove -prefix'
    return [{ level: 'warn', message }]
  })
