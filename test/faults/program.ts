// The program under trial: the built reconfd, or another program.
//
// RECONFD_FAULTS_COMMAND sets the command line of another program, for example
//
//     RECONFD_FAULTS_COMMAND='confd {mode} {store} -confdir {confdir}' npx vitest run test/faults/kill.test.ts
//
// {mode} is -watch or -onetime. {store} is -backend NAME with its -node or -file. {confdir} and {state} are folders
// of the trial. Words are separated by spaces, without quoting. A trial judges the program by its files and
// processes, never by its log.
import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { leftovers } from '../support/leftovers.ts'
import { programWith } from '../support/program.ts'

const other = process.env['RECONFD_FAULTS_COMMAND']
const flags = '{mode} {store} -confdir {confdir} -state-dir {state} -log-format json {extra}'

/** True if the program is reconfd. Only then may tests use its flags and its log. */
export const isOurs = other === undefined
const template = other ?? `${programWith().flat().join(' ')} ${flags}`

export interface Invocation {
  readonly mode: '-watch' | '-onetime'
  /** `-backend` with `-node` or `-file`. */
  readonly store: readonly string[]
  readonly confdir: string
  readonly state: string
  /** Further flags for reconfd, which other programs do not get. */
  readonly extra?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Words to put before the command line, for example to run the program in a network namespace. */
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
  /** An environment variable that marks the program and all its descendants, even detached ones. */
  readonly #mark = `RECONFD_TRIAL=${process.pid}-${++programs}`
  readonly #child: ChildProcess
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
  #output = ''

  constructor(invocation: Invocation) {
    const [command = '', ...args] = [...(invocation.wrap ?? []), ...commandLine(invocation)]
    const [name = '', value] = this.#mark.split('=')
    const child = spawn(command, args, {
      // The program must not inherit settings from the machine, such as CONFD_*.
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

  /** The last part of the program's output. */
  get output(): string {
    return this.#output
  }

  /** Returns how often reconfd's log contains an event; see src/core/event.ts. */
  told(event: string): number {
    return this.#output.split(`"event":"${event}"`).length - 1
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Returns the number of open file descriptors, sockets included. */
  handles(): number {
    return readdirSync(`/proc/${this.#child.pid}/fd`).length
  }

  /** Returns the resident memory in MB. */
  memory(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024
  }

  /** Returns `PID COMMAND LINE` of the program and of each descendant that is still running. */
  offspring(): string[] {
    return this.#pids().map(
      (pid) => `${pid} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 200)}`,
    )
  }

  /**
   * @param command a pattern: kills only the processes whose command line matches. Default: matches all, including
   * the program
   */
  killOffspring(command = /^/): void {
    for (const pid of this.#pids()) {
      if (!command.test(read(`/proc/${pid}/cmdline`).replaceAll('\0', ' '))) continue
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // The process has already exited.
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
    return '' // The process has exited, or belongs to another user.
  }
}
