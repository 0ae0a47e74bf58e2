// One session with one ZooKeeper server over one socket: pipelined requests and watch events. The session of a reader
// ends with its connection and is never resumed, since the changes made in the meantime would have to be read anyway.
import type { Socket } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { Fault, FaultError } from '../../core/fault.ts'
import type { Limits } from '../../core/settings.ts'
import { CONNECT_TIMEOUT, connectionFault, isTlsRecord } from '../http-faults.ts'
import { budgetOf } from '../limits.ts'
import { zookeeperHostAndPort, type ZookeeperAddress } from '../../core/zookeeper-node.ts'
import { dialZookeeper } from './dial.ts'
import {
  authFailed,
  zookeeperFault,
  hungUp,
  noZookeeper,
  packetTooLarge,
  tooQuiet,
} from './faults.ts'
import { JuteReader, JuteWriter, Packets, PacketTooLarge } from './jute.ts'
import {
  authPacket,
  errorCode,
  connectRequest,
  opcode,
  pingPacket,
  readEvent,
  xid,
  ZkError,
  type Body,
  type Resumable,
  type WatchEvent,
} from './protocol.ts'

export type { Resumable } from './protocol.ts'

/**
 * Requested session timeout, in milliseconds. The server limits it to between 2 and 20 of its ticks. A tick is 2 s by
 * default.
 */
const SESSION_TIMEOUT = 10_000
/** Maximum silence in milliseconds, even if the server grants a longer session timeout. */
const LONGEST_TIMEOUT = 60_000

/**
 * Timeouts for establishing a session over an open connection, in milliseconds. The timeout is `first` initially, and
 * doubles with each failure, up to `most`. A server that is just starting accepts connections, but may lose the first
 * packet of a connection.
 */
export const HANDSHAKE_TIMEOUT = { first: 500, most: 4_000 } as const

/** Maximum time for one packet, and for one reply, in milliseconds, even if other data keeps arriving. */
const LONGEST = 60_000

/**
 * Maximum number of pending requests: high enough to hide the round-trip time, and low enough not to burden the server.
 */
const IN_FLIGHT = 100

/** A generous limit on the first packet, in bytes. Later packets contain data, and have a configured limit. */
const LARGEST_GREETING = 1024

/** The defaults of a store, for callers without settings. */
const USUAL_LIMITS: Limits = { body: 256 * 2 ** 20, message: 64 * 2 ** 20 }

export interface SessionOptions {
  readonly limits?: Limits
  /** Called when bytes have arrived. */
  readonly heard?: (() => void) | undefined
  readonly username?: string
  readonly password?: string
  /** The TLS options; absent for plain TCP. */
  readonly tls?: ConnectionOptions
  /** Timeout for establishing the session over the open connection, in milliseconds. */
  readonly handshake?: number
  /** Requested session timeout in milliseconds. */
  readonly timeout?: number
  /** The session to resume. If it has expired, the id in Session.identity is 0. */
  readonly resume?: Resumable
  readonly onEvent?: (event: WatchEvent) => void
  /** Called once when the session ends, for whatever reason. */
  readonly onEnd?: (reason: Error) => void
}

interface Pending {
  readonly packet: Buffer
  readonly xid: number
  readonly resolve: (reader: JuteReader) => void
  readonly reject: (error: Error) => void
}

export class Session {
  readonly place: string
  readonly #socket: Socket
  readonly #packets = new Packets(LARGEST_GREETING)
  readonly #limits: Limits
  /** Sent requests that await their replies, in the order of the replies. */
  readonly #sent: Pending[] = []
  /**
   * Requests to send. The first `#taken` of them have already been sent, but are not removed, because shift() would
   * copy a long array.
   */
  #waiting: Pending[] = []
  #taken = 0
  #lastXid = 0
  #established = false
  #identity: Resumable = { id: 0n, password: Buffer.alloc(16) }
  #granted = 0
  /** Bytes sent and received. */
  #moved = 0
  /** When the last packet was complete, in milliseconds of `performance.now()`. */
  #wholeAt = performance.now()
  /** When the wait for the reply to the first request in `#sent` began, in milliseconds of `performance.now()`. */
  #dueSince = 0
  #ended: Error | undefined
  /** The timer that ends the session if it is not established in time, and later if the server is silent. */
  #deadline: NodeJS.Timeout | undefined
  #pings: NodeJS.Timeout | undefined

  /** Opens a session. Aborting the signal ends the session. Throws a FaultError. */
  static async open(
    address: ZookeeperAddress,
    options: SessionOptions,
    signal?: AbortSignal,
  ): Promise<Session> {
    signal?.throwIfAborted()
    return new Promise((opened, failed) => {
      const abort = (): void => session.close()
      const session = new Session(
        address,
        options,
        () => opened(session),
        (reason) => {
          signal?.removeEventListener('abort', abort)
          failed(reason)
          options.onEnd?.(reason)
        },
      )
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  private constructor(
    address: ZookeeperAddress,
    private readonly options: SessionOptions,
    private readonly onOpen: () => void,
    private readonly onEnd: (reason: Error) => void,
  ) {
    this.place = `ZooKeeper at ${zookeeperHostAndPort(address)}`
    this.#limits = options.limits ?? USUAL_LIMITS
    this.#socket = dialZookeeper(address, options.tls, () => {
      this.#watchOver(options.handshake ?? HANDSHAKE_TIMEOUT.most, 'no session')
      this.#socket.write(connectRequest(options.timeout ?? SESSION_TIMEOUT, options.resume))
    })
    this.#socket
      .on('data', (chunk: Buffer) => this.#read(chunk))
      .on('error', (error) => this.#fail(connectionFault(error, this.place, 'ZooKeeper')))
      .on('close', () => this.#fail(hungUp(this.place, this.#established)))
    this.#watchOver(CONNECT_TIMEOUT, 'no connection')
  }

  /**
   * Sends a request and returns a reader for the reply, positioned after the header. Replies arrive in the order of the
   * requests, and an event arrives before any reply that includes its change. Throws a ZkError if the server refuses
   * the request. If the session has ended, throws the reason for its end.
   */
  async request(operation: number, body: Body): Promise<JuteReader> {
    if (this.#ended !== undefined) throw this.#ended
    this.#lastXid = (this.#lastXid % 0x7fff_ffff) + 1
    const writer = new JuteWriter().int(this.#lastXid).int(operation)
    const packet = body(writer).frame()
    const id = this.#lastXid
    return new Promise((resolve, reject) => {
      this.#waiting.push({ packet, xid: id, resolve, reject })
      this.#send()
    })
  }

  /**
   * Returns a function that throws if more bytes have been transferred since this call than are allowed for one full
   * read. Requests count as well, because in an endless tree the requested paths become longer and longer.
   */
  budget(): ReturnType<typeof budgetOf> {
    return budgetOf(this.#limits, this.place, () => this.#moved)
  }

  /** Ends the session here and at the server. Pending requests throw `reason`. */
  close(reason: Error = new Error('the session was closed')): void {
    // Without a closing request, the server would keep the session until its timeout expires. If the connection is
    // blocked, close() does not wait for it.
    const canNotify =
      this.#ended === undefined && this.#established && this.#socket.writableLength === 0
    if (canNotify) {
      this.#socket.write(new JuteWriter().int(0).int(opcode.closeSession).frame())
      this.#socket.destroySoon()
    }
    this.#end(reason)
    if (!canNotify) this.#socket.destroy()
  }

  /** Closes only the connection. The server keeps the session until its timeout expires. */
  leave(): void {
    this.#end(new Error('the connection was closed'))
    this.#socket.destroy()
  }

  /** The identity for SessionOptions.resume. */
  get identity(): Resumable {
    return this.#identity
  }

  /** The session timeout granted by the server, in milliseconds. */
  get timeout(): number {
    return this.#granted
  }

  /** Returns a fault whose message begins with `place`. */
  fault(what: string, more: Partial<Fault> = {}): FaultError {
    return zookeeperFault(this.place, what, more)
  }

  #send(): void {
    // Sends all requests of one tick in one write.
    this.#socket.cork()
    process.nextTick(() => this.#socket.uncork())
    while (this.#sent.length < IN_FLIGHT) {
      const next = this.#waiting[this.#taken]
      if (next === undefined) break
      this.#taken++
      if (this.#sent.length === 0) this.#dueSince = performance.now()
      this.#sent.push(next)
      this.#moved += next.packet.length
      this.#socket.write(next.packet)
    }
    if (this.#taken < this.#waiting.length) return
    this.#waiting = []
    this.#taken = 0
  }

  #read(chunk: Buffer): void {
    const since = this.#sent.length > 0 ? Math.min(this.#dueSince, this.#wholeAt) : this.#wholeAt
    const isInTime = performance.now() - since < LONGEST
    if (this.#established && isInTime) this.#deadline?.refresh()
    this.options.heard?.()
    try {
      if (this.#moved === 0 && isTlsRecord(chunk)) throw new RangeError('it speaks TLS')
      this.#moved += chunk.length
      for (const packet of this.#packets.push(chunk)) {
        if (this.#ended !== undefined) return
        this.#wholeAt = performance.now()
        const reader = new JuteReader(packet)
        if (this.#established) this.#answer(reader)
        else this.#establish(reader)
      }
    } catch (error) {
      this.#fail(this.#wrong(error))
    }
  }

  #wrong(error: unknown): Error {
    const { place } = this
    if (!(error instanceof RangeError)) return error as Error
    const isLarge = error instanceof PacketTooLarge && this.#established
    return isLarge ? packetTooLarge(place, this.#limits) : noZookeeper(place, error.message)
  }

  #establish(reader: JuteReader): void {
    reader.int() // the protocol's version
    const granted = reader.int()
    const identity = { id: reader.long(), password: reader.bytes() }
    if (granted <= 0) {
      if (this.options.resume === undefined) this.#fail(this.fault('granted no session'))
      else this.onOpen()
      return
    }
    this.#identity = identity
    this.#granted = granted
    const timeout = Math.min(granted, LONGEST_TIMEOUT)
    this.#established = true
    this.#packets.most = this.#limits.message
    this.#watchOver((timeout * 2) / 3, 'no answer')
    this.#pings = setInterval(() => this.#socket.write(pingPacket()), timeout / 3)
    const { username, password = '' } = this.options
    if (username !== undefined) this.#socket.write(authPacket(username, password))
    this.onOpen()
  }

  #answer(reader: JuteReader): void {
    const id = reader.int()
    const newest = reader.long() // id of the server's last change
    const error = reader.int()
    // Errors and events carry no change id.
    if (newest < 0n && id > 0 && error === errorCode.ok)
      throw new RangeError('a negative change id')
    if (id === xid.event) {
      const event = readEvent(reader)
      if (event !== undefined) this.options.onEvent?.(event)
    } else if (id === xid.auth) {
      if (error !== errorCode.ok) this.#fail(authFailed(this.place, this.options.username, error))
    } else if (id !== xid.ping) {
      const pending = this.#sent[0]
      if (pending?.xid !== id) throw new RangeError('answers out of order')
      this.#sent.shift()
      this.#dueSince = performance.now()
      if (error === errorCode.ok) pending.resolve(reader)
      else pending.reject(new ZkError(error))
      this.#send()
    }
  }

  #watchOver(timeout: number, what: string): void {
    clearTimeout(this.#deadline)
    this.#deadline = setTimeout(() => this.#fail(tooQuiet(this.place, what, timeout)), timeout)
  }

  #fail(reason: Error): void {
    this.#end(reason)
    this.#socket.destroy()
  }

  #end(reason: Error): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    clearTimeout(this.#deadline)
    clearInterval(this.#pings)
    for (const { reject } of [...this.#sent, ...this.#waiting.slice(this.#taken)]) reject(reason)
    this.onEnd(reason)
  }
}
