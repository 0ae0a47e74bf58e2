// The commands that a running daemon accepts through the control socket.
import { nothingHeldMessage, type DaemonControls } from '../core/control.ts'
import { err, ok } from '../core/result.ts'
import type { Feeds } from '../feeds/feeds.ts'
import type { StatusBoard } from '../observe/status.ts'
import type { Journal } from '../state/journal.ts'
import type { Worker } from './worker.ts'

/** @param feeds returns the current feeds; undefined until the first configuration is loaded */
export function controlsOf(
  board: StatusBoard,
  journal: Journal,
  worker: Worker,
  feeds: () => Feeds | undefined,
  stop: AbortSignal,
): DaemonControls {
  const stopping = err('the daemon is stopping')
  const isAtWork = (): boolean => !stop.aborted && feeds() !== undefined
  return {
    status: () => board.status(journal.owed, Date.now(), feeds()?.sizes),
    restore: (former) => board.restore(former),
    resync() {
      if (!isAtWork()) return stopping
      feeds()?.resync()
      worker.all()
      return ok(undefined)
    },
    async reload(name) {
      if (!isAtWork()) return stopping
      const refused = await worker.reload(name)
      return refused === undefined ? ok(undefined) : err(refused)
    },
    async accept(name) {
      if (!isAtWork()) return stopping
      return (await worker.accept(name)) ? ok(undefined) : err(nothingHeldMessage(name))
    },
  }
}
