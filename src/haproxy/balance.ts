// What a balance algorithm makes of servers that come and go. By HAProxy's manual ("balance", "hash-type") and by what
// the releases refuse.
import type { Terms } from './sections.ts'

const algorithmOf = ({ balance }: Terms): string =>
  (balance[0] ?? 'roundrobin').replace(/\(.*$/, '')
const WEIGHING = new Set(['roundrobin', 'leastconn', 'random', 'first'])
const HASHING = new Set(['source', 'uri', 'url_param', 'hdr', 'rdp-cookie', 'hash'])

const isConsistent = ({ hashType }: Terms): boolean => hashType[0] === 'consistent'

/** Servers can be added, deleted and weighed at run time. */
export const isDynamic = (terms: Terms): boolean => {
  const algorithm = algorithmOf(terms)
  return WEIGHING.has(algorithm) || (HASHING.has(algorithm) && isConsistent(terms))
}

/** The numbers of servers decide, which depend on their order in the file unless they have an `id`. */
export const numbersServers = (terms: Terms): boolean => {
  const algorithm = algorithmOf(terms)
  return algorithm === 'first' || (HASHING.has(algorithm) && isConsistent(terms))
}

/** The order of the servers in the file decides which one a request goes to. */
export const dependsOnOrder = (terms: Terms): boolean => numbersServers(terms) || !isDynamic(terms)
