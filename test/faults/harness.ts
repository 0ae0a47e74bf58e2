// A trial: the program is exposed to faults while the store changes. Then four questions are asked.
//
//   1. Was every destination, at every moment, exactly one of its planned versions?
//   2. Does the final content equal that of a fresh -onetime run?
//   3. Did a reload succeed after that content was in place?
//   4. Is nothing left behind: staged files, processes, sockets, handles, memory, owed reloads?
//
// The answers come from files and /proc, so that other programs can be tried, too (program.ts).
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { removeDir, tempDir } from '../support/process.ts'
import { until } from '../support/until.ts'
import { contentsOf, destinations, hashOf, keysOf } from './contents.ts'
import type { Destination, State } from './contents.ts'
import { firstLine, linesOf, textOf } from './files.ts'
import { leftBehind, unlikeFresh, type Measure } from './judge.ts'
import { isOurs, Program, type Invocation } from './program.ts'
import { recording, writeSite } from './site.ts'
import type { TrialStore } from './stores.ts'
import { Witness } from './witness.ts'

export interface TrialOptions {
  /**
   * Returns the reload command for a destination; default: `record`, the command that records the reload. Every
   * reload command must contain `record`. `armed` is a file with one line for each fault that is still to occur.
   */
  readonly reload?: (record: string, armed: string) => string
  readonly check?: (armed: string) => string
  /** Further flags for reconfd. */
  readonly extra?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Words to put before the program's command line. */
  readonly wrap?: readonly string[]
  /** The folder of the destinations; default: one inside the trial's folder. */
  readonly out?: string
  readonly state?: string
  /** Whether destinations are written in place (bind mounts), so that a reader may see a half-written file. */
  readonly inPlace?: boolean
  /** Whether the trial itself removes destinations. */
  readonly mayVanish?: boolean
  /** Milliseconds within which the program must recover; default: 60,000. */
  readonly patience?: number
}

let trials = 0

export class Trial {
  readonly root = tempDir('trial')
  readonly prefix = `/t${process.pid}x${++trials}`
  readonly out: string
  /** The newest state that the store is known to contain. */
  now: State = 'none'
  program: Program | undefined
  readonly #witness: Witness
  #counter = 0
  #baseline: Measure | undefined

  constructor(
    readonly store: TrialStore,
    readonly options: TrialOptions = {},
  ) {
    this.out = options.out ?? join(this.root, 'out')
    writeSite(this.root, this.out, this.prefix, (dest) => this.#commandsOf(dest))
    this.#witness = new Witness((dest) => this.path(dest), options.mayVanish === true)
  }

  path(dest: Destination): string {
    return join(this.out, dest)
  }

  /** Returns a path in the trial's folder, for files other than destinations. */
  file(name: string): string {
    return join(this.root, name)
  }

  #commandsOf(dest: Destination): Record<string, string> {
    const { reload, check } = this.options
    const record = recording(this.path(dest), this.file(`${dest}.reloads`))
    const armed = this.file(`${dest}.armed`)
    return {
      reload_cmd: reload?.(record, armed) ?? record,
      ...(check === undefined ? {} : { check_cmd: check(armed) }),
    }
  }

  /** Arms a fault in a destination's commands: the fault will occur `times` times. */
  arm(dest: Destination, times = 1): void {
    writeFileSync(this.file(`${dest}.armed`), 'armed\n'.repeat(times))
  }

  /** Returns the hash that the destination had at each reload, in the order of the reloads. */
  reloads(dest: Destination): readonly string[] {
    return linesOf(this.file(`${dest}.reloads`)).map((line) => line.split(' ')[1] ?? '')
  }

  /**
   * Declares that the store now contains this state, although the trial has not written it, for example after a wipe
   * or a restore. Without this call, files with this state may count as unplanned.
   */
  storeHolds(state: State): void {
    this.#witness.plan(state)
    this.now = state
  }

  /** Writes the next state. Throws if the store does not accept it. */
  async write(): Promise<void> {
    const state = ++this.#counter
    this.#witness.plan(state)
    await this.store.put(keysOf(this.prefix, state))
    this.now = state
  }

  async writes(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await this.write()
  }

  /** Writes states while the store may be unreachable. Ignores failed writes, although they may still take effect. */
  async attempts(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await this.write().catch(() => undefined)
  }

  invocation(mode: Invocation['mode']): Invocation {
    const { extra = [], env = {}, wrap = [], state = this.file('state') } = this.options
    return { mode, store: this.store.args, confdir: this.root, state, extra, env, wrap }
  }

  start(): Program {
    this.program = new Program(this.invocation('-watch'))
    return this.program
  }

  /** Returns true if each file has the content of the newest state and its last reload has read this content. */
  isInPlace(): boolean {
    const expected = contentsOf(this.now)
    return destinations.every(
      (dest) =>
        textOf(this.path(dest)) === expected[dest] &&
        this.reloads(dest).at(-1) === hashOf(expected[dest]),
    )
  }

  async settle(): Promise<void> {
    await this.until(`state ${this.now} is in place and reloaded`, () => this.isInPlace())
  }

  /** Starts the program, waits for its first reloads, and takes the baseline for the fourth question. */
  async begin(): Promise<Program> {
    await this.write()
    const program = this.start()
    await this.settle()
    // The program may have read the first change in its snapshot. The second change arrives through the watch.
    await this.write()
    await this.settle()
    this.#baseline = { handles: program.handles(), memory: program.memory() }
    return program
  }

  /** Waits for a condition. Throws if the program exits first. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const { patience = 60_000 } = this.options
    try {
      await until(
        what,
        () => {
          if (condition()) return true
          if (this.program?.running !== true)
            throw new Error(`the program has ended before: ${what}`)
          return false
        },
        { timeout: patience },
      )
    } catch (error) {
      const there = destinations.map((d) => `${d}: ${firstLine(textOf(this.path(d)))}`).join(', ')
      const output = (this.program?.output ?? '').slice(-6000)
      throw new Error(`${String(error)}\n${there}\n${output}`, { cause: error })
    }
  }

  /** Waits until reconfd's log contains an event more than `before` times. Returns immediately for other programs. */
  async untilTold(event: string, before = 0): Promise<void> {
    if (isOurs)
      await this.until(`it tells ${event}`, () => (this.program?.told(event) ?? 0) > before)
  }

  /**
   * Kills the program and waits until it has exited.
   * @param all kills the program's descendants as well, as when a container or a machine dies
   */
  async kill(all = false): Promise<void> {
    this.program?.signal('SIGKILL')
    if (all) this.program?.killOffspring()
    await this.program?.ended
    this.#baseline = undefined
  }

  /** Sends SIGTERM and waits until the program has exited. */
  async stop(): Promise<void> {
    this.program?.signal('SIGTERM')
    await this.program?.ended
    this.#baseline = undefined
  }

  /** Waits for the newest state, then asks the four questions. Throws an error that lists all problems. */
  async judge(): Promise<void> {
    await this.settle() // Answers the third question and part of the second.
    const seen = this.#witness.close()
    const no = this.options.inPlace === true ? [] : [...seen]
    no.push(...this.#reloadsOfNothing(), ...(await unlikeFresh(this)))
    if (this.program !== undefined) {
      no.push(...(await leftBehind(this, this.program, this.#baseline)))
    }
    if (no.length === 0) return
    throw new Error(`${no.join('\n')}\n${(this.program?.output ?? '').slice(-6000)}`)
  }

  /** Answers the first question for the reloads: did each of them read a planned version? */
  #reloadsOfNothing(): string[] {
    return destinations.flatMap((dest) =>
      this.reloads(dest)
        .filter((hash) => !this.#witness.wasPlanned(dest, hash))
        .map((hash) => `a reload found in ${dest} what nobody had planned: ${hash}`),
    )
  }

  /** Kills the program with all its descendants and removes the folders. */
  async close(): Promise<void> {
    this.#witness.close()
    await this.kill(true)
    removeDir(this.root)
  }
}

/** Creates a trial, passes it to the test, and cleans up. */
export async function trying(
  store: TrialStore,
  options: TrialOptions,
  use: (trial: Trial) => Promise<void>,
): Promise<void> {
  const trial = new Trial(store, options)
  try {
    await use(trial)
  } finally {
    await trial.close()
  }
}
