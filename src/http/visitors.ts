// Who is connected to the status page, and what is under way to each. Visitors are served in turn and refused
// when there are too many: the work needs memory and descriptors too.
import { readFileSync } from 'node:fs'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const MOST = 128
const LEAST = 4
/** Descriptors that the process has open by itself, and those that stores, files and commands need. */
const RESERVED = 48
/** Of those beyond the last one that is served so many at a time are told so; the rest are just closed. */
const REFUSED = 4
/** Milliseconds for such a one to read it. */
const REFUSAL = 100
/** Requests that a connection may send before it has read the answer to the first. A browser sends one. */
const AHEAD = 16
/** Bytes of answers that nobody has taken yet, in all. */
const UNDER_WAY = 32 * 1024 * 1024

const BUSY = 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n'
const REFUSING = `${BUSY}Content-Type: text/plain\r\nContent-Length: 18\r\n\r\ntoo many visitors\n`

/** @param descriptors that the process may have open */
export const visitorsFor = (descriptors: number): number =>
  Math.min(MOST, Math.max(LEAST, Math.floor((descriptors - RESERVED) / 2)))

/** RLIMIT_NOFILE; where it cannot be told, what the smallest systems allow. */
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

  /** @param most how many are served at the same time */
  constructor(
    server: Server,
    private readonly most: number,
  ) {
    this.#server = server
    server.maxConnections = most + REFUSED
    server.on('connection', (socket: Socket) => this.#admit(socket))
  }

  /** Too much is under way already for another long answer. */
  get isBusy(): boolean {
    return this.#underWay > UNDER_WAY
  }

  /**
   * Answers a request when the one before it on its connection has been answered, and the answer was taken.
   * @param answer ends the response, now or later; never rejects
   */
  serve(request: IncomingMessage, response: ServerResponse, answer: () => Promise<void>): void {
    const { socket } = request
    const turn = this.#turns.get(socket) ?? { waiting: 0, last: Promise.resolve() }
    this.#turns.set(socket, turn)
    // Whoever sends so many does not read. What he has sent already may still be coming in.
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

  /** Counts the bytes of an answer until they were taken. */
  count(response: ServerResponse, bytes: number): void {
    this.#underWay += bytes
    response.once('close', () => (this.#underWay -= bytes))
  }

  #admit(socket: Socket): void {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    if (this.#open.size <= this.most) return
    // Those whose connection only waits for their next request give way.
    this.#server.closeIdleConnections()
    const served = [...this.#open].filter(({ destroyed }) => !destroyed)
    if (served.length <= this.most) return
    socket.end(REFUSING)
    setTimeout(() => socket.destroy(), REFUSAL).unref()
  }
}
