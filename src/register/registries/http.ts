// Opens the stores' HTTP client for a registry, with a timeout derived from the TTL.
import type { RegisterSettings } from '../../core/register.ts'
import { openHttp, type HttpClient } from '../../stores/http.ts'
import { requestTimeout } from './layout.ts'

/** @param port the default port of the store */
export function openClient(
  node: string,
  { connection, limits, ttl }: Pick<RegisterSettings, 'connection' | 'limits' | 'ttl'>,
  product: string,
  port: number,
): HttpClient {
  const http = openHttp(node, { connection, limits, product, port })
  const timeout = requestTimeout(ttl, connection.nodes.length)
  return {
    origin: http.origin,
    place: http.place,
    limits,
    request: (path, options) => http.request(path, { timeout, ...options }),
    lines: (path, options) => http.lines(path, options),
    close: () => http.close(),
  }
}
