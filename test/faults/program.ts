// The program under trial: reconfd as built, or another one by its command line.
//
// RECONFD_FAULTS_COMMAND names another program, such as
//
//     RECONFD_FAULTS_COMMAND='confd {mode} {store} -confdir {confdir}' npx vitest run test/faults/kill.test.ts
//
// {mode} becomes -watch or -onetime, {store} -backend NAME and its -node or -file, {confdir} and
// {state} are folders of the trial. Words are split at blanks; nothing is quoted. Everything that a
// trial asks is answered by files and processes, never by the program's own log.
import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { leftovers } from '../support/leftovers.ts'
import { programWith } from '../support/program.ts'

const other = process.env['RECONFD_FAULTS_COMMAND']
const flags = '{mode} {store} -confdir {confdir} -state-dir {state} -log-format json {extra}'

/** Whether it is reconfd that is tried: then its own flags and log are there to be used. */
export const isOurs = other === undefined
const template = other ?? `${programWith().flat().join(' ')} ${flags}`

export interface Invocation {
  readonly mode: '-watch' | '-onetime'
  /** `-backend`, `-node` and the like. */
  readonly store: readonly string[]
  readonly confdir: string
  readonly state: string
  /** Flags of reconfd; other programs are started without. */
  readonly extra?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Put before the command line, such as what runs it in a network namespace. */
  readonly wrap?: readonly string[]
}

function commandLine(invocation: Invocation): string[] {
  const words = {
    '{mode}': [invocation.mode],
    '{store}': invocation.store,
    '{confdir}': [invocation.confdir],
    '{state}': [invocation.state],
    '{extra}': invocation.extra ?? [],
  }
  return template
    .split(/\s+/)
    .flatMap((word) => (Object.hasOwn(words, word) ? words[word as keyof typeof words] : [word]))
}

const OUTPUT_MOST = 256 * 1024
let programs = 0

export class Program {
  /** In the environment of the program and of all that it starts, however detached. */
  readonly #mark = `RECONFD_TRIAL=${process.pid}-${++programs}`
  readonly #child: ChildProcess
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
  #output = ''

  constructor(invocation: Invocation) {
    const [command = '', ...args] = [...(invocation.wrap ?? []), ...commandLine(invocation)]
    const [name = '', value] = this.#mark.split('=')
    const child = spawn(command, args, {
      // Nothing of the machine's own settings, such as CONFD_*.
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', [name]: value, ...invocation.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    leftovers.children.add(child)
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => {
        this.#output = (this.#output + data.toString()).slice(-OUTPUT_MOST)
      })
    }
    child.once('error', (error) => (this.#output += error.message))
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        leftovers.children.delete(child)
        resolve({ code, signal })
      })
    })
  }

  get running(): boolean {
    return leftovers.children.has(this.#child)
  }

  /** What it has printed, the end of it. */
  get output(): string {
    return this.#output
  }

  /** The number of events of a kind in reconfd's log; see src/core/event.ts. */
  told(event: string): number {
    return this.#output.split(`"event":"${event}"`).length - 1
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Open file descriptors, sockets included. */
  handles(): number {
    return readdirSync(`/proc/${this.#child.pid}/fd`).length
  }

  /** Resident memory, in MB. */
  memory(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
  }

  /** The command lines of all processes that it has started and that still run, itself included. */
  offspring(): string[] {
    return this.#pids().map(
      (pid) => `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 200)}`,
    )
  }

  /** @param command which of them, by their command lines; default: all */
  killOffspring(command = /^/): void {
    for (const pid of this.#pids()) {
      if (!command.test(read(`/proc/${pid}/cmdline`).replaceAll('\0', ' '))) continue
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
  }

  #pids(): number[] {
    return readdirSync('/proc')
      .filter((entry) => /^\d+$/.test(entry))
      .filter((pid) => read(`/proc/${pid}/environ`).split('\0').includes(this.#mark))
      .map(Number)
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // It has ended meanwhile, or belongs to somebody else.
  }
}
