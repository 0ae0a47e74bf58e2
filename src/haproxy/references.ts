// Finds the servers that other lines of a configuration refer to, because HAProxy does not delete such servers.
import type { HaproxyConfig } from './sections.ts'

/** Sample fetches with a server as their argument, such as `srv_is_up(web/n1)`. */
const FETCH = /\bsrv_\w+\(([^(),]+)/g

const known = new WeakMap<HaproxyConfig, ReadonlySet<string>>()

/** @param id `backend/server` */
export function isReferenced(file: HaproxyConfig, id: string): boolean {
  let all = known.get(file)
  if (all === undefined) known.set(file, (all = referencesIn(file)))
  return all.has(id) || all.has(id.slice(id.lastIndexOf('/') + 1))
}

/** Returns servers as `backend/server`, or as a name alone if the backend is not known. */
function referencesIn({ sections, others }: HaproxyConfig): ReadonlySet<string> {
  const all = new Set<string>()
  for (const { name: backend, servers, useServer } of sections.values()) {
    const add = (server: string): void => {
      all.add(server.includes('/') ? server : `${backend}/${server}`)
    }
    for (const { options } of servers.values()) {
      const at = options.indexOf('track') + 1
      if (at > 0) add(options[at] ?? '')
    }
    useServer.flat().forEach(add)
  }
  for (const { text } of others) {
    for (const [, server = ''] of text.matchAll(FETCH)) all.add(server)
  }
  return all
}
