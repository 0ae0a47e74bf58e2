// The live page: who has it open is sent each part that has changed, as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). Level-triggered: a change says only
// that something is another; what is sent is how it is then, so that one who reads slowly misses nothing.
import type { ServerResponse } from 'node:http'
import type { Viewer } from './access.ts'
import { withAges } from './ages.ts'
import type { Title } from './page.ts'

/** What one who looks is to see: the parts of the page by id, without their ages. */
export interface Look {
  readonly parts: ReadonlyMap<string, string>
  readonly title: Title
}

interface Client {
  readonly response: ServerResponse
  readonly viewer: Viewer
  /** Whose page he looks at; undefined: the overview. */
  readonly resource: string | undefined
  /** As it was sent, by part. */
  readonly sent: Map<string, string>
  /** Heartbeats since he last took what he was sent. */
  behind: number
}

/** Heartbeats: who has taken nothing for so long gives his place to others. */
const PATIENCE = 12
/** Milliseconds from a change to its being sent: what leads to a reload goes first. */
const SOON = 50
/** Milliseconds between two looks at least. */
const PAUSE = 250
/** Looking takes one part in so many of the time at most, however many resources there are. */
const SHARE = 20
/**
 * Milliseconds: so often something is sent, so that a connection that is gone is noticed, and what no
 * event has told of is seen.
 */
const HEARTBEAT = 5000

export class Live {
  readonly #clients = new Set<Client>()
  #timer: NodeJS.Timeout | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #notBefore = 0

  /** @param most how many look at the same time */
  constructor(
    private readonly most: number,
    private readonly look: (viewer: Viewer, resource: string | undefined) => Look,
  ) {}

  get isFull(): boolean {
    return this.#clients.size >= this.most
  }

  /** @param response its head has been sent */
  open(response: ServerResponse, viewer: Viewer, resource: string | undefined): void {
    const client = { response, viewer, resource, sent: new Map<string, string>(), behind: 0 }
    this.#clients.add(client)
    response.once('close', () => {
      this.#clients.delete(client)
      if (this.#clients.size === 0) clearInterval(this.#heartbeat)
    })
    response.on('drain', () => this.changed())
    response.write('retry: 1000\n\n')
    if (this.#clients.size === 1)
      this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT).unref()
    this.#send([client])
  }

  /** Something is another. */
  changed(): void {
    if (this.#clients.size === 0 || this.#timer !== undefined) return
    const wait = Math.max(SOON, this.#notBefore - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      const begin = performance.now()
      this.#send(this.#clients)
      const end = performance.now()
      this.#notBefore = end + Math.max(PAUSE, SHARE * (end - begin))
    }, wait).unref()
  }

  close(): void {
    clearTimeout(this.#timer)
    clearInterval(this.#heartbeat)
    for (const { response } of this.#clients) response.end()
  }

  #send(clients: Iterable<Client>): void {
    const looks = new Map<string, Look>()
    const now = Date.now()
    for (const { response, viewer, resource, sent } of clients) {
      // He reads slowly: he gets the newest when he has read what he has.
      if (response.writableNeedDrain) continue
      const what = `${viewer} ${resource ?? ''}`
      const look = looks.get(what) ?? this.look(viewer, resource)
      looks.set(what, look)
      for (const [id, text] of look.parts) {
        if (sent.get(id) === text) continue
        sent.set(id, text)
        tell(response, 'part', { id, text: withAges(text, now), now })
      }
      const title = JSON.stringify(look.title)
      if (sent.get('title') === title) continue
      sent.set('title', title)
      tell(response, 'title', look.title)
    }
  }

  #beat(): void {
    for (const client of this.#clients) {
      const { response } = client
      client.behind = response.writableNeedDrain ? client.behind + 1 : 0
      if (client.behind > PATIENCE) response.destroy()
      else if (client.behind === 0) response.write(':\n\n')
    }
    this.changed()
  }
}

/** JSON has no line break: one line of data is enough. */
const tell = (response: ServerResponse, event: string, data: object): boolean =>
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
