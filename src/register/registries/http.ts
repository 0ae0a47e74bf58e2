// The client of a registry that speaks HTTP: that of the stores, with a timeout that fits the TTL.
import type { RegisterSettings } from '../../core/register.ts'
import { openHttp, type HttpClient } from '../../stores/http.ts'
import { patienceFor } from './layout.ts'

/** @param port of a node that does not say */
export function openClient(
  node: string,
  { connection, limits, ttl }: Pick<RegisterSettings, 'connection' | 'limits' | 'ttl'>,
  product: string,
  port: number,
): HttpClient {
  const http = openHttp(node, { connection, limits, product, port })
  const timeout = patienceFor(ttl, connection.nodes.length)
  return {
    origin: http.origin,
    place: http.place,
    limits,
    request: (path, options) => http.request(path, { timeout, ...options }),
    lines: (path, options) => http.lines(path, options),
    close: () => http.close(),
  }
}
