// What -http starts: the listeners of what happens, and the server that shows it.
import type { Emit, Event } from '../core/event.ts'
import { ioFault } from '../core/errno.ts'
import type { HttpSettings } from '../core/settings.ts'
import type { FullStatus } from '../core/status.ts'
import type { WrittenFile } from '../core/written.ts'
import { Metrics } from '../observe/metrics.ts'
import { Recent } from '../observe/recent.ts'
import { isLoopback, type Viewer } from './access.ts'
import { Live } from './live.ts'
import { page, titleOf } from './page.ts'
import { partsOf } from './parts.ts'
import type { View } from './view.ts'
import { readinessOf } from './ready.ts'
import { StatusServer } from './server.ts'

/**
 * Never rejects: a daemon that cannot be watched does its work all the same, and tells so.
 * @param status how it is now
 */
export async function watch(
  settings: HttpSettings,
  status: () => FullStatus,
  emit: Emit,
): Promise<Watching> {
  const watching = new Watching(settings, status, emit)
  await watching.listen()
  return watching
}

export class Watching {
  readonly #metrics = new Metrics()
  readonly #recent = new Recent()
  readonly #live = new Live((viewer) => {
    const view = this.#view(viewer)
    const parts = new Map([...partsOf(view)].map(([id, { text }]) => [id, text]))
    return { parts, title: titleOf(view.status) }
  })
  readonly #server: StatusServer

  constructor(
    private readonly settings: HttpSettings,
    private readonly status: () => FullStatus,
    private readonly emit: Emit,
  ) {
    const contents = {
      page: (viewer: Viewer) => page(this.#view(viewer), Date.now()),
      metrics: async () => ({
        type: this.#metrics.contentType,
        text: await this.#metrics.text(status()),
      }),
      ready: () => readinessOf(status()),
      live: (...[response, viewer]: Parameters<Live['open']>) => {
        if (this.#live.isFull) return false
        this.#live.open(response, viewer)
        return true
      },
    }
    this.#server = new StatusServer(settings, contents, (error) => {
      const told = error instanceof Error ? (error.stack ?? error.message) : String(error)
      emit({ kind: 'notice', level: 'warn', message: `the status page: this is a bug: ${told}` })
    })
  }

  /** Takes in what has happened; it is in the status already. */
  note(event: Event, time: number): void {
    this.#metrics.note(event, time)
    this.#recent.note(event, time)
    this.#live.changed()
  }

  /** These files are in place now. */
  wrote(files: readonly WrittenFile[], time: number): void {
    this.#recent.wrote(files, time)
  }

  async listen(): Promise<void> {
    const { host, port, token } = this.settings
    try {
      const address = await this.#server.listen()
      const open = isLoopback(host) || host === 'localhost' ? '' : ', open to other machines'
      const diffs =
        open === '' || token !== undefined ? '' : '; what is in the files is not shown to them'
      this.emit({
        kind: 'notice',
        level: 'info',
        message: `status page at ${address}${open}${diffs}`,
      })
    } catch (error) {
      const { message, hint } = ioFault(`no status page: cannot listen at ${host}:${port}`, error)
      const told = hint === undefined ? message : `${message}. ${hint}`
      this.emit({ kind: 'notice', level: 'warn', message: told })
    }
  }

  async close(): Promise<void> {
    this.#live.close()
    await this.#server.close()
  }

  #view(viewer: Viewer): View {
    const { changes, reloads } = this.#recent
    const { hasToken } = this.#server
    return { status: this.status(), changes, reloads, viewer, hasToken }
  }
}
