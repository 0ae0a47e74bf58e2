// Runs the built program as users do, with a confdir in a temporary folder. Reads its JSON log.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Event } from '../../src/core/event.ts'
import { leftovers } from '../support/leftovers.ts'
import { removeDir, tempDir } from '../support/process.ts'
import { programWith } from '../support/program.ts'
import { until } from '../support/until.ts'

/** One line of the log. Tests check the event, not the wording. */
export interface LogLine {
  readonly event: Event['kind']
}

export interface Finished {
  /** Null if the process was killed by a signal. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process that runs the program. */
export class Running {
  readonly finished: Promise<Finished>
  readonly #child: ChildProcess
  #stdout = ''
  #stderr = ''

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = spawn(...programWith(...args), {
      // The program inherits no settings of the machine, such as CONFD_*.
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    leftovers.children.add(child)
    child.stdout.on('data', (data: Buffer) => (this.#stdout += data.toString()))
    child.stderr.on('data', (data: Buffer) => (this.#stderr += data.toString()))
    this.finished = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        leftovers.children.delete(child)
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
  }

  get pid(): number {
    return this.#child.pid as number
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Returns true if the log contains this event; see src/core/event.ts. */
  tells(event: LogLine['event']): boolean {
    return this.log.some((line) => line.event === event)
  }

  get log(): LogLine[] {
    const lines = this.#stderr.split('\n').slice(0, -1)
    return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine)
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Sends SIGTERM and waits until the process has exited. */
  async stop(): Promise<Finished> {
    this.signal('SIGTERM')
    return this.finished
  }

  /**
   * Like `until`, but throws as soon as the program has exited, and adds its log to the error. Afterwards, `log`
   * contains everything that the program had logged when the condition became true.
   */
  async until(what: string, condition: () => boolean): Promise<void> {
    try {
      await until(what, () => {
        if (condition()) return true
        if (!leftovers.children.has(this.#child))
          throw new Error(`reconfd has ended before: ${what}`)
        return false
      })
      // The condition may have looked at a file, while the log is still in the pipe. The event loop reads the pipe once
      // in each turn.
      await nextTurn()
    } catch (error) {
      throw new Error(`${String(error)}\n${this.#stderr}`, { cause: error })
    }
  }
}

/** A confdir, a state directory and a folder for destinations. */
export class Site {
  readonly root = tempDir('site')
  readonly #runs: Running[] = []

  /** @param env the environment of the program */
  constructor(
    readonly store: readonly string[],
    readonly env: Record<string, string> = {},
  ) {
    for (const folder of ['conf.d', 'templates', 'out']) mkdirSync(join(this.root, folder))
  }

  /** Returns the path of a file in the folder for destinations. Tests also keep their own files there. */
  path(name: string): string {
    return join(this.root, 'out', name)
  }

  /** Returns the text of a file in the folder for destinations, or undefined if the file does not exist. */
  read(name: string): string | undefined {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : undefined
  }

  /**
   * Returns the number of lines of a file in the folder for destinations. The commands of the tests' resources append
   * one line per run.
   */
  lines(name: string): number {
    return (this.read(name) ?? '').split('\n').length - 1
  }

  template(name: string, text: string): void {
    this.#install(join('templates', `${name}.njk`), text)
  }

  /** Writes conf.d/NAME.toml for the template and the destination NAME. */
  resource(
    name: string,
    fields: Readonly<Record<string, string | boolean | readonly string[]>> = {},
    tables: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>> = {},
  ): void {
    const all = { src: `${name}.njk`, dest: this.path(name), keys: ['/'], ...fields }
    const entries = (table: Readonly<Record<string, unknown>>): string[] =>
      Object.entries(table).map(([field, value]) => `${field} = ${JSON.stringify(value)}`)
    const below = Object.entries(tables).flatMap(([table, keys]) => [
      `[template.${table}]`,
      ...entries(keys),
    ])
    this.#install(
      join('conf.d', `${name}.toml`),
      ['[template]', ...entries(all), ...below, ''].join('\n'),
    )
  }

  /** Renames the file into place, so that a running program never reads half of it. */
  #install(path: string, text: string): void {
    const staged = join(this.root, 'staged')
    writeFileSync(staged, text)
    renameSync(staged, join(this.root, path))
  }

  start(...args: readonly string[]): Running {
    const where = ['-confdir', this.root, '-conf-file', join(this.root, 'confd.toml')]
    const state = ['-state-dir', join(this.root, 'state')]
    const all = [...this.store, ...where, ...state, '-log-format', 'json', ...args]
    const run = new Running(all, this.env)
    this.#runs.push(run)
    return run
  }

  /** Writes confd.toml, the file that the command line passes as -conf-file. */
  config(text: string): void {
    writeFileSync(join(this.root, 'confd.toml'), text)
  }

  /** Kills the processes that are still running and removes the folder. */
  async close(): Promise<void> {
    for (const run of this.#runs) run.signal('SIGKILL')
    await Promise.all(this.#runs.map((run) => run.finished))
    removeDir(this.root)
  }
}

/** Creates a site, passes it to the test, and cleans up. */
export async function withSite(
  store: readonly string[],
  use: (site: Site) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const site = new Site(store, env)
  site.config('')
  try {
    await use(site)
  } finally {
    await site.close()
  }
}
