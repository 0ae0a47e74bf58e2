// A small HTTP client for tests, with its own connections. `close` leaves no connection open, so that a test can
// count the handles of the store under test without those of this client.
import { Agent, request } from 'node:http'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export class HttpClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 })

  constructor(readonly url: string) {}

  async send(
    method: string,
    path: string,
    body?: string | Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { method, headers, agent: this.#agent, timeout: 10_000 }
      const sent = request(new URL(path, this.url), options, (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.once('error', reject)
        response.once('end', () => {
          const text = Buffer.concat(parts).toString()
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
        })
      })
      sent.once('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer in 10 s`)))
      sent.once('error', reject)
      sent.end(body)
    })
  }

  /** Like `send`, but throws if the status is 300 or above. */
  async ok(
    method: string,
    path: string,
    body?: string | Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const answer = await this.send(method, path, body, headers)
    if (answer.status < 300) return answer
    throw new Error(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 500)}`)
  }

  /** POSTs JSON and parses the answer. */
  async json(
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const answer = await this.ok('POST', path, JSON.stringify(body), headers)
    return JSON.parse(answer.text) as unknown
  }

  /** Returns true if the server answers with a status below 300. */
  async answers(path: string): Promise<boolean> {
    try {
      return (await this.send('GET', path)).status < 300
    } catch {
      return false
    }
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** Runs `work` on all items, at most `limit` at a time. */
export async function forAll<T>(
  items: Iterable<T>,
  work: (item: T) => Promise<unknown>,
  limit = 16,
): Promise<void> {
  const queue = items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: limit }, worker))
}

/** Yields the list in pieces of at most `size` items. */
export function* chunks<T>(list: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size)
}
