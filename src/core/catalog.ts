// The keys of a catalog of services and nodes: `/services/<name>/<node>:<id>` and `/nodes/<name>`. A look-up
// with options of its own, such as another datacenter, has a root of its own beside these:
// `/services@dc2;health=any/<name>/<node>:<id>`. Whoever may see `/services/web` may see it there, too.
import { covers, type Key } from './key.ts'

/** What one look-up asks for where the settings of the store would be asked otherwise. */
export interface LookUp {
  readonly dc?: string
  readonly near?: string
  readonly health?: string
  /** An expression of Consul's filter language. */
  readonly filter?: string
  readonly namespace?: string
  /** Proxies of the service mesh are wanted beside the services. */
  readonly proxies?: true
  /** The names are those of prepared queries. */
  readonly query?: true
  /** Each node with its services. */
  readonly services?: true
}

/** Signs that have a meaning in a name, and in a part of a key. */
const SPECIAL = /[%/]/g

/** A name as one part of a key: IDs may hold slashes. */
export const encodePart = (name: string): string => name.replace(SPECIAL, encodeURIComponent)

/** The name that a part of a key stands for. */
export const nameOfPart = (text: string): string =>
  text.replace(/%(25|2F)/gi, (_, code: string) => (code === '25' ? '%' : '/'))

/**
 * The name that a template means: `team/shop`, or `team%2Fshop` as listings of keys and the name of an item
 * have it.
 */
export const serviceNamed = (text: string): string =>
  /%(?:25|2F)/i.test(text) && !/%(?!25|2F)|\//i.test(text) ? nameOfPart(text) : text

/** Of all look-ups of a kind with the same options; always the same text for the same options. */
export function rootOf(kind: 'services' | 'nodes', { dc, ...more }: LookUp = {}): Key {
  const options = Object.entries(more)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === true ? `;${name}` : `;${name}=${encodeURIComponent(value)}`))
  if (dc === undefined && options.length === 0) return `/${kind}`
  return `/${kind}@${encodeURIComponent(dc ?? '')}${options.join('')}`
}

const ROOT = /^\/(services|nodes)@([^/;]*)((?:;[^/;]+)*)(?=\/|$)/

/** What a key below such a root was looked up with; undefined for all other keys. */
export function lookUpOf(key: string): LookUp | undefined {
  const [, , dc = '', options = ''] = ROOT.exec(key) ?? [undefined]
  if (!ROOT.test(key)) return undefined
  const pairs = options
    .split(';')
    .slice(1)
    .map((one) => {
      const [name = '', value] = one.split(/=(.*)/s)
      return [name, value === undefined ? true : decoded(value)] as const
    })
  return { ...(dc === '' ? {} : { dc: decoded(dc) }), ...Object.fromEntries(pairs) }
}

/** A key may be anything; what is not encoded as it should be is meant as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The names of the datacenters. Whoever sees a part of the catalog sees them. */
export const DATACENTERS: Key = '/datacenters@'

/** The key without the options that it was looked up with, which says who may see it. */
export const plainKey = (key: Key): Key =>
  key.includes('@') ? (key.replace(ROOT, '/$1') as Key) : key

const ROOT_ANYWHERE = /\/(services|nodes)@([^/;]*)[^/]*(?=\/|$)/

/** As plainKey, of a key of any store, below any prefix. */
export const plainKeyIn = (key: Key): Key => key.replace(ROOT_ANYWHERE, '/$1') as Key

/** The key without the options that it was looked up with, but for the datacenter. */
export const keyInDatacenter = (key: Key): Key =>
  key.replace(ROOT_ANYWHERE, (_, kind: string, dc: string) =>
    dc === '' ? `/${kind}` : `/${kind}@${dc}`,
  ) as Key

export const isOfLookUp = (key: string): boolean =>
  key.includes('@') && (ROOT.test(key) || covers(DATACENTERS, key))

export const serviceDir = (name: string, lookUp?: LookUp): Key =>
  `${rootOf('services', lookUp)}/${encodePart(name)}`

export const instanceKey = (dir: Key, node: string, id: string): Key =>
  `${dir}/${encodePart(node)}:${encodePart(id)}`

export const nodeKey = (name: string, lookUp?: LookUp): Key =>
  `${rootOf('nodes', lookUp)}/${encodePart(name)}`

export const datacenterKey = (name: string): Key => `${DATACENTERS}/${encodePart(name)}`
