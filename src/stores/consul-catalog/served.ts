// The names that Consul's HTTP API can serve. Consul accepts any name at registration. But a request for a name with an
// unprintable character gets 400, and Go redirects a request whose path it would write differently, such as `a//b`.
import { isPrintable } from '../../core/catalog.ts'

/** Whether a service or node with this name can be read. */
export const isServed = (name: string): boolean =>
  isPrintable(name) && !name.replace(/\/$/, '').split('/').some(isRedundant)

const isRedundant = (segment: string): boolean => ['', '.', '..'].includes(segment)

/** Encodes a name as a segment of a path in a URL. Never throws. */
export const segmentOf = (name: string): string => encodeURIComponent(name.toWellFormed())

/** Converts a name to lower case as Go does: each character on its own, and `İ` to `i`. */
export const lowerCase = (name: string): string =>
  name.replace(/./gsu, (char) => (char === 'İ' ? 'i' : char.toLowerCase()))
