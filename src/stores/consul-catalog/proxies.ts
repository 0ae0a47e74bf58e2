// Removes the proxies of Consul's service mesh from the list of services. Only the summary for Consul's own web
// interface shows which services are proxies. This summary is requested when the list contains new names.
import { nameOfPart } from '../../core/catalog.ts'
import { FaultError } from '../../core/fault.ts'
import type { Key } from '../../core/key.ts'
import { OverloadError, type ConsulHttp } from '../consul-http.ts'
import { listOf, nullable, optional, record, text } from '../shape.ts'

const summaries = listOf(
  record({ Name: text, Kind: optional(text), ProxyFor: nullable(listOf(text)) }),
)

type Summary = ReturnType<typeof summaries>[number]

interface Known {
  readonly names: ReadonlySet<string>
  readonly proxies: ReadonlySet<string>
}

const NONE: Known = { names: new Set(), proxies: new Set() }

export class Proxies {
  /** The known names, by the path of the query, which includes the datacenter. */
  readonly #known = new Map<string, Known>()

  /** Returns the entries of a list of services, without the proxies. */
  async without(
    entries: ReadonlyMap<Key, string>,
    http: ConsulHttp,
    path: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<Key, string>> {
    const names = new Map([...entries.keys()].map((key) => [key, nameIn(key)]))
    const present = new Set(names.values())
    const known = this.#known.get(path) ?? NONE
    const isNew = [...present].some((name) => !known.names.has(name))
    const told = isNew ? await proxiesIn(http, path, signal) : known.proxies
    // Forgets vanished names, because a later service with the same name may be of another kind. Remembers nothing
    // without a summary, so that the next answer requests it again.
    if (told === undefined) this.#known.delete(path)
    else this.#known.set(path, { names: present, proxies: told })
    const proxies = told ?? probableProxies(present)
    return new Map([...entries].filter(([key]) => !proxies.has(names.get(key) ?? '')))
  }
}

const nameIn = (entry: Key): string => nameOfPart(entry.split('/')[2] ?? '')

/** Returns undefined if the summary is unavailable. */
async function proxiesIn(
  http: ConsulHttp,
  path: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string> | undefined> {
  try {
    const query = { index: 0, signal, about: 'the summary of services', shape: summaries }
    const { value = [] } = await http.get(path, { ...query, isPolled: true })
    // The summary states the kind of only one instance of each name, but a service and its own proxy may share a
    // name.
    const isProxy = ({ Name, Kind, ProxyFor }: Summary): boolean =>
      Kind === 'connect-proxy' && ProxyFor?.includes(Name) !== true
    return new Set(value.filter(isProxy).map(({ Name }) => Name))
  } catch (error) {
    if (!(error instanceof FaultError) || error instanceof OverloadError) throw error
    return undefined
  }
}

/** By default, the name of a proxy is the name of its service with the suffix `-sidecar-proxy`. */
const probableProxies = (names: ReadonlySet<string>): ReadonlySet<string> =>
  new Set(
    [...names].filter(
      (name) => /-sidecar-proxy$/.test(name) && names.has(name.replace(/-sidecar-proxy$/, '')),
    ),
  )
