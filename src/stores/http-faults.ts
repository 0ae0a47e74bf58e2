// Explains connection, TLS and HTTP errors to the operator: what happened, and what to check.
import { FaultError, type Fault } from '../core/fault.ts'
import { duration } from '../core/words.ts'
import { explainTls } from './tls-faults.ts'

/** Timeout for opening a connection, including the TLS handshake, in milliseconds. */
export const CONNECT_TIMEOUT = 10_000

export class TimeoutError extends Error {
  constructor(readonly timeout: number) {
    super(`no answer within ${duration(timeout)}`)
  }
}

/** The code of an error, such as `ECONNREFUSED`, or else its message. */
export const codeOf = (error: unknown): string =>
  (error as { code?: string }).code ?? (error instanceof Error ? error.message : String(error))

/** Thrown if the server has closed the connection, perhaps because it has too many connections. */
export class ClosedError extends FaultError {}

/** Thrown if the server has not answered in time. */
export class SilentError extends FaultError {}

/** Whether the error means that the server has closed the connection. */
export const isClosed = (error: unknown): boolean =>
  /^(?:ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE)$/.test(codeOf(error))

/**
 * Converts an error from HTTP, a socket or TLS to a fault.
 * @param place the product and the node, such as `etcd at http://127.0.0.1:2379`
 * @param store the product, for hints, such as `etcd`
 */
export function connectionFault(error: unknown, place: string, store: string): FaultError {
  if (error instanceof FaultError) return error
  const { what, ...more } = explain(error, store)
  const fault: Fault = { kind: 'store', message: `cannot reach ${place}: ${what}`, ...more }
  if (error instanceof TimeoutError) return new SilentError(fault)
  return isClosed(error) ? new ClosedError(fault) : new FaultError(fault)
}

function explain(
  error: unknown,
  store: string,
): Pick<Fault, 'hint' | 'permanent'> & { readonly what: string } {
  const where = `check that ${store} is running there, and check -node`
  // If a name has several addresses and all of them refuse the connection, Node throws an AggregateError.
  const cause = error instanceof AggregateError ? (error.errors[0] as unknown) : error
  const code = codeOf(cause)
  if (cause instanceof TimeoutError) return { what: cause.message, hint: where }
  if (isClosed(cause)) {
    return {
      what: 'the server closed the connection',
      hint: `${where} and -scheme (http or https)`,
    }
  }
  switch (code) {
    case 'ECONNREFUSED':
      return { what: 'connection refused', hint: where }
    case 'ENOENT':
      return { what: 'there is no socket at this path', hint: where }
    case 'EACCES':
      return {
        what: 'permission denied',
        hint: 'run reconfd as a user with access to the socket',
      }
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { what: 'the host name does not resolve', hint: 'check -node and DNS' }
    case 'ETIMEDOUT':
      return {
        what: `no connection within ${duration(CONNECT_TIMEOUT)}`,
        hint: 'check -node and the firewall',
      }
    case 'HPE_HEADER_OVERFLOW':
      return { what: 'it sends headers of more than 16 KiB', hint: where }
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
      return { what: 'the server does not speak TLS', hint: 'check -scheme' }
    default:
      if (code.startsWith('HPE_')) return notHttp((cause as { rawPacket?: Buffer }).rawPacket)
      return explainTls(cause, code) ?? { what: (cause as Error).message || code, hint: where }
  }
}

/**
 * Whether data begins with a TLS alert or handshake record. A TLS server sends such a record in reply to plain text.
 */
export const isTlsRecord = (bytes: Uint8Array | string): boolean => {
  const [first, second] = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
  return (first === 0x15 || first === 0x16) && second === 0x03
}

const notHttp = (
  data: Uint8Array = new Uint8Array(),
): Pick<Fault, 'hint'> & { readonly what: string } =>
  isTlsRecord(data)
    ? {
        what: 'it speaks TLS, but was contacted over plain HTTP',
        hint: 'use -scheme https, or https:// before the node',
      }
    : { what: 'its answer is not HTTP', hint: 'check -node: another server may be listening there' }
