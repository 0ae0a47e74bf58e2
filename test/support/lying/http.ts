// The common part of lying HTTP servers, and lies that do not depend on the request.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { SECRET, type Lies, type LyingServer, type Place } from './protocol.ts'

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/** Writes a false answer instead of the true one. */
export type HttpLie = (response: ServerResponse, truth: HttpAnswer) => void

export abstract class LyingHttp implements LyingServer<HttpLie> {
  node = ''
  protected lying: { readonly lie: HttpLie; readonly place: Place } | undefined
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((request, response) => {
    const parts: Buffer[] = []
    response.on('error', () => undefined)
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://lying')
      this.handle(url, response, Buffer.concat(parts).toString(), request)
    })
  })

  async listen(): Promise<this> {
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket.on('error', () => undefined))
    })
    await new Promise<void>((listening) => this.#server.listen(0, '127.0.0.1', listening))
    this.node = `127.0.0.1:${(this.#server.address() as { port: number }).port}`
    return this
  }

  get sent(): number {
    return [...this.#sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0)
  }

  lie(lie: HttpLie, place: Place): void {
    this.lying = { lie, place }
    this.disturb(place)
  }

  repent(): void {
    this.lying = undefined
    // A false answer must not continue with the truth after the lie has ended.
    this.cut()
  }

  abstract change(): ReturnType<LyingServer<HttpLie>['change']>

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((closed) => this.#server.close(closed))
  }

  /** Answers a request, usually with answer(), which sends a lie instead of the truth if a test wants one. */
  protected abstract handle(
    url: URL,
    response: ServerResponse,
    body: string,
    request: IncomingMessage,
  ): void

  /** Called when a lie begins, so that waiting clients receive the lie. */
  protected disturb(_place: Place): void {
    this.cut()
  }

  protected cut(): void {
    this.#server.closeAllConnections()
  }

  protected answer(response: ServerResponse, truth: HttpAnswer, place: Place = 'answers'): void {
    if (this.lying?.place === place) this.lying.lie(response, truth)
    else send(response, truth)
  }
}

export function send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  response.writeHead(status, headers)
  response.end(body === undefined ? '' : JSON.stringify(body))
}

/** Sends the true headers with another body. */
export const body =
  (text: string | Buffer, headers: Readonly<Record<string, string>> = {}): HttpLie =>
  (response, truth) => {
    response.writeHead(200, { ...truth.headers, ...headers })
    response.end(text)
  }

/** Sends an answer with this status, as servers and proxies do. */
export const status =
  (code: number, text = '', headers: Readonly<Record<string, string>> = {}): HttpLie =>
  (response) => {
    response.writeHead(code, headers)
    response.end(text)
  }

/** Writes these bytes instead of an HTTP response. */
export const raw =
  (bytes: string | Buffer): HttpLie =>
  (response) => {
    response.socket?.end(bytes)
  }

/** Sends the true answer with a changed body. */
export const changed =
  <T>(change: (body: T) => unknown): HttpLie =>
  (response, truth) => {
    const copy = structuredClone(truth.body) as T
    send(response, { ...truth, status: 200, body: change(copy) })
  }

/** Sends an endless answer, as fast as the client reads. */
export const endless =
  (code: number, start: string, more: string): HttpLie =>
  (response, { headers }) => {
    response.writeHead(code, headers)
    response.write(start)
    pour(response, Buffer.from(more.repeat(Math.ceil(2 ** 16 / more.length))))
  }

export function pour(to: ServerResponse | Socket, bytes: Buffer): void {
  const go = (): void => {
    while (!to.destroyed && to.write(bytes));
  }
  to.on('drain', go)
  go()
}

const page = `<!doctype html><html><body>Please log in. ${SECRET}</body></html>`

/** Answers from other services that may listen at the address of the store. */
export const httpLies: Lies<HttpLie> = {
  'another service': body('{"status":"ok"}'),
  nothing: body(''),
  'a page of a captive portal': body(page, { 'content-type': 'text/html' }),
  'a redirect to a page': status(302, page, { location: 'http://127.0.0.1:1/login' }),
  'a redirect to itself': (response) => {
    response.writeHead(307, { location: response.req.url ?? '/' }).end()
  },
  'no content': status(204),
  null: body('null'),
  'a number': body('5'),
  'a huge number': body(`1${'0'.repeat(400)}`),
  'a text': body(`"${SECRET}"`),
  'a boolean': body('true'),
  'a list of null': body('[null]'),
  'a list of lists': body('[[[]]]'),
  'an object in an object': body('{"a":{"a":{}}}'),
  'half of the JSON': (response, truth) => {
    const text = JSON.stringify(truth.body ?? {})
    body(text.slice(0, text.length >> 1))(response, truth)
  },
  'JSON and more': (response, truth) =>
    body(`${JSON.stringify(truth.body ?? {})}${SECRET}`)(response, truth),
  'bytes that are not UTF-8': body(Buffer.from([0x22, 0xff, 0xfe, 0x22])),
  'zipped, without being asked': body(gzipSync('{}'), { 'content-encoding': 'gzip' }),
  'a nest of 100,000 lists': body('['.repeat(100_000) + ']'.repeat(100_000)),
  'a nest of 100,000 objects': body('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)),
  'very many values of hardly any bytes': body(`[${'{},'.repeat(2 ** 18)}{}]`),
  'an answer without end': endless(200, '{"header":"', 'A'),
  'a list without end': endless(200, '[', '{},'),
  'blanks without end': endless(200, '', ' '),
  'an error without end': endless(500, '', 'error '),
  'an error on a page': status(502, page, { 'content-type': 'text/html' }),
  'an error of null': status(500, 'null'),
  'an error of a list': status(500, '[]'),
  'an error of errors': status(500, '{"error":{"error":{"error":5}},"message":["x"],"code":"y"}'),
  'not allowed': status(405),
  'who are you': status(401, page),
  'not found': status(404, page),
  'too many requests': status(429, '', { 'retry-after': '-1' }),
  'come back later': status(503, page, { 'retry-after': '99999999999999999999' }),
  'shorter than announced': (response, { headers }) => {
    response.writeHead(200, { ...headers, 'content-length': '100000' })
    response.write('{', () => response.destroy())
  },
  'larger than memory, as announced': (response, { headers }) => {
    response.writeHead(200, { ...headers, 'content-length': '999999999999' })
    response.write('{"a":')
  },
  'an invalid length': raw('HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n{}'),
  'two lengths': raw('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'),
  'an invalid chunk': raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n{}\r\n'),
  'headers without end': (response) => {
    response.socket?.write('HTTP/1.1 200 OK\r\n')
    if (response.socket !== null)
      pour(response.socket, Buffer.from('x-more: more and more\r\n'.repeat(2000)))
  },
  'an invalid status': raw('HTTP/1.1 99999 OK\r\n\r\n'),
  'another protocol': raw("-ERR unknown command 'POST'\r\n"),
  'a TLS alert': raw(Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46])),
  'a message that it speaks TLS': status(400, 'Client sent an HTTP request to an HTTPS server.\n'),
  'a connection closed at once': (response) => {
    response.socket?.destroy()
  },
}
