// What a running daemon lets be asked of it: the parts of run.ts, as the control socket sees them.
import type { Controls } from '../core/control.ts'
import { reloadsOf } from '../core/reload.ts'
import type { Resource } from '../core/resource.ts'
import { err, ok } from '../core/result.ts'
import type { Feeds } from '../feeds/feeds.ts'
import type { OwedJournal } from '../state/journal.ts'
import type { ReloadDesk } from './desk.ts'
import type { StatusBoard } from '../observe/status.ts'
import type { Worker } from './worker.ts'

export interface ControlledParts {
  readonly board: StatusBoard
  readonly journal: OwedJournal
  readonly desk: ReloadDesk
  readonly stop: AbortSignal
  /** The generation at work; undefined before the first one is. */
  readonly generation: () =>
    | { readonly resources: readonly Resource[]; readonly feeds: Feeds; readonly worker: Worker }
    | undefined
}

export function controlsOf({ board, journal, desk, stop, generation }: ControlledParts): Controls {
  const atWork = () => (stop.aborted ? undefined : generation())
  const stopping = err('the daemon is stopping')
  return {
    status: () => board.status(journal.all(), Date.now(), generation()?.feeds.sizes),
    restore: (former) => board.restore(former),
    resync() {
      const now = atWork()
      if (now === undefined) return stopping
      now.feeds.resync()
      now.worker.all()
      return ok(undefined)
    },
    async reload(name) {
      const resource = atWork()?.resources.find((one) => one.name === name)
      if (resource === undefined) return stopping
      const reloads = reloadsOf(resource, resource.templates)
      if (reloads.size === 0) return err(`${name} has no reload_cmd`)
      const written = await desk.owe(name, reloads)
      if (!written.ok) return err(written.error.message)
      desk.request(name, reloads)
      return ok(undefined)
    },
    async accept(name) {
      const now = atWork()
      if (now === undefined) return stopping
      if (await now.worker.accept(name)) return ok(undefined)
      return err(`no change of ${name} is held`)
    },
  }
}
