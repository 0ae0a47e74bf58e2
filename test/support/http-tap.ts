// A reverse proxy on loopback that records finished and running requests, and can refuse or delay some. Tests use it to
// count a program's requests.
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer, request, type ServerResponse } from 'node:http'

export interface Tap {
  /** `127.0.0.1:port` */
  readonly node: string
  /** The path and query of every request so far. */
  readonly asked: readonly string[]
  /** The requests that are waiting for an answer. */
  readonly open: readonly string[]
  /** Answers instead of the server from now on, unless `answer` returns false. */
  refuse(answer: (path: string, response: ServerResponse) => boolean): void
  /** From now on, delays each part of a body on this path by this many milliseconds. Infinity drops the parts. */
  delay(path: string, time: number): void
  /** Forwards new requests to `target`. Running requests are not affected. */
  moveTo(target: string): void
  close(): Promise<void>
}

/** @param target `127.0.0.1:port` */
export async function startTap(target: string): Promise<Tap> {
  let to = target
  const delays = new Map<string, number>()
  const asked: string[] = []
  const open = new Map<ServerResponse, string>()
  let refuse = (_path: string, _response: ServerResponse): boolean => false
  const server = createServer((incoming, response) => {
    const { url: path = '', method, headers } = incoming
    asked.push(path)
    open.set(response, path)
    response.on('close', () => open.delete(response))
    if (refuse(path, response)) return
    const [host, port] = to.split(':')
    const outgoing = request({ host, port, path, method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      // Each chunk waits for the previous one, because a chunk with a shorter delay would overtake it.
      let before = Promise.resolve()
      answer.on('data', (chunk: Buffer) => {
        const time = delays.get(path) ?? 0
        if (time === Infinity) return
        const due = time === 0 ? Promise.resolve() : sleep(time)
        before = Promise.all([before, due]).then(() => void response.write(chunk))
      })
      answer.on('end', () => void before.then(() => response.end()))
    })
    // If either side closes, the other side is closed, too.
    outgoing.on('error', () => response.destroy())
    response.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    node: `127.0.0.1:${(server.address() as { port: number }).port}`,
    asked,
    get open() {
      return [...open.values()]
    },
    refuse(answer) {
      refuse = answer
    },
    delay(path, time) {
      delays.set(path, time)
    },
    moveTo(other) {
      to = other
    },
    async close() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
