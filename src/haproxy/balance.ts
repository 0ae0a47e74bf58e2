// How each balance algorithm treats servers that come and go, from HAProxy's manual ("balance", "hash-type") and
// from trials of its releases.
import type { BalanceTerms, ServerSection } from './sections.ts'

const algorithmOf = ({ balance }: BalanceTerms): string =>
  (balance[0] ?? 'roundrobin').replace(/\(.*$/, '')
const WEIGHING = new Set(['roundrobin', 'leastconn', 'random', 'first'])
const HASHING = new Set(['source', 'uri', 'url_param', 'hdr', 'rdp-cookie', 'hash'])

const isConsistent = ({ hashType }: BalanceTerms): boolean => hashType[0] === 'consistent'

/** Whether servers can be added, deleted and weighted at run time. */
export const isDynamic = (terms: BalanceTerms): boolean => {
  const algorithm = algorithmOf(terms)
  return WEIGHING.has(algorithm) || (HASHING.has(algorithm) && isConsistent(terms))
}

/** Whether server ids decide; without an explicit `id`, they follow the order in the file. */
export const numbersServers = (terms: BalanceTerms): boolean => {
  const algorithm = algorithmOf(terms)
  return algorithm === 'first' || (HASHING.has(algorithm) && isConsistent(terms))
}

/** Whether the id of a server follows from its position. */
export const hasServerWithoutId = ({ servers }: Pick<ServerSection, 'servers'>): boolean =>
  [...servers.values()].some(({ options }) => !options.includes('id'))

/** Whether the order of the servers in the file decides which one receives a request. */
export const dependsOnOrder = (terms: BalanceTerms): boolean =>
  numbersServers(terms) || !isDynamic(terms)
