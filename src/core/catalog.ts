// The keys of a catalog of services and nodes: `/services/<name>/<node>:<id>` and `/nodes/<name>`. A look-up with
// options, such as another datacenter, has a separate root: `/services@dc2;health=any/<name>/<node>:<id>`. A resource
// that may read `/services/web` may also read `web` below all roots with options.
import { covers, type Key } from './key.ts'

/** Options of one look-up, which override the settings of the store. */
export interface LookUp {
  readonly dc?: string
  readonly near?: string
  readonly health?: string
  /** An expression in Consul's filter language. */
  readonly filter?: string
  readonly namespace?: string
  /** Include the proxies of the service mesh. */
  readonly proxies?: true
  /** The name in the look-up is the name of a prepared query. */
  readonly query?: true
  /** Include the services on each node. */
  readonly services?: true
}

/** Characters to encode in a component of a key. */
const SPECIAL = /[%/]/g

/** Encodes a name as one component of a key; ids may contain slashes. */
export const encodePart = (name: string): string => name.replace(SPECIAL, encodeURIComponent)

/** Decodes a component of a key. */
export const nameOfPart = (text: string): string =>
  text.replace(/%(25|2F)/gi, (_, code: string) => (code === '25' ? '%' : '/'))

/**
 * Returns the name of a service from an argument in a template: `team/shop`, or the encoded form `team%2Fshop`, which
 * listings of keys and items contain.
 */
export const serviceNamed = (text: string): string =>
  /%(?:25|2F)/i.test(text) && !/%(?!25|2F)|\//i.test(text) ? nameOfPart(text) : text

/** The root of look-ups with these options. Equal options always give the same root. */
export function rootOf(kind: 'services' | 'nodes', { dc, ...more }: LookUp = {}): Key {
  const options = Object.entries(more)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === true ? `;${name}` : `;${name}=${encodeURIComponent(value)}`))
  if (dc === undefined && options.length === 0) return `/${kind}`
  return `/${kind}@${encodeURIComponent(dc ?? '')}${options.join('')}`
}

const ROOT = /^\/(services|nodes)@([^/;]*)((?:;[^/;]+)*)(?=\/|$)/

/** Returns the look-up options that the root of a key contains; undefined if it contains none. */
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

/** Decodes percent-encoded text. Returns invalid encodings unchanged, because a key may contain any characters. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The directory of datacenter names. Every resource that may read a part of the catalog may read this directory. */
export const DATACENTERS: Key = '/datacenters@'

/** The key without look-up options. The `keys` of a resource are compared with this form. */
export const plainKey = (key: Key): Key =>
  key.includes('@') ? (key.replace(ROOT, '/$1') as Key) : key

const ROOT_ANYWHERE = /\/(services|nodes)@([^/;]*)[^/]*(?=\/|$)/

/** Like plainKey(), for a key of any store, below any prefix. */
export const plainKeyIn = (key: Key): Key => key.replace(ROOT_ANYWHERE, '/$1') as Key

/** The key without its look-up options, except the datacenter. */
export const keyInDatacenter = (key: Key): Key =>
  key.replace(ROOT_ANYWHERE, (_, kind: string, dc: string) =>
    dc === '' ? `/${kind}` : `/${kind}@${dc}`,
  ) as Key

export const isOfLookUp = (key: string): boolean =>
  key.includes('@') && (ROOT.test(key) || covers(DATACENTERS, key))

export const serviceDir = (name: string, lookUp?: LookUp): Key =>
  `${rootOf('services', lookUp)}/${encodePart(name)}`

/** Also encodes `:` in the name of the node, because the first `:` separates the node from the id. */
export const instanceKey = (dir: Key, node: string, id: string): Key =>
  `${dir}/${encodePart(node).replaceAll(':', '%3A')}:${encodePart(id)}`

export const nodeKey = (name: string, lookUp?: LookUp): Key =>
  `${rootOf('nodes', lookUp)}/${encodePart(name)}`

export const datacenterKey = (name: string): Key => `${DATACENTERS}/${encodePart(name)}`

/** Whether Consul's HTTP API accepts a name in the path of a request. It answers others with 400. */
export const isPrintable = (name: string): boolean => !/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(name)
