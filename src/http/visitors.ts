// Tracks the connections to the status page, and the answers that have not been read yet. Visitors beyond a limit are
// refused, so that memory and descriptors remain for the daemon's work.
import { readFileSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const MOST = 128
const LEAST = 4
/** Descriptors reserved for the runtime, stores, files and commands. */
const RESERVED = 48
/** Maximum number of refused connections that get an answer at the same time; further ones are closed immediately. */
const REFUSED = 4
/** Time for a refused visitor to read the answer, in milliseconds. */
const REFUSAL = 100
/** Maximum number of pipelined requests per connection. A browser sends one. */
const AHEAD = 16
/** Maximum bytes of all unread answers together. */
const UNDER_WAY = 32 * 1024 * 1024

const BUSY = 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n'
const REFUSING = `${BUSY}Content-Type: text/plain\r\nContent-Length: 18\r\n\r\ntoo many visitors\n`

/** @param descriptors maximum number of open descriptors of the process */
export const visitorsFor = (descriptors: number): number =>
  Math.min(MOST, Math.max(LEAST, Math.floor((descriptors - RESERVED) / 2)))

/** Returns RLIMIT_NOFILE, or a low value if it is unknown. */
export function descriptorLimit(): number {
  try {
    const [, soft = ''] =
      /^Max open files +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
    return soft === 'unlimited' ? Infinity : Number(soft)
  } catch {
    return 256
  }
}

interface Turn {
  waiting: number
  last: Promise<void>
}

export class Visitors {
  readonly #open = new Set<Socket>()
  readonly #turns = new WeakMap<Socket, Turn>()
  readonly #server: Server
  #underWay = 0

  /** @param most maximum number of concurrent visitors */
  constructor(
    server: Server,
    private readonly most: number,
  ) {
    this.#server = server
    server.maxConnections = most + REFUSED
    server.on('connection', (socket: Socket) => this.#admit(socket))
  }

  /** Whether unread answers leave no room for another long answer. */
  get isBusy(): boolean {
    return this.#underWay > UNDER_WAY
  }

  /**
   * Answers a request after the visitor has read the previous answer on the same connection.
   * @param answer ends the response, now or later; never rejects
   */
  serve(request: IncomingMessage, response: ServerResponse, answer: () => Promise<void>): void {
    const { socket } = request
    const turn = this.#turns.get(socket) ?? { waiting: 0, last: Promise.resolve() }
    this.#turns.set(socket, turn)
    // A client with this many open requests does not read the answers. More requests may arrive after destroy().
    if (turn.waiting >= AHEAD) socket.destroy()
    if (socket.destroyed) return
    turn.waiting++
    turn.last = turn.last.then(async () => {
      if (!socket.destroyed) {
        const over = new Promise<void>((closed) => response.once('close', closed))
        await answer()
        await over
      }
      turn.waiting--
    })
  }

  /** Counts the bytes of an answer until they have been read. */
  count(response: ServerResponse, bytes: number): void {
    this.#underWay += bytes
    response.once('close', () => (this.#underWay -= bytes))
  }

  #admit(socket: Socket): void {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    if (this.#open.size <= this.most) return
    // Close idle keep-alive connections to make room.
    this.#server.closeIdleConnections()
    const served = [...this.#open].filter(({ destroyed }) => !destroyed)
    if (served.length <= this.most) return
    socket.end(REFUSING)
    setTimeout(() => socket.destroy(), REFUSAL).unref()
  }
}
