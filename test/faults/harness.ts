// A trial: the program under fault beside a store that changes, and after it the four questions.
//
//   1. Is every destination, at every moment, exactly one of the contents that were ever planned?
//   2. Is the final content the one that a fresh -onetime gives?
//   3. Did a reload with that content succeed after it was in place?
//   4. Is nothing left behind: staged files, processes, sockets, handles, memory, owed reloads?
//
// All are answered from outside, by files and /proc, so that any program can be asked (program.ts).
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
   * The reload command of a destination, made of the one that records it; default: just that.
   * `armed` is a file that is there once the trial is armed.
   */
  readonly reload?: (record: string, armed: string) => string
  readonly check?: (armed: string) => string
  /** Flags of reconfd. */
  readonly extra?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Put before the program's command line. */
  readonly wrap?: readonly string[]
  /** Where the destinations are; default: a folder of the trial's own. */
  readonly out?: string
  readonly state?: string
  /** The destinations are written in place (bind mounts): a reader may see half of one meanwhile. */
  readonly inPlace?: boolean
  /** The trial takes destinations away itself. */
  readonly mayVanish?: boolean
  /** Milliseconds in which the program has to come right. */
  readonly patience?: number
}

let trials = 0

export class Trial {
  readonly root = tempDir('trial')
  readonly prefix = `/t${process.pid}x${++trials}`
  readonly out: string
  /** The newest state that was written without a fault. */
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

  /** A folder of the trial for what its commands write, other than destinations. */
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

  /** Tells the commands of a destination that their fault is due: so many lines in the file `armed`. */
  arm(dest: Destination, times = 1): void {
    writeFileSync(this.file(`${dest}.armed`), 'armed\n'.repeat(times))
  }

  /** The hashes of what the reloads found at the destination, in their order. */
  reloads(dest: Destination): readonly string[] {
    return linesOf(this.file(`${dest}.reloads`)).map((line) => line.split(' ')[1] ?? '')
  }

  /**
   * The store is known to hold this state now, by other means than a write of this trial. Only so
   * may an empty store be seen.
   */
  storeHolds(state: State): void {
    this.#witness.plan(state)
    this.now = state
  }

  /** Writes the next state; throws when the store does not take it. */
  async write(): Promise<void> {
    const state = ++this.#counter
    this.#witness.plan(state)
    await this.store.put(keysOf(this.prefix, state))
    this.now = state
  }

  async writes(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await this.write()
  }

  /** Tries to write while the store may be away: whether it was taken is not known for sure. */
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

  /** Whether the files are those of the newest state, and a reload has seen them. */
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

  /** Starts the program and lets it work, and then takes the measure for the fourth question. */
  async begin(): Promise<Program> {
    await this.write()
    const program = this.start()
    await this.settle()
    // The second change finds it watching.
    await this.write()
    await this.settle()
    this.#baseline = { handles: program.handles(), memory: program.memory() }
    return program
  }

  /** Waits for something while the program runs. */
  async until(what: string, condition: () => boolean): Promise<void> {
    const { patience = 30_000 } = this.options
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

  /** Waits until reconfd's log tells of an event once more than `before` times; others are not asked. */
  async untilTold(event: string, before = 0): Promise<void> {
    if (isOurs)
      await this.until(`it tells ${event}`, () => (this.program?.told(event) ?? 0) > before)
  }

  /**
   * SIGKILL, and its end.
   * @param all with it what it has started, as when its container or its machine goes
   */
  async kill(all = false): Promise<void> {
    this.program?.signal('SIGKILL')
    if (all) this.program?.killOffspring()
    await this.program?.ended
    this.#baseline = undefined
  }

  /** SIGTERM, and its end. */
  async stop(): Promise<void> {
    this.program?.signal('SIGTERM')
    await this.program?.ended
    this.#baseline = undefined
  }

  /** Settles, and asks the four questions. Throws with all answers that are no. */
  async judge(): Promise<void> {
    await this.settle() // The third question, and half of the second.
    const seen = this.#witness.close()
    const no = this.options.inPlace === true ? [] : [...seen]
    no.push(...this.#reloadsOfNothing(), ...(await unlikeFresh(this)))
    if (this.program !== undefined) {
      no.push(...(await leftBehind(this, this.program, this.#baseline)))
    }
    if (no.length === 0) return
    throw new Error(`${no.join('\n')}\n${(this.program?.output ?? '').slice(-6000)}`)
  }

  /** The first question again, as the reloaded programs have seen it. */
  #reloadsOfNothing(): string[] {
    return destinations.flatMap((dest) =>
      this.reloads(dest)
        .filter((hash) => !this.#witness.wasPlanned(dest, hash))
        .map((hash) => `a reload found in ${dest} what nobody had planned: ${hash}`),
    )
  }

  /** Ends what still runs and removes the folders. */
  async close(): Promise<void> {
    this.#witness.close()
    await this.kill(true)
    removeDir(this.root)
  }
}

/** Opens a trial, lets the test use it, and leaves nothing behind. */
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
