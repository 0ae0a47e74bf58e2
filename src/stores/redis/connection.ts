// One connection to a Redis server: requests in order, answers in order, and pushes in between.
// It never comes back by itself: when it breaks, whatever waits throws the fault, and so does all later.
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { FaultError, raise } from '../../core/fault.ts'
import { faultOf, TimeoutError } from '../http-faults.ts'
import type { TlsOptions } from '../tls.ts'
import type { Endpoint } from './address.ts'
import { ReplyError } from './faults.ts'
import { decoded, Decoder, encodeCommand, typeMapping } from './resp.ts'

/** Strings, numbers, null, and lists of them; maps are flat lists. */
export type Reply = string | number | boolean | null | readonly Reply[]

interface Pending {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: unknown) => void
}

export interface ConnectionOptions {
  readonly endpoint: Endpoint
  /** Undefined: without TLS. */
  readonly tls: TlsOptions | undefined
  /** For messages, such as `Redis at 127.0.0.1:6379`. */
  readonly place: string
  /** Milliseconds without a byte while an answer is due, or without a connection: then it is broken. */
  readonly silence: number
}

export class Connection {
  /** Called with what the server sends unasked; see https://redis.io/docs/latest/develop/reference/protocol-spec/#pushes */
  onPush: (kind: string, rest: readonly unknown[]) => void = () => undefined
  /** Resolved when it breaks or is closed. */
  readonly ended: Promise<void>

  readonly place: string
  readonly #silence: number
  readonly #socket: Socket
  readonly #pending: Pending[] = []
  /** TLS is wanted and not there yet. */
  #handshaking: boolean
  #watchdog: NodeJS.Timeout | undefined
  #reason: Error | undefined
  #resolveEnded: () => void = () => undefined

  constructor({ endpoint, tls, place, silence }: ConnectionOptions) {
    this.place = place
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve))
    this.#silence = silence
    this.#handshaking = tls !== undefined
    const socket = 'path' in endpoint ? connect(endpoint) : openTcp(endpoint, tls, place)
    this.#socket = socket
    const decoder = new Decoder({
      onReply: (reply) => this.#pending.shift()?.resolve(decoded(reply) as Reply),
      onErrorReply: ({ message }) => this.#pending.shift()?.reject(new ReplyError(message)),
      onPush: (push) => this.#push(push),
      getTypeMapping: () => typeMapping,
    })
    socket.once('secureConnect', () => (this.#handshaking = false))
    socket.on('data', (chunk: Buffer) => {
      this.#watchdog?.refresh()
      try {
        decoder.write(chunk)
      } catch {
        this.#end(this.#notRedis())
      }
      if (this.#pending.length === 0) this.#rest()
    })
    socket.once('error', (error) => this.#end(faultOf(error, place, 'Redis')))
    socket.once('close', () => {
      const closed = Object.assign(new Error('closed'), { code: 'ECONNRESET' })
      this.#end(faultOf(closed, place, 'Redis'))
    })
  }

  /** Throws a ReplyError when Redis answers with an error, a FaultError when the connection breaks. */
  async request(...command: readonly string[]): Promise<Reply> {
    if (this.#reason !== undefined) throw this.#reason
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject })
      this.#watchdog ??= setTimeout(() => this.#silent(), this.#silence)
      this.#socket.write(encodeCommand(command))
    })
  }

  /** Destroys the socket at once; what waits throws `reason`. */
  close(reason: Error = new Error('closed')): void {
    this.#end(reason)
  }

  #push(push: readonly unknown[]): void {
    const [kind, ...rest] = push.map(decoded)
    // The answer to a subscription comes as a push, in its place among the answers.
    if (kind === 'psubscribe') this.#pending.shift()?.resolve(null)
    else this.onPush(String(kind), rest)
  }

  #silent(): void {
    if (this.#handshaking) {
      return this.#end(
        new FaultError({
          kind: 'store',
          message: `cannot reach ${this.place}: no TLS handshake within ${this.#silence / 1000} s`,
          hint: 'is Redis running there, and with TLS? check -node and -scheme',
        }),
      )
    }
    const late = this.#socket.connecting
      ? Object.assign(new Error('late'), { code: 'ETIMEDOUT' })
      : new TimeoutError(this.#silence)
    this.#end(faultOf(late, this.place, 'Redis'))
  }

  #rest(): void {
    clearTimeout(this.#watchdog)
    this.#watchdog = undefined
  }

  #end(reason: Error): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#rest()
    this.#socket.destroy()
    for (const { reject } of this.#pending.splice(0)) reject(reason)
    this.#resolveEnded()
  }

  #notRedis(): FaultError {
    return new FaultError({
      kind: 'store',
      message: `${this.place} does not speak the protocol of Redis`,
      hint: 'check -node, and -scheme https (or rediss://) when it wants TLS',
    })
  }
}

function openTcp(
  endpoint: { host: string; port: number },
  tls: TlsOptions | undefined,
  place: string,
): Socket {
  if (tls === undefined) return connect({ ...endpoint, noDelay: true })
  // An address is no name that could be asked for in the handshake.
  const name = isIP(endpoint.host) === 0 ? { servername: endpoint.host } : {}
  try {
    return connectTls({ ...endpoint, ...name, ...tls })
  } catch (error) {
    return raise('store', `cannot reach ${place}: TLS: ${(error as Error).message}`, {
      hint: 'check -client-ca-keys, -client-cert and -client-key',
      permanent: true,
    })
  }
}
