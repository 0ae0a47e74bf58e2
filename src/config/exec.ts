// Reads `[exec]` of confd.toml: the program that reconfd starts and supervises.
import type { ExecSettings, SignalName } from '../core/exec.ts'
import type { Fault } from '../core/fault.ts'
import { nearest } from './nearest.ts'
import type { KeySpec } from './schema.ts'
import { readTable, type TableOf } from './table.ts'
import type { TomlEntries } from './toml.ts'
import { describeType } from './values.ts'

const KILL_TIMEOUT = 30_000
const RESTART_LIMIT = 10
const FORWARDED = ['SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const
const RESTARTS = ['never', 'on-change', 'on-exit'] as const

/** The keys of `[exec]`. */
export const execKeys = {
  command: {
    type: 'words',
    doc: 'The program and its arguments as an array, or a string for /bin/sh -c. A program after -- on the command line overrides it.',
  },
  env: {
    type: 'table',
    doc: 'The environment of the program, as a table `[exec.env]`; default: the environment of reconfd.',
  },
  user: {
    type: 'string',
    doc: 'The user that runs the program, by name or number; requires root.',
  },
  group: {
    type: 'string',
    doc: 'The group that runs the program; default: the group of the user.',
  },
  reload_signal: {
    type: 'string',
    doc: 'The signal that makes the program read its files again, such as "HUP". It is sent after a change of a resource with reload = "exec" or without a reload_cmd.',
  },
  kill_signal: {
    type: 'string',
    doc: 'The signal that asks the program and its process group to stop; default "TERM".',
  },
  kill_timeout: {
    type: 'duration',
    doc: 'The time between kill_signal and SIGKILL; default 30s.',
  },
  splay: {
    type: 'duration',
    doc: 'The maximum random delay of each reload; default 0.',
  },
  restart: {
    type: 'words',
    doc: '"on-change", for programs that cannot reload: a change restarts the program. "on-exit": when the program exits, it is restarted with backoff. "never": when the program exits, reconfd exits too. An array combines several values. Default "never".',
  },
  restart_limit: {
    type: 'count',
    least: 0,
    doc: 'With "on-exit": after this many consecutive restarts, the program is not restarted again and reconfd exits. A run of one minute resets the count; 0 means no limit. Default 10.',
  },
  start: {
    type: 'choice',
    choices: ['applied', 'last-good'],
    doc: '"applied": the program starts when every resource has been applied. "last-good": while a store is unreachable, it starts with the files of an earlier run if all of them exist and are proved. Default "applied".',
  },
  start_timeout: {
    type: 'duration',
    doc: 'If the program has not started within this time, reconfd exits with 69 if a store is unreachable, otherwise with 1. Default 0: no limit.',
  },
  forward_signals: {
    type: 'strings',
    doc: 'Signals that reconfd forwards to the program: any of HUP, USR1, USR2 and WINCH. Default ["USR1", "USR2", "WINCH"]. Unless HUP is listed, SIGHUP makes reconfd read its own configuration again.',
  },
} as const satisfies Record<string, KeySpec>

/** The keys of `[exec.env]`. */
export const execEnvKeys = {
  pristine: { type: 'boolean', doc: 'Inherit no variables; default false.' },
  custom: {
    type: 'strings',
    doc: 'Additional variables, each "NAME=value"; the other keys do not affect them.',
  },
  allowlist: {
    type: 'strings',
    doc: 'Inherit only these variables; * matches any text, as in "CONSUL_*".',
  },
  denylist: {
    type: 'strings',
    doc: 'Do not inherit these variables, even if the allowlist contains them.',
  },
} as const satisfies Record<string, KeySpec>

type ExecTable = TableOf<typeof execKeys>
type Document = Pick<TomlEntries, 'fault'>

/** The signals that can be sent to a program. */
const SIGNALS = [
  ...['HUP', 'INT', 'QUIT', 'ABRT', 'KILL', 'USR1', 'USR2', 'PIPE', 'ALRM', 'TERM', 'CONT'],
  ...['STOP', 'TSTP', 'TTIN', 'TTOU', 'URG', 'VTALRM', 'PROF', 'WINCH', 'IO'],
]
/** The signals that a program can handle. */
const HANDLED = SIGNALS.filter((name) => name !== 'KILL' && name !== 'STOP')
const FORWARDABLE = ['HUP', 'USR1', 'USR2', 'WINCH']

/** Adds every fault to `faults`; returns the valid part. */
export function readExec(document: Document, table: unknown, faults: Fault[]): ExecSettings {
  if (describeType(table) !== 'a table') {
    const message = `exec must be a table, not ${describeType(table)}`
    faults.push(document.fault(['exec'], 'value', message, 'write [exec] on a line of its own'))
    return defaultExec
  }
  const reader = new ExecReader(document, faults)
  return reader.settings(
    readTable(document, ['exec'], table as Record<string, unknown>, execKeys, faults),
  )
}

/** The settings for a program after `--` on the command line, if confd.toml contains no `[exec]`. */
export const defaultExec: ExecSettings = {
  env: { pristine: false, custom: [], allowlist: [], denylist: [] },
  killSignal: 'SIGTERM',
  killTimeout: KILL_TIMEOUT,
  splay: 0,
  restartOnChange: false,
  restartOnExit: false,
  restartLimit: RESTART_LIMIT,
  start: 'applied',
  startTimeout: 0,
  forwardSignals: FORWARDED,
}

class ExecReader {
  constructor(
    private readonly document: Document,
    private readonly faults: Fault[],
  ) {}

  settings(table: ExecTable): ExecSettings {
    const { user, group } = table
    const argv = this.#argv(table.command)
    const reloadSignal = this.#signal('reload_signal', table.reload_signal, HANDLED)
    const restart = this.#restart(table.restart)
    if (reloadSignal !== undefined && restart.has('on-change')) {
      const hint = 'keep reload_signal if the program can reload, otherwise keep restart'
      this.#fault('restart', 'reload_signal and restart = "on-change" are both set', hint)
    }
    return {
      ...(argv === undefined ? {} : { argv }),
      env: this.#env(table.env),
      ...(user === undefined ? {} : { user }),
      ...(group === undefined ? {} : { group }),
      ...(reloadSignal === undefined ? {} : { reloadSignal }),
      killSignal: this.#signal('kill_signal', table.kill_signal) ?? defaultExec.killSignal,
      killTimeout: table.kill_timeout ?? KILL_TIMEOUT,
      splay: table.splay ?? 0,
      restartOnChange: restart.has('on-change'),
      restartOnExit: restart.has('on-exit'),
      restartLimit: table.restart_limit ?? RESTART_LIMIT,
      start: table.start ?? 'applied',
      startTimeout: table.start_timeout ?? 0,
      forwardSignals: this.#forwarded(table.forward_signals),
    }
  }

  #fault(key: keyof typeof execKeys, message: string, hint: string, index?: number): void {
    const path = ['exec', key, ...(index === undefined ? [] : [index])]
    this.faults.push(this.document.fault(path, 'value', message, hint))
  }

  #argv(command: ExecTable['command']): readonly [string, ...string[]] | undefined {
    if (command === undefined) return undefined
    const [program = '', ...args] =
      typeof command === 'string' ? ['/bin/sh', '-c', command] : command
    const isEmpty = typeof command === 'string' ? command.trim() === '' : program === ''
    if (!isEmpty) return [program, ...args]
    this.#fault(
      'command',
      'command has no program',
      'set it to a program, as in command = ["nginx", "-g", "daemon off;"]',
    )
    return undefined
  }

  #signal(
    key: 'reload_signal' | 'kill_signal' | 'forward_signals',
    text: string | undefined,
    among: readonly string[] = SIGNALS,
    index?: number,
  ): SignalName | undefined {
    if (text === undefined) return undefined
    const name = text.toUpperCase().replace(/^SIG/, '')
    if (among.includes(name)) return `SIG${name}`
    const near = nearest(name, among)
    const hint = near === undefined ? `use one of ${among.join(', ')}` : `did you mean "${near}"?`
    const what = !SIGNALS.includes(name)
      ? 'is not a signal'
      : key === 'forward_signals'
        ? 'cannot be forwarded'
        : 'cannot be handled by a program'
    this.#fault(key, `${key}: "${text}" ${what}`, hint, index)
    return undefined
  }

  #restart(said: ExecTable['restart']): ReadonlySet<string> {
    const words = typeof said === 'string' ? [said] : (said ?? [])
    for (const word of words) {
      if ((RESTARTS as readonly string[]).includes(word)) continue
      const near = nearest(word, RESTARTS)
      const hint = near === undefined ? `use ${RESTARTS.join(', ')}` : `did you mean "${near}"?`
      this.#fault('restart', `restart: "${word}" is unknown`, hint)
    }
    if (words.length > 1 && words.includes('never'))
      this.#fault(
        'restart',
        'restart: "never" cannot be combined with other values',
        'keep only "never", or remove it',
      )
    return new Set(words)
  }

  #forwarded(names: readonly string[] | undefined): readonly SignalName[] {
    if (names === undefined) return FORWARDED
    return names.flatMap(
      (name, index) => this.#signal('forward_signals', name, FORWARDABLE, index) ?? [],
    )
  }

  #env(said: ExecTable['env']): ExecSettings['env'] {
    const { document, faults } = this
    const path = ['exec', 'env']
    const table = readTable(document, path, said ?? {}, execEnvKeys, faults)
    const { pristine = false, custom = [], allowlist = [], denylist = [] } = table
    for (const [index, text] of custom.entries()) {
      if (/^[^=\0]+=[^\0]*$/s.test(text)) continue
      // The text is probably a secret value, so the message does not quote it.
      const message = 'a custom variable must be "NAME=value"'
      faults.push(document.fault([...path, 'custom', index], 'value', message))
    }
    return { pristine, custom, allowlist, denylist }
  }
}
