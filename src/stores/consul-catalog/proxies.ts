// Which services are proxies of Consul's service mesh. The list of services does not say; the summary that
// Consul's own web interface shows does. It is asked for only when names appear that it has not told of.
import { nameOfPart } from '../../core/catalog.ts'
import { FaultError } from '../../core/fault.ts'
import type { Key } from '../../core/key.ts'
import type { ConsulHttp } from '../consul-http.ts'
import { listOf, optional, record, text } from '../shape.ts'

const summaries = listOf(record({ Name: text, Kind: optional(text) }))

interface Known {
  readonly names: Set<string>
  readonly proxies: Set<string>
}

export class Proxies {
  /** By the question, which names the datacenter. */
  readonly #known = new Map<string, Known>()

  /** @param entries of a list of services */
  async without(
    entries: ReadonlyMap<Key, string>,
    http: ConsulHttp,
    path: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<Key, string>> {
    const names = new Map([...entries.keys()].map((key) => [key, nameIn(key)]))
    const known = this.#known.get(path) ?? { names: new Set(), proxies: new Set() }
    this.#known.set(path, known)
    if ([...names.values()].some((name) => !known.names.has(name))) {
      for (const name of await proxiesIn(http, path, names.values(), signal))
        known.proxies.add(name)
      for (const name of names.values()) known.names.add(name)
    }
    return new Map([...entries].filter(([key]) => !known.proxies.has(names.get(key) ?? '')))
  }
}

const nameIn = (entry: Key): string => nameOfPart(entry.split('/')[2] ?? '')

async function proxiesIn(
  http: ConsulHttp,
  path: string,
  names: Iterable<string>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    const query = { index: 0, signal, about: 'the summary of services', shape: summaries }
    const { value = [] } = await http.get(path, { ...query, isPolled: true })
    return value.filter(({ Kind }) => Kind === 'connect-proxy').map(({ Name }) => Name)
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    // Nobody has to serve it. This is what Consul calls the proxies that it registers itself.
    const all = new Set(names)
    return [...all].filter(
      (name) => all.has(name.replace(/-sidecar-proxy$/, '')) && /-sidecar-proxy$/.test(name),
    )
  }
}
