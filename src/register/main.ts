// The entry point of `reconfd register`: sets up the listeners for events and signals and computes the exit code.
import { formatFault } from '../core/fault.ts'
import type { SettingsNotice } from '../config/notice.ts'
import type { RegisterSettings } from '../core/register.ts'
import type { Style } from '../observe/lines.ts'
import type { EmitRegister } from './event.ts'
import { exitCodeOf } from '../exec/child.ts'
import { createRegisterLog } from './log.ts'
import { register } from './run.ts'
import { RegisterStatusBoard } from './status.ts'

/** Operations on the process, supplied by cli.ts. */
export interface ProcessHooks {
  readonly style: Style
  /** `log` writes a line to standard error, `print` to standard output. */
  readonly log: (line: string) => void
  readonly print: (line: string) => void
  /** Registers a handler for these signals. */
  readonly onSignals: (
    names: readonly NodeJS.Signals[],
    callback: (name: NodeJS.Signals) => void,
  ) => void
  /** Exits immediately. */
  readonly exit: (code: number) => never
}

const STOPPING = ['SIGTERM', 'SIGINT'] as const
/**
 * Signals that are forwarded to the command. Without a command they stop reconfd, because the terminal has closed or
 * the user has quit.
 */
const QUITTING = ['SIGHUP', 'SIGQUIT'] as const
/** Signals that are forwarded to the command; ignored without a command. */
const FORWARDED = ['SIGUSR1', 'SIGUSR2'] as const

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
    // After a second signal, the process exits immediately.
    if (stop.signal.aborted) {
      child?.kill()
      surroundings.exit(exitCodeOf({ code: null, signal: name }))
    }
    emit({ kind: 'stopping', reason: name })
    stop.abort(name)
  }
  surroundings.onSignals(STOPPING, onStop)
  surroundings.onSignals(QUITTING, (name) => {
    if (child === undefined) onStop(name)
    else child.signal(name)
  })
  surroundings.onSignals(FORWARDED, (name) => child?.signal(name))
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
  // Like `reconfd -watch`: for systemd, a clean stop is not a failure.
  if (ended.kind === 'stopped') return 0
  write(`reconfd: ${formatFault(ended.fault)}`)
  return ended.exit
}
