// The entry point of `reconfd register`: connects the listeners of events and signals, and computes the exit
// code.
import { formatFault } from '../core/fault.ts'
import type { SettingsNotice } from '../config/notice.ts'
import type { RegisterSettings } from '../core/register.ts'
import type { Style } from '../observe/lines.ts'
import type { EmitRegister } from './event.ts'
import { createRegisterLog } from './log.ts'
import { register } from './run.ts'
import { RegisterStatusBoard } from './status.ts'

/** The operations of the process, supplied by the command line. */
export interface ProcessHooks {
  readonly style: Style
  /** Write one line to standard error and to standard output. */
  readonly log: (line: string) => void
  readonly print: (line: string) => void
  /** Registers a handler for these signals. */
  readonly onSignals: (
    names: readonly NodeJS.Signals[],
    callback: (name: NodeJS.Signals) => void,
  ) => void
  /** Ends the process at once. */
  readonly exit: (code: number) => never
}

const ENDING = ['SIGTERM', 'SIGINT'] as const
/** Signals forwarded to the command. */
const PASSED = ['SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const
const NUMBERS = { SIGTERM: 15, SIGINT: 2 } as const

/** @returns the exit code */
export async function registerMain(
  settings: RegisterSettings,
  notices: readonly SettingsNotice[],
  surroundings: ProcessHooks,
): Promise<number> {
  const { style, log: write } = surroundings
  const log = createRegisterLog({ level: settings.logLevel, style, write })
  const board = new RegisterStatusBoard(settings)
  const listeners: EmitRegister[] = [log, (event) => board.note(event)]
  const emit: EmitRegister = (event) => {
    for (const listener of listeners) listener(event)
  }
  for (const notice of notices) emit({ kind: 'notice', ...notice })
  if (settings.http !== undefined && !settings.noop) {
    const { serveStatus } = await import('./page.ts')
    const metrics = await serveStatus(settings.http, () => board.status, emit)
    listeners.push((event) => metrics.note(event))
  }
  const stop = new AbortController()
  let kill = (): void => undefined
  surroundings.onSignals(ENDING, (name) => {
    const signal = name as (typeof ENDING)[number]
    // A second signal ends the process at once.
    if (stop.signal.aborted) {
      kill()
      surroundings.exit(128 + NUMBERS[signal])
    }
    emit({ kind: 'stopping', reason: name })
    stop.abort(name)
  })
  const ended = await register(settings, {
    emit,
    stop: stop.signal,
    onChild(child) {
      kill = () => child.kill()
      surroundings.onSignals(PASSED, (name) => child.signal(name))
    },
    onReady: (...all) => board.begin(...all),
    print: surroundings.print,
  })
  await board.end()
  if (ended.kind === 'command') return ended.exit
  if (ended.kind === 'stopped') return 128 + NUMBERS[stop.signal.reason as 'SIGTERM' | 'SIGINT']
  write(`reconfd: ${formatFault(ended.fault)}`)
  return ended.exit
}
