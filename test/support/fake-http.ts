// An HTTP server whose answers a test supplies, for cases that cannot be produced with a real store.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export interface FakeServer {
  /** `127.0.0.1:port` */
  readonly node: string
  /** The requested paths with their queries, in order. */
  readonly asked: readonly string[]
  close(): Promise<void>
}

/** @param answer called for each request, with its number from 0; may leave it unanswered */
export async function startFake(
  answer: (url: URL, response: ServerResponse, nth: number, request: IncomingMessage) => void,
): Promise<FakeServer> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const nth = asked.push(request.url ?? '') - 1
    answer(new URL(request.url ?? '/', 'http://fake'), response, nth, request)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    node: `127.0.0.1:${(server.address() as { port: number }).port}`,
    asked,
    async close() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
