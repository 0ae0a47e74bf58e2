// Which keys the catalog has: `/services/<name>/<node>:<id>` and `/nodes/<name>`; and which part of it
// the prefixes of a watch ask for.
import { covers, type Key } from '../../core/key.ts'
import type { Notice } from '../../core/store.ts'
import { coveredBy } from '../roots.ts'

/** A name as one part of a key: IDs may hold slashes. */
const part = (name: string): string => name.replace(/[%/]/g, encodeURIComponent)

/** The name that a part of a key stands for; as it is when it is not written by part(). */
function nameOf(text: string): string {
  return text.replace(/%(25|2F)/gi, (_, code: string) => (code === '25' ? '%' : '/'))
}

export const serviceDir = (name: string): Key => `/services/${part(name)}`

export const instanceKey = (name: string, node: string, id: string): Key =>
  `${serviceDir(name)}/${part(node)}:${part(id)}`

export const nodeKey = (name: string): Key => `/nodes/${part(name)}`

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
    if (root === 'services' && name !== undefined) services.add(nameOf(name))
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
