// One connection to a Redis server: ordered requests and replies, and pushes between them. Never reconnects: when the
// connection breaks, all pending and later requests throw the fault.
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { FaultError, raise } from '../../core/fault.ts'
import type { Limits } from '../../core/settings.ts'
import { duration } from '../../core/words.ts'
import { connectionFault, isTlsRecord, TimeoutError } from '../http-faults.ts'
import { budgetOf } from '../limits.ts'
import { expecting, type Shape } from '../shape.ts'
import type { TlsOptions } from '../tls.ts'
import type { Endpoint } from '../../core/redis-node.ts'
import { ReplyError } from './faults.ts'
import { Decoder, encodeCommand, ProtocolError, type Reply } from './resp.ts'

/** Maximum time for one reply, in milliseconds, even if bytes keep arriving. */
const LONGEST = 60_000

interface Pending {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: unknown) => void
}

export interface RedisConnectionOptions {
  readonly endpoint: Endpoint
  /** The TLS options; undefined for a plain connection. */
  readonly tls: TlsOptions | undefined
  /** For messages, such as `Redis at 127.0.0.1:6379`. */
  readonly place: string
  /**
   * Timeout for connecting, and for silence while a reply is pending, in milliseconds. After this time, the connection
   * counts as broken.
   */
  readonly silence: number
  readonly limits: Limits
  /** Called when bytes have arrived. */
  readonly heard?: (() => void) | undefined
}

export class RedisConnection {
  /**
   * Called for each push, unless the push confirms a subscription:
   * https://redis.io/docs/latest/develop/reference/protocol-spec/#pushes
   */
  onPush: (kind: string, rest: readonly Reply[]) => void = () => undefined
  /** Resolves when the connection breaks or is closed. */
  readonly ended: Promise<void>

  readonly place: string
  readonly #limits: Limits
  readonly #silence: number
  readonly #socket: Socket
  readonly #pending: Pending[] = []
  /** Whether the TLS handshake is still incomplete. */
  #handshaking: boolean
  #watchdog: NodeJS.Timeout | undefined
  /** When the wait for the next reply began, in milliseconds of `performance.now()`. */
  #dueSince = 0
  #reason: Error | undefined
  /** Bytes received so far. */
  #received = 0
  #resolveEnded: () => void = () => undefined

  constructor({ endpoint, tls, place, silence, limits, heard }: RedisConnectionOptions) {
    this.place = place
    this.#limits = limits
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve))
    this.#silence = silence
    this.#handshaking = tls !== undefined
    const socket = 'path' in endpoint ? connect(endpoint) : openTcp(endpoint, tls, place)
    this.#socket = socket
    const decoder = new Decoder(
      {
        reply: (reply) => this.#next().resolve(reply),
        error: (text) => this.#next().reject(new ReplyError(text)),
        push: (items) => this.#push(items),
      },
      place,
      limits,
    )
    socket.once('secureConnect', () => (this.#handshaking = false))
    socket.on('data', (chunk: Buffer) => {
      if (performance.now() - this.#dueSince < LONGEST) this.#watchdog?.refresh()
      heard?.()
      try {
        if (this.#received === 0 && isTlsRecord(chunk)) throw this.#wantsTls()
        this.#received += chunk.length
        decoder.write(chunk)
      } catch (error) {
        this.#end(error instanceof ProtocolError ? this.#notRedis() : (error as Error))
      }
      if (this.#pending.length === 0) this.#rest()
    })
    socket.once('error', (error) => this.#end(connectionFault(error, place, 'Redis')))
    socket.once('close', () => {
      const closed = Object.assign(new Error('closed'), { code: 'ECONNRESET' })
      this.#end(connectionFault(closed, place, 'Redis'))
    })
  }

  /**
   * Sends a command and returns the reply. Throws a ReplyError if Redis replies with an error, and a FaultError if the
   * connection breaks.
   */
  async request(...command: readonly string[]): Promise<Reply> {
    if (this.#reason !== undefined) throw this.#reason
    return new Promise((resolve, reject) => {
      if (this.#pending.length === 0) this.#dueSince = performance.now()
      this.#pending.push({ resolve, reject })
      this.#watchdog ??= setTimeout(() => this.#silent(), this.#silence)
      this.#socket.write(encodeCommand(command))
    })
  }

  /** Like request(), but also throws a FaultError if the reply does not have this shape. */
  async ask<T>(shape: Shape<T>, ...command: readonly string[]): Promise<T> {
    const reply = await this.request(...command)
    const wrong = (what: string): FaultError =>
      this.#wrong(`sent an invalid response to ${command[0]}: ${what}`)
    return expecting(wrong, () => shape(reply))
  }

  /**
   * Returns a function that throws if more bytes have arrived since this call than are allowed for one full read.
   */
  budget(): () => void {
    return budgetOf(this.#limits, this.place, () => this.#received)
  }

  /** Destroys the socket immediately. Pending requests throw `reason`. */
  close(reason: Error = new Error('closed')): void {
    this.#end(reason)
  }

  /** Removes and returns the request to which the received reply belongs. */
  #next(): Pending {
    const next = this.#pending.shift()
    if (next === undefined) throw this.#wrong('sent a reply without a request')
    this.#dueSince = performance.now()
    return next
  }

  #push([kind, ...rest]: readonly Reply[]): void {
    // Redis replies to a subscription with a push, in the order of the requests.
    if (kind === 'psubscribe') this.#next().resolve(null)
    else this.onPush(String(kind), rest)
  }

  #silent(): void {
    if (this.#handshaking) {
      return this.#end(
        new FaultError({
          kind: 'store',
          message: `cannot reach ${this.place}: no TLS handshake within ${duration(this.#silence)}`,
          hint: 'check that Redis is running there with TLS, and check -node and -scheme',
        }),
      )
    }
    const late = this.#socket.connecting
      ? Object.assign(new Error('late'), { code: 'ETIMEDOUT' })
      : new TimeoutError(this.#silence)
    this.#end(connectionFault(late, this.place, 'Redis'))
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

  #wrong(what: string): FaultError {
    const hint = 'check -node: this may not be a Redis server'
    return new FaultError({ kind: 'store', message: `${this.place} ${what}`, hint })
  }

  #notRedis(): FaultError {
    return new FaultError({
      kind: 'store',
      message: `${this.place} does not speak Redis's protocol`,
      hint: 'check -node; if the server requires TLS, set -scheme https or write rediss:// before the node',
    })
  }

  #wantsTls(): FaultError {
    return new FaultError({
      kind: 'store',
      message: `${this.place} speaks TLS, but was contacted without it`,
      hint: 'use -scheme https, or rediss:// before the node',
      permanent: true,
    })
  }
}

function openTcp(
  endpoint: { host: string; port: number },
  tls: TlsOptions | undefined,
  place: string,
): Socket {
  if (tls === undefined) return connect({ ...endpoint, noDelay: true })
  // Server Name Indication does not allow IP addresses.
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
