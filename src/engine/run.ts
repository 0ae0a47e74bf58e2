// One run and those who listen to it: the status board, the status page, the service manager.
import type { Ended } from '../core/ended.ts'
import type { Emit } from '../core/event.ts'
import { ok } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import type { FullStatus } from '../core/status.ts'
import { Daemon, type DaemonOptions } from './daemon.ts'
import { Accepted } from '../state/accepted.ts'
import { openOwed, type OwedJournal } from '../state/journal.ts'
import { Underway } from './underway.ts'
import type { Watching } from '../http/start.ts'
import { StatusBoard } from '../observe/status.ts'
import type { Service } from '../service/service.ts'
import type { Supervisor } from '../service/supervisor.ts'

export interface RunOptions extends Omit<DaemonOptions, 'wrote' | 'underway'> {
  /** Who has started this daemon as a service, and is told how it is. */
  readonly supervisor?: Supervisor | undefined
}

/** Does all the work of one run. What it throws is a bug. */
export async function run(settings: Settings, options: RunOptions): Promise<Ended> {
  // A run without reloads neither owes any nor strikes out what another run owes.
  const journal =
    settings.noop || settings.syncOnly || settings.noReload
      ? ok(nothingOwed)
      : await openOwed(settings.stateDir, settings.confdir)
  if (!journal.ok) return { kind: 'configuration', faults: [journal.error] }
  const { notice } = journal.value
  if (notice !== undefined) options.emit({ kind: 'notice', level: 'warn', message: notice })
  const accepted = new Accepted(settings.stateDir, settings.confdir)
  const board = new StatusBoard(process.pid, Date.now())
  const status = (): FullStatus => board.status(journal.value.all(), Date.now())
  const underway = new Underway()
  let watching: Watching | undefined
  let service: Service | undefined
  const emit: Emit = (event) => {
    const now = Date.now()
    options.emit(event)
    board.note(event, now)
    watching?.note(event, now)
    service?.note(event)
    if ('resource' in event) underway.heard(event.resource)
  }
  if (settings.http !== undefined) {
    const { watch } = await import('../http/start.ts')
    watching = await watch(settings.http, status, emit)
  }
  const daemon = new Daemon(
    settings,
    journal.value,
    board,
    { ...options, emit, underway, wrote: (files) => watching?.wrote(files, Date.now()) },
    accepted,
    await accepted.all(),
  )
  const { supervisor, stop } = options
  // A onetime run has no state that somebody would have to be told of.
  if (supervisor !== undefined && settings.mode !== 'onetime') {
    const { Service } = await import('../service/service.ts')
    const stuck = (patience: number): string | undefined => daemon.stuck(patience)
    service = new Service({ supervisor, noop: settings.noop, emit, status, stop, stuck })
  }
  try {
    const ended = await daemon.run()
    if (ended.kind === 'configuration') service?.refused(ended.faults)
    return ended
  } finally {
    await daemon.close()
    await watching?.close()
    await service?.close()
  }
}

const nothingOwed: OwedJournal = {
  all: () => new Map(),
  owe: async () => ok(undefined),
  settle: async () => ok(undefined),
  close: async () => undefined,
}
