// What goes wrong below HTTP, in the operator's words: what happened, and what to check.
import { FaultError, type Fault } from '../core/fault.ts'
import { duration } from '../core/words.ts'
import { explainTls } from './tls-faults.ts'

/** Milliseconds for TCP and TLS to be set up. */
export const CONNECT_TIMEOUT = 10_000

export class TimeoutError extends Error {
  constructor(readonly timeout: number) {
    super(`no answer within ${duration(timeout)}`)
  }
}

/** `ECONNREFUSED` and its like, or the message of an error without a code. */
export const codeOf = (error: unknown): string =>
  (error as { code?: string }).code ?? (error instanceof Error ? error.message : String(error))

/** A server that has ended a connection, be it one of too many. */
export class ClosedError extends FaultError {}

/** A server that has not answered in time. */
export class SilentError extends FaultError {}

/** Whether an error only says that the other side has ended the connection. */
export const isClosed = (error: unknown): boolean =>
  /^(?:ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE)$/.test(codeOf(error))

/**
 * The fault of an error of HTTP, of the socket or of TLS.
 * @param place the store and where it is, such as `etcd at http://127.0.0.1:2379`
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
  const where = `is ${store} running there? check -node`
  // Several addresses of one name, all refused, come as an AggregateError.
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
        hint: 'reconfd has to run as a user that may use the socket',
      }
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return { what: 'the host name does not resolve', hint: 'check -node and the DNS' }
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

/** A server that speaks TLS answers plain text with a record of its own, an alert. */
export const isTlsRecord = (bytes: Uint8Array | string): boolean => {
  const [first, second] = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
  return (first === 0x15 || first === 0x16) && second === 0x03
}

const notHttp = (
  data: Uint8Array = new Uint8Array(),
): Pick<Fault, 'hint'> & { readonly what: string } =>
  isTlsRecord(data)
    ? {
        what: 'it speaks TLS, and was asked in plain HTTP',
        hint: 'write -scheme https, or https:// before the node',
      }
    : { what: 'its answer is not HTTP', hint: 'is another server listening there? check -node' }

/** What servers of Go, and nginx, say to plain HTTP where they expect TLS. */
export const wantsTls = (body: string): boolean =>
  /HTTP request (?:to an HTTPS server|was sent to HTTPS port)/i.test(body)

export const plainHttp = (place: string): FaultError =>
  new FaultError({
    kind: 'store',
    message: `${place} expects HTTPS, and was asked by plain HTTP`,
    hint: 'use -scheme https, or write https:// before the node',
    permanent: true,
  })
