// The live page: sends each changed part to open browsers as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). Level-triggered: an event only marks the
// page as changed, and the current parts are sent, so that a slow reader misses nothing.
import type { ServerResponse } from 'node:http'
import type { Viewer } from './access.ts'
import { withAges } from './ages.ts'
import type { Title } from './page.ts'

/** The content of a viewer's page: its parts by id, without ages, and its title. */
export interface Look {
  readonly parts: ReadonlyMap<string, string>
  readonly title: Title
}

interface Client {
  readonly response: ServerResponse
  readonly viewer: Viewer
  /** The resource shown; undefined for the overview. */
  readonly resource: string | undefined
  /** The last version sent, by part. */
  readonly sent: Map<string, string>
  /** Heartbeats since the viewer last read everything. */
  behind: number
}

/** Number of heartbeats after which a viewer that reads nothing is disconnected, to make room for others. */
const PATIENCE = 12
/** Milliseconds by which an update is delayed after a change, so that the engine can first do its work on the change. */
const SOON = 50
/** Minimum milliseconds between two updates. */
const PAUSE = 250
/** Updates take at most 1/SHARE of the time, however many resources there are. */
const SHARE = 20
/**
 * Interval of heartbeats, in milliseconds. A heartbeat detects dead connections and sends changes that no event
 * announced.
 */
const HEARTBEAT = 5000

export class Live {
  readonly #clients = new Set<Client>()
  #timer: NodeJS.Timeout | undefined
  #heartbeat: NodeJS.Timeout | undefined
  #notBefore = 0

  /** @param most maximum number of viewers */
  constructor(
    private readonly most: number,
    private readonly look: (viewer: Viewer, resource: string | undefined) => Look,
  ) {}

  get isFull(): boolean {
    return this.#clients.size >= this.most
  }

  /** @param response a response whose head has been sent */
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

  /** Schedules an update. Call when a part may have changed. */
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
      // A slow reader gets the newest parts after it has read the previous ones.
      if (response.writableNeedDrain) continue
      const what = `${viewer} ${resource ?? ''}`
      const look = looks.get(what) ?? this.look(viewer, resource)
      looks.set(what, look)
      for (const [id, text] of look.parts) {
        if (sent.get(id) === text) continue
        sent.set(id, text)
        send(response, 'part', { id, text: withAges(text, now), now })
      }
      const title = JSON.stringify(look.title)
      if (sent.get('title') === title) continue
      sent.set('title', title)
      send(response, 'title', look.title)
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

/** JSON contains no line break, so one `data` line is enough. */
const send = (response: ServerResponse, event: string, data: object): boolean =>
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
