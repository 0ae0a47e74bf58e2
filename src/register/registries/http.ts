// The client of a registry that speaks HTTP: that of the stores, with a timeout that fits the TTL.
import type { Connection } from '../../core/settings.ts'
import { openHttp, type HttpClient } from '../../stores/http.ts'

/** @param timeout milliseconds that a request may take */
export function openClient(
  node: string,
  connection: Connection,
  product: string,
  timeout: number,
): HttpClient {
  const http = openHttp(node, connection, product)
  return { ...http, request: (path, options) => http.request(path, { timeout, ...options }) }
}
