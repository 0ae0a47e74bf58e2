// Starts the status page for -http: its listeners of the event stream, and the server.
import { warnIfFailed, type Emit, type Event } from '../core/event.ts'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { HttpSettings } from '../core/settings.ts'
import type { FullStatus } from '../core/status.ts'
import type { WrittenFile } from '../core/written.ts'
import { Metrics } from '../observe/metrics.ts'
import { RecentActivity } from '../observe/recent.ts'
import { keptToken } from '../state/http-token.ts'
import { keepSecret } from '../system/secrets.ts'
import { isLoopback, type Viewer } from './access.ts'
import { Live } from './live.ts'
import { Paced } from './paced.ts'
import { page, titleOf } from './page.ts'
import { partsOf } from './parts.ts'
import { wishOf, type View, type Wish } from './view.ts'
import { readinessOf } from './ready.ts'
import { StatusServer, type Contents } from './server.ts'
import { descriptorLimit, visitorsFor } from './visitors.ts'

/** Share of the connections that live pages may use; the others remain for short requests. */
const LIVE_SHARE = 0.75

/**
 * Never rejects: if the page cannot be served, the daemon logs a warning and keeps working.
 * @param stateDir folder of the generated token, which is used if no token is set
 * @param status called for the current status
 */
export async function watch(
  settings: HttpSettings,
  stateDir: string,
  status: () => FullStatus,
  emit: Emit,
): Promise<Watching> {
  const watching = new Watching(await withToken(settings, stateDir, emit), status, emit)
  await watching.listen()
  return watching
}

async function withToken(
  settings: HttpSettings,
  stateDir: string,
  emit: Emit,
): Promise<HttpSettings> {
  // A Unix socket needs no token, because its file mode controls access.
  if (settings.token !== undefined || 'socket' in settings.at) return settings
  const kept = await keptToken(stateDir)
  if (!kept.ok) {
    warnIfFailed(emit, kept)
    return settings
  }
  const { token, path } = kept.value
  return { ...settings, token, tokenFrom: `in ${path}` }
}

export class Watching {
  readonly #metrics = new Metrics()
  readonly #recent = new RecentActivity()
  readonly #live: Live
  readonly #pages: Readonly<Record<Viewer, Paced<Buffer>>>
  readonly #metricsPage: Paced<Buffer>
  readonly #server: StatusServer

  constructor(
    private readonly settings: HttpSettings,
    private readonly status: () => FullStatus,
    private readonly emit: Emit,
  ) {
    keepSecret(settings.token)
    const visitors = visitorsFor(descriptorLimit())
    this.#live = new Live(Math.floor(visitors * LIVE_SHARE), (viewer, resource) => {
      const view = this.#view(viewer, resource === undefined ? {} : { resource })
      const parts = new Map([...partsOf(view)].map(([id, { text }]) => [id, text]))
      return { parts, title: titleOf(view.status) }
    })
    const pageFor = (viewer: Viewer) =>
      new Paced((wish) => Buffer.from(page(this.#view(viewer, JSON.parse(wish) as Wish))))
    this.#pages = { visitor: pageFor('visitor'), trusted: pageFor('trusted') }
    this.#metricsPage = new Paced(async () => Buffer.from(await this.#metrics.text(status())))
    const contents = {
      page: (viewer: Viewer, url: string) => this.#pages[viewer].get(JSON.stringify(wishOf(url))),
      metrics: async () => ({
        type: this.#metrics.contentType,
        body: await this.#metricsPage.get('metrics'),
      }),
      ready: () => readinessOf(status()),
      live: (...[response, viewer, url]: Parameters<Contents['live']>) => {
        if (this.#live.isFull) return false
        this.#live.open(response, viewer, wishOf(url).resource)
        return true
      },
    }
    this.#server = new StatusServer(settings, visitors, contents, (error) => {
      const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
      emit({ kind: 'notice', level: 'warn', message: `this is a bug in the status page: ${what}` })
    })
  }

  /** Handles an event. `status` must already reflect it. */
  note(event: Event, time: number): void {
    this.#metrics.note(event, time)
    this.#recent.note(event, time)
    this.#changed()
  }

  /** Records files that have been placed. */
  wrote(files: readonly WrittenFile[], time: number): void {
    this.#recent.wrote(files, time)
    this.#changed()
  }

  #changed(): void {
    this.#live.changed()
    for (const made of [...Object.values(this.#pages), this.#metricsPage]) made.changed()
  }

  async listen(): Promise<void> {
    const { at, tokenFrom } = this.settings
    try {
      const address = await this.#server.listen()
      const isOpen = 'host' in at && !isLoopback(at.host) && at.host !== 'localhost'
      const message = [
        `status page at ${address}${isOpen ? ', open to other machines' : ''}`,
        ...(tokenFrom === undefined ? [] : [`the token that unlocks diffs is ${tokenFrom}`]),
      ].join('; ')
      this.emit({ kind: 'notice', level: 'info', message })
    } catch (error) {
      const place = 'socket' in at ? at.socket : `${at.host}:${at.port}`
      // Ports below 1024 are privileged.
      const isPort = 'host' in at && errnoOf(error) === 'EACCES'
      const { message, hint } = ioFault(
        `no status page: cannot listen at ${place}`,
        error,
        isPort ? 'choose a port above 1023, or grant reconfd CAP_NET_BIND_SERVICE' : undefined,
      )
      const text = hint === undefined ? message : `${message}; ${hint}`
      this.emit({ kind: 'notice', level: 'warn', message: text })
    }
  }

  async close(): Promise<void> {
    this.#live.close()
    await this.#server.close()
  }

  #view(viewer: Viewer, wish: Wish): View {
    const { changes, reloads, runsOf } = this.#recent
    const token = this.#server.hasToken ? this.settings.tokenFrom : undefined
    const now = Date.now()
    return { status: this.status(), changes, reloads, runsOf, viewer, token, wish, now }
  }
}
