// Which part of the catalog the prefixes of a watch ask for.
import { nameOfPart } from '../../core/catalog.ts'
import { covers, type Key } from '../../core/key.ts'
import type { Notice } from '../../core/store.ts'
import { coveredBy } from '../roots.ts'

export interface Scope {
  /** Every service there is, and every one to come. */
  readonly allServices: boolean
  /** The services that are asked for by name. */
  readonly services: ReadonlySet<string>
  readonly nodes: boolean
  readonly wanted: (key: Key) => boolean
  readonly notices: readonly Notice[]
}

export function scopeOf(prefixes: readonly Key[]): Scope {
  const services = new Set<string>()
  const notices: Notice[] = []
  for (const prefix of prefixes) {
    const [, root, name] = prefix.split('/')
    if (root === 'services' && name !== undefined) services.add(nameOfPart(name))
    else if (root !== '' && root !== 'services' && root !== 'nodes') {
      const message =
        `consul-catalog has no keys below ${prefix}: they begin with /services and /nodes; ` +
        'correct keys = [...] of the resource, and leave -prefix out'
      notices.push({ level: 'warn', message })
    }
  }
  return {
    allServices: prefixes.some((prefix) => covers(prefix, '/services')),
    services,
    nodes: prefixes.some((prefix) => covers(prefix, '/nodes') || covers('/nodes', prefix)),
    wanted: coveredBy(prefixes),
    notices,
  }
}
