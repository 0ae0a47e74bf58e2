// Describes how each balance algorithm treats added and removed servers, according to HAProxy's manual ("balance",
// "hash-type") and to trials of its releases.
import type { BalanceTerms, ServerSection } from './sections.ts'

const algorithmOf = ({ balance }: BalanceTerms): string =>
  (balance[0] ?? 'roundrobin').replace(/\(.*$/, '')
const WEIGHING = new Set(['roundrobin', 'leastconn', 'random', 'first'])
const HASHING = new Set(['source', 'uri', 'url_param', 'hdr', 'rdp-cookie', 'hash'])

const isConsistent = ({ hashType }: BalanceTerms): boolean => hashType[0] === 'consistent'

/** Whether servers can be added, deleted, and given another weight at run time. */
export const isDynamic = (terms: BalanceTerms): boolean => {
  const algorithm = algorithmOf(terms)
  return WEIGHING.has(algorithm) || (HASHING.has(algorithm) && isConsistent(terms))
}

/**
 * Whether the algorithm uses server ids. Without an explicit `id`, the id of a server follows from its position in the
 * file.
 */
export const numbersServers = (terms: BalanceTerms): boolean => {
  const algorithm = algorithmOf(terms)
  return algorithm === 'first' || (HASHING.has(algorithm) && isConsistent(terms))
}

/** Whether at least one server has no `id`, so that its id follows from its position. */
export const hasServerWithoutId = ({ servers }: Pick<ServerSection, 'servers'>): boolean =>
  [...servers.values()].some(({ options }) => !options.includes('id'))

/** Whether the order of the servers in the file decides which server receives a request. */
export const dependsOnOrder = (terms: BalanceTerms): boolean =>
  numbersServers(terms) || !isDynamic(terms)
