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

const STOPPING = ['SIGTERM', 'SIGINT'] as const
/** Forwarded to the command. Without one, the first two stop us: our terminal has closed, or the user has quit. */
const FORWARDED = ['SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const
const NUMBERS: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGTERM: 15,
}

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
  let child: { kill(): void; signal(name: NodeJS.Signals): void } | undefined
  const onStop = (name: NodeJS.Signals): void => {
    // A second signal ends the process at once.
    if (stop.signal.aborted) {
      child?.kill()
      surroundings.exit(128 + (NUMBERS[name] ?? 0))
    }
    emit({ kind: 'stopping', reason: name })
    stop.abort(name)
  }
  surroundings.onSignals(STOPPING, onStop)
  surroundings.onSignals(FORWARDED, (name) => {
    if (child !== undefined) child.signal(name)
    else if (NUMBERS[name] !== undefined) onStop(name)
  })
  const ended = await register(settings, {
    emit,
    stop: stop.signal,
    onChild: (started) => {
      child = started
    },
    onReady: (...all) => board.begin(...all),
    print: surroundings.print,
  })
  await board.end()
  if (ended.kind === 'command') return ended.exit
  // As `reconfd -watch`: a stop that went well is no failure for systemd.
  if (ended.kind === 'stopped') return 0
  write(`reconfd: ${formatFault(ended.fault)}`)
  return ended.exit
}
