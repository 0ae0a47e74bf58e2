// The command-line program: parses argv, handles signals and sets the exit code.
import { fstatSync } from 'node:fs'
import { constants } from 'node:os'
import { printableText } from './core/escape.ts'
import type { Ended } from './core/ended.ts'
import type { Emit } from './core/event.ts'
import { formatFault, type Fault } from './core/fault.ts'
import { err } from './core/result.ts'
import type { Settings } from './core/settings.ts'
import { mapFault } from './core/spoken.ts'
import { concealed } from './config/concealed.ts'
import type { ParsedCommand } from './config/command.ts'
import { loadSettings } from './config/settings.ts'
import type { Outlet } from './observe/lines.ts'
import type { ProgramHandle } from './engine/program.ts'
import { keepCompiled } from './system/compile-cache.ts'
import { closeInspector, ignoreDebugSignal } from './system/inspector.ts'
import { platformName, runtimeName, saveMemory, selfCommand } from './system/runtime.ts'
import { withoutSecrets } from './system/secrets.ts'
import { counted } from './core/words.ts'
import { takeSupervisor, type Supervisor } from './service/supervisor.ts'
import { VERSION } from './core/version.ts'
import type { PlannedFile } from './core/written.ts'

ignoreDebugSignal()

/** Exit codes, as documented in docs/configuration.md and at the end of `-help`. */
const EXIT = {
  done: 0,
  failed: 1,
  changes: 2,
  unreachable: 69,
  bug: 70,
  configuration: 78,
  /** The exit code after a signal is 128 plus the number of the signal, as in shells. */
  signalled: 128,
} as const

const printError = (text: string): boolean => process.stderr.write(`${text}\n`)

// If the reader of the log closes the pipe (EPIPE), lines are lost, but the run continues.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

function standardError(): Outlet {
  const { dev, ino } = fstatSync(process.stderr.fd)
  return { isTerminal: process.stderr.isTTY, file: `${dev}:${ino}` }
}

/** Prints the faults that a command reports. With -log-format json, prints JSON, so that the whole log is JSON. */
async function printFaults(raw: readonly Fault[], format: Settings['logFormat']): Promise<void> {
  const faults = raw.map((fault) => mapFault(fault, withoutSecrets))
  if (format === 'text') {
    for (const fault of faults) printError(`reconfd: ${formatFault(fault)}`)
    return
  }
  const { createLog } = await import('./observe/log.ts')
  const log = createLog({ level: 'error', style: 'json', write: printError })
  for (const fault of faults) log.emit({ kind: 'gave-up', fault })
  log.flush()
}

async function main(argv: readonly string[]): Promise<number> {
  // Removes the service manager's variables before any command can inherit them.
  const supervisor = takeSupervisor(process.env, process.pid)
  const shown = concealed(argv)
  // Conceals secrets in the command line that `ps` shows. Without a secret, the process title stays unset, because a
  // title would hide which script Node runs. Bun ignores the title, so the single executable does not conceal secrets.
  if (shown !== undefined) process.title = ['reconfd', ...shown].join(' ')
  const command = await loadSettings(argv, process.env)
  if (!command.ok) {
    await printFaults(command.error.faults, command.error.logFormat)
    return command.error.exit
  }
  switch (command.value.kind) {
    case 'version':
      process.stdout.write(`reconfd ${VERSION} (${runtimeName()}, ${platformName()})\n`)
      return EXIT.done
    case 'help':
      process.stdout.write(command.value.text)
      return EXIT.done
    case 'run':
      return runWith(argv, command.value, supervisor)
    case 'ask':
      return ask(command.value)
    case 'print':
      return print(command.value)
    case 'snapshot': {
      const { snapshot } = await import('./check/snapshot.ts')
      return finish(await snapshot(command.value), command.value.settings.logFormat)
    }
    case 'register':
      return register(command.value)
    case 'register-status': {
      const { statusReport: shownStatus } = await import('./register/status.ts')
      const { text, exit } = await shownStatus(command.value.stateDir, command.value.json)
      await printOut(text)
      return exit
    }
    case 'check': {
      const { runCheck: check } = await import('./check/command.ts')
      const result = await check(command.value, terminal(process.stdout))
      return finish(
        { ...result, text: withoutSecrets(result.text) },
        command.value.settings.logFormat,
      )
    }
    case 'test': {
      const { runTests: test } = await import('./check/test-command.ts')
      return finish(
        await test(command.value, {
          ...terminal(process.stdout),
          self: selfCommand(),
          env: process.env,
        }),
        command.value.logFormat,
      )
    }
  }
}

/** Enables colours on a terminal, unless NO_COLOR is set (https://no-color.org). */
const terminal = ({ isTTY }: NodeJS.WriteStream): { readonly colour: boolean } => ({
  colour: isTTY === true && (process.env['NO_COLOR'] ?? '') === '',
})

/** Resolves once the text is written. Exiting earlier would cut off text that exceeds the buffer of a pipe. */
const printOut = (text: string): Promise<void> =>
  new Promise((written) => process.stdout.write(text, () => written()))

/** Prints the output and faults of a command; returns its exit code. */
async function finish(
  { text, faults, exit }: { text: string; faults: readonly Fault[]; exit: number },
  format: Settings['logFormat'],
): Promise<number> {
  await printOut(text)
  await printFaults(faults, format)
  return exit
}

/** Runs `reconfd schema`, `reconfd completion` and `reconfd man`. */
async function print({ what, of }: Extract<ParsedCommand, { kind: 'print' }>): Promise<number> {
  const { printed } = await import('./config/printed.ts')
  await printOut(printed(what, of))
  return EXIT.done
}

/** Runs `reconfd status` and the other daemon commands. Times are local on a terminal and UTC elsewhere. */
async function ask({
  question,
  settings,
  json,
  follow,
}: Extract<ParsedCommand, { kind: 'ask' }>): Promise<number> {
  const { askDaemon, followDaemon } = await import('./control/ask.ts')
  const { local, utc } = await import('./control/text.ts')
  const isTerminal = process.stdout.isTTY === true
  const request = () => askDaemon(question, settings, json, isTerminal ? local : utc)
  if (follow) {
    const stop = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
    const show = (text: string): boolean =>
      process.stdout.write(isTerminal ? `${CLEAR_SCREEN}${text}` : `${text}\n`)
    return followDaemon(request, show, stop.signal)
  }
  const result = await request()
  if (result.ok) {
    await printOut(result.value.text)
    return result.value.exit
  }
  await printFaults([result.error.fault], settings.logFormat)
  return result.error.exit
}

/** ECMA-48: moves the cursor to the top left, then clears to the end of the screen. This order avoids flicker. */
const CLEAR_SCREEN = '\u001b[H\u001b[J'

/** Runs `reconfd register`. */
async function register({
  settings,
  notices,
}: Extract<ParsedCommand, { kind: 'register' }>): Promise<number> {
  void closeInspector()
  const [{ registerMain: run }, { styleFor }] = await Promise.all([
    import('./register/main.ts'),
    import('./observe/lines.ts'),
  ])
  return run(settings, notices, {
    style: settings.logFormat === 'json' ? 'json' : styleFor(standardError(), process.env),
    log: printError,
    print: (line) => process.stdout.write(`${line}\n`),
    onSignals(names, callback) {
      for (const name of names) process.on(name, callback)
    },
    exit: (code) => process.exit(code),
  })
}

async function runWith(
  argv: readonly string[],
  { settings, notices }: Extract<ParsedCommand, { kind: 'run' }>,
  supervisor: Supervisor | undefined,
): Promise<number> {
  // A SIGHUP while the first configuration is being read has no effect.
  let reload = (): void => undefined
  const isOnetime = settings.mode === 'onetime'
  const hasProgram = settings.exec?.argv !== undefined && !settings.noop
  const isLasting = !isOnetime || hasProgram
  let program: ProgramHandle | undefined
  if (hasProgram) forwardSignals(() => program, isOnetime ? undefined : () => reload())
  else if (!isOnetime) process.on('SIGHUP', () => reload())
  if (isLasting) void closeInspector()
  // Sets V8 flags before keepCompiled() opens the compile cache, because Node has a cache for each set of flags.
  if (!isOnetime) await saveMemory()
  if (!settings.noop) keepCompiled(settings.stateDir)
  const [{ run }, listeners] = await Promise.all([import('./engine/run.ts'), listenersOf(settings)])
  const { emit, flush } = listeners
  process.on('exit', flush)
  for (const notice of notices) emit({ kind: 'notice', ...notice })
  if (process.pid === 1 && isLasting) emit({ kind: 'notice', level: 'warn', message: AS_PID_1 })
  const { stop, stoppedBy } = stopOnSignals(hasProgram, isOnetime, emit, () => program?.kill())
  const ended = await run(settings, {
    emit,
    stop,
    onReload: (callback) => {
      reload = callback
    },
    settingsNow: async () => {
      const command = await loadSettings(argv, process.env)
      if (!command.ok) return err(command.error.faults)
      return command.value.kind === 'run' ? { ok: true, value: command.value.settings } : err([])
    },
    supervisor,
    onProgram: (handle) => (program = handle),
    showPlan: listeners.showPlan,
  })
  flush()
  const resources = listeners.resources()
  if (settings.mode === 'onetime' && ended.kind === 'done' && resources > 0) {
    const isSame = ended.failed.length + ended.changed.length === 0
    const message = `${counted(resources, 'resource')} in sync, nothing changed`
    if (isSame) emit({ kind: 'notice', level: 'info', message })
  }
  listeners.close()
  const exit = exitCodeOf(ended, settings, stoppedBy())
  const faults = 'faults' in ended ? ended.faults : []
  await printFaults(faults, settings.logFormat)
  const lost = await listeners.finishReport(exit, faults)
  if (lost === undefined) return exit
  await printFaults([lost], settings.logFormat)
  return exit === EXIT.done ? EXIT.failed : exit
}

const AS_PID_1 =
  'running as PID 1: Node does not reap orphaned processes; start reconfd through tini, as the image does, or with "docker run --init"'

/** The listeners of a run's events that write to the terminal: log, progress line, report, diff. */
async function listenersOf(settings: Settings) {
  const [{ createLog }, { styleFor }, { StartupNotice }] = await Promise.all([
    import('./observe/log.ts'),
    import('./observe/lines.ts'),
    import('./observe/awaited.ts'),
  ])
  // Loaded in advance, because showPlan is synchronous.
  const diff = settings.diff ? await import('./observe/diff.ts') : undefined
  const reading = await readingFor(settings)
  const log = createLog({
    level: settings.logLevel,
    style: settings.logFormat === 'json' ? 'json' : styleFor(standardError(), process.env),
    write: (line) => {
      reading?.clear()
      printError(line)
    },
  })
  const report = await reportFor(settings)
  // With -noop, resources never finish a cycle.
  const awaited = settings.noop ? undefined : new StartupNotice(log.emit)
  let resources = 0
  const emit: Emit = (event) => {
    reading?.note(event)
    if (event.kind === 'started') resources = event.resources
    log.emit(event)
    report?.emit(event)
    awaited?.note(event)
  }
  return {
    emit,
    flush: log.flush,
    /** Returns the number of resources at the start. */
    resources: () => resources,
    showPlan: (file: PlannedFile): void => {
      if (diff === undefined) return
      const text = diff.unifiedDiff(file)
      const shown = process.stdout.isTTY ? printableText(text) : text
      process.stdout.write(terminal(process.stdout).colour ? diff.colourDiff(shown) : shown)
    },
    close(): void {
      reading?.close()
      log.flush()
    },
    finishReport: async (exit: number, faults: readonly Fault[]) => report?.finish(exit, faults),
  }
}

/**
 * The first signal stops the run; a second one makes reconfd exit immediately. Owed reloads are already recorded.
 * @param kill kills the program of exec mode
 */
function stopOnSignals(hasProgram: boolean, isOnetime: boolean, emit: Emit, kill: () => void) {
  const stop = new AbortController()
  let stoppedBy: number = constants.signals.SIGTERM
  const onSignal = (signal: NodeJS.Signals): void => {
    stoppedBy = constants.signals[signal]
    if (stop.signal.aborted) {
      kill()
      process.exit(EXIT.signalled + stoppedBy)
    }
    emit({ kind: 'stopping', reason: signal })
    stop.abort(signal)
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  if (hasProgram) process.on('SIGQUIT', onSignal)
  else if (isOnetime) process.on('SIGHUP', onSignal)
  return { stop: stop.signal, stoppedBy: () => stoppedBy }
}

/**
 * Forwards signals to the program of exec mode. Signals that arrive before the program starts are dropped.
 * @param reload called for a SIGHUP that is not forwarded; undefined in a onetime run
 */
function forwardSignals(
  program: () => ProgramHandle | undefined,
  reload: (() => void) | undefined,
): void {
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const) {
    const own = signal === 'SIGHUP' ? reload : undefined
    process.on(signal, () => {
      const isForwarded = program()?.forwards(signal) === true
      if (own !== undefined && !isForwarded) own()
      else if (isForwarded || signal === 'SIGHUP') void program()?.forward(signal)
    })
  }
}

/** The progress line, if standard error is a terminal. */
async function readingFor({ logFormat }: Settings) {
  if (!process.stderr.isTTY || logFormat !== 'text') return undefined
  const { ReadingLine } = await import('./observe/reading.ts')
  return new ReadingLine((text) => process.stderr.write(text))
}

/** The report of a onetime run, if it is shown on a terminal or written to a file. */
async function reportFor({ mode, report: file, logFormat }: Settings) {
  const isShown = process.stderr.isTTY === true && logFormat === 'text'
  if (mode !== 'onetime' || (file === undefined && !isShown)) return undefined
  const { startReport } = await import('./observe/report-end.ts')
  const show = isShown ? (table: string) => process.stderr.write(table) : undefined
  return startReport({ version: VERSION, file, show, ...terminal(process.stderr) })
}

function exitCodeOf(ended: Ended, settings: Settings, stoppedBy: number): number {
  if (ended.kind === 'configuration') return EXIT.configuration
  if (ended.kind === 'unreachable') return EXIT.unreachable
  if (ended.kind === 'exited') return ended.code
  if (ended.kind === 'stopped') return EXIT.signalled + stoppedBy
  if (settings.mode !== 'onetime') return EXIT.done
  if (ended.failed.length > 0) return EXIT.failed
  return settings.detailedExitcode && ended.changed.length > 0 ? EXIT.changes : EXIT.done
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    printError(
      `reconfd: this is a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
    process.exit(EXIT.bug)
  },
)
