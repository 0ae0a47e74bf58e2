// One run of reconfd and its listeners: the status board, the status page and the service manager.
import type { Ended } from '../core/ended.ts'
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Settings } from '../core/settings.ts'
import { mapFault, mapSpoken } from '../core/spoken.ts'
import type { FullStatus } from '../core/status.ts'
import type { Watching } from '../http/start.ts'
import { StatusBoard } from '../observe/status.ts'
import type { ServiceNotifier } from '../service/service.ts'
import type { Supervisor } from '../service/supervisor.ts'
import { withoutSecrets } from '../system/secrets.ts'
import { Daemon, type DaemonOptions } from './daemon.ts'
import { openState } from './run-state.ts'
import { Underway } from './underway.ts'

export interface RunOptions extends DaemonOptions {
  /** The service manager that has started this daemon and receives its state. */
  readonly supervisor?: Supervisor | undefined
}

const withoutSecretsIn = (fault: Fault): Fault => mapFault(fault, withoutSecrets)

/** Executes one run and resolves with its result. Rejects only if there is a bug. */
export async function run(settings: Settings, options: RunOptions): Promise<Ended> {
  const board = new StatusBoard(process.pid, Date.now())
  const underway = new Underway()
  let watching: Watching | undefined
  let service: ServiceNotifier | undefined
  const emit: Emit = (raw) => {
    const event = mapSpoken(raw, withoutSecrets)
    const now = Date.now()
    options.emit(event)
    board.note(event, now)
    watching?.note(event, now)
    service?.note(event)
    if ('resource' in event) underway.heard(event.resource)
  }
  const state = await openState(settings, emit)
  if (!state.ok) return { kind: 'configuration', faults: [state.error] }
  const { journal } = state.value
  const status = (): FullStatus => board.status(journal.owed, Date.now())
  if (settings.http !== undefined) {
    const { watch } = await import('../http/start.ts')
    watching = await watch(settings.http, settings.stateDir, status, emit)
  }
  const daemon = new Daemon(settings, state.value, board, underway, { ...options, emit }, (files) =>
    watching?.wrote(files, Date.now()),
  )
  const { supervisor, stop } = options
  // A onetime run has no state to report to a service manager.
  if (supervisor !== undefined && settings.mode !== 'onetime') {
    const { ServiceNotifier } = await import('../service/service.ts')
    const stuck = (patience: number): string | undefined => daemon.stuck(patience)
    const { progress } = board
    service = new ServiceNotifier({
      supervisor,
      noop: settings.noop,
      emit,
      status,
      progress,
      stop,
      stuck,
    })
  }
  try {
    const ended = await daemon.run()
    if (ended.kind === 'configuration') service?.refused(ended.faults)
    return 'faults' in ended ? { ...ended, faults: ended.faults.map(withoutSecretsIn) } : ended
  } finally {
    await daemon.close()
    await watching?.close()
    await service?.close()
  }
}
