// A trial: the program under fault beside a store that changes, and after it the four questions.
//
//   1. Is every destination, at every moment, exactly one of the contents that were ever planned?
//   2. Is the final content the one that a fresh -onetime gives?
//   3. Did a reload with that content succeed after it was in place?
//   4. Is nothing left behind: staged files, processes, sockets, handles, memory, owed reloads?
//
// All are answered from outside, by files and /proc, so that any program can be asked (program.ts).
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { removeDir, tempDir } from '../support/process.ts'
import { until } from '../support/until.ts'
import { contentsOf, destinations, hashOf, keysOf, templatesFor } from './contents.ts'
import type { Destination, State } from './contents.ts'
import { isOurs, Program, type Invocation } from './program.ts'
import type { TrialStore } from './stores.ts'

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
  /** Milliseconds in which the program has to come right. */
  readonly patience?: number
}

/** What a fault may cost for good: some connections more, and memory that the collector has not given back. */
const HANDLES_MORE = 6
const MEMORY_MORE = 100

const LOOK_EVERY = 5

let trials = 0

export class Trial {
  readonly root = tempDir('trial')
  readonly prefix = `/t${process.pid}x${++trials}`
  readonly out: string
  /** The newest state that was written without a fault. */
  now: State = 'none'
  program: Program | undefined
  readonly #planned = new Map<Destination, Set<string>>(destinations.map((d) => [d, new Set()]))
  readonly #seen = new Map<Destination, string>()
  readonly #wrong = new Set<string>()
  readonly #looking: NodeJS.Timeout
  #counter = 0
  #fresh = 0
  #baseline: { readonly handles: number; readonly memory: number } | undefined

  constructor(
    readonly store: TrialStore,
    readonly options: TrialOptions = {},
  ) {
    this.out = options.out ?? join(this.root, 'out')
    mkdirSync(this.out, { recursive: true })
    this.#confdir(this.root, this.out, true)
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY)
  }

  path(dest: Destination): string {
    return join(this.out, dest)
  }

  /** A folder of the trial for what its commands write, other than destinations. */
  file(name: string): string {
    return join(this.root, name)
  }

  /** Templates and conf.d for a run that writes to `out`. */
  #confdir(root: string, out: string, recorded: boolean): void {
    for (const folder of ['conf.d', 'templates']) mkdirSync(join(root, folder), { recursive: true })
    for (const [dest, text] of Object.entries(templatesFor(this.prefix))) {
      writeFileSync(join(root, 'templates', `${dest}.tmpl`), text)
    }
    for (const dest of destinations) {
      const fields = {
        src: `${dest}.tmpl`,
        dest: join(out, dest),
        ...(recorded ? this.#commandsOf(dest) : {}),
      }
      const lines = Object.entries(fields).map(
        ([name, text]) => `${name} = ${JSON.stringify(text)}`,
      )
      const text = ['[template]', ...lines, `keys = ["${this.prefix}"]`, ''].join('\n')
      writeFileSync(join(root, 'conf.d', `${dest}.toml`), text)
    }
  }

  #commandsOf(dest: Destination): Record<string, string> {
    const { reload, check } = this.options
    const hash = `$(sha256sum < ${this.path(dest)} | cut -c1-64)`
    const record = `echo "$(date +%s.%N) ${hash}" >> ${this.file(`${dest}.reloads`)}`
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

  /** From now on this state may be seen. An empty store is none of them until somebody has emptied it. */
  plan(state: State): void {
    for (const [dest, text] of Object.entries(contentsOf(state))) {
      this.#planned.get(dest as Destination)?.add(hashOf(text))
    }
  }

  /** The store is known to hold this state now, by other means than a write of this trial. */
  storeHolds(state: State): void {
    this.plan(state)
    this.now = state
  }

  /** Writes the next state; throws when the store does not take it. */
  async write(): Promise<void> {
    const state = ++this.#counter
    this.plan(state)
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
    clearInterval(this.#looking)
    this.#look()
    const no = [...this.#wrong, ...this.#reloadsOfNothing(), ...(await this.#unlikeFresh())]
    no.push(...(await this.#leftBehind()))
    if (no.length === 0) return
    throw new Error(`${no.join('\n')}\n${(this.program?.output ?? '').slice(-6000)}`)
  }

  /** The first question, each few milliseconds. */
  #look(): void {
    for (const dest of destinations) {
      const stamp = stampOf(this.path(dest))
      if (stamp === this.#seen.get(dest)) continue
      const text = textOf(this.path(dest))
      // Before its first content a destination is not there, or what the fault has put there.
      if (text === undefined) continue
      if (stampOf(this.path(dest)) !== stamp) continue
      this.#seen.set(dest, stamp)
      if (this.options.inPlace !== true && this.#planned.get(dest)?.has(hashOf(text)) !== true) {
        this.#wrong.add(
          `${dest} was what nobody had planned (${text.length} characters: ${firstLine(text)})`,
        )
      }
    }
  }

  /** The first question again, as the reloaded programs have seen it. */
  #reloadsOfNothing(): string[] {
    return destinations.flatMap((dest) =>
      this.reloads(dest)
        .filter((hash) => this.#planned.get(dest)?.has(hash) !== true)
        .map((hash) => `a reload found in ${dest} what nobody had planned: ${hash}`),
    )
  }

  /** The second question. */
  async #unlikeFresh(): Promise<string[]> {
    const root = this.file(`fresh-${++this.#fresh}`)
    const out = join(root, 'out')
    mkdirSync(out, { recursive: true })
    this.#confdir(root, out, false)
    const fresh = new Program({
      ...this.invocation('-onetime'),
      confdir: root,
      state: join(root, 'state'),
    })
    const { code } = await fresh.ended
    if (code !== 0) return [`a fresh -onetime ended with ${code}: ${fresh.output}`]
    return destinations
      .filter((dest) => textOf(join(out, dest)) !== textOf(this.path(dest)))
      .map((dest) => `${dest} is not what a fresh -onetime gives`)
  }

  /** The fourth question; ends the program. */
  async #leftBehind(): Promise<string[]> {
    const { program } = this
    if (program === undefined) return []
    const left = await this.#grown(program)
    program.signal('SIGTERM')
    const { code, signal } = await program.ended
    if (isOurs && code !== 0) left.push(`it ended with ${code ?? signal} when it was asked to end`)
    await until('no process is left', () => program.offspring().length === 0, {
      timeout: 5000,
    }).catch(() => left.push(`processes: ${program.offspring().join('; ')}`))
    const strange = readdirSync(this.out).filter(
      (name) => !(destinations as readonly string[]).includes(name),
    )
    if (strange.length > 0) left.push(`files beside the destinations: ${strange.join(', ')}`)
    const sockets = socketsIn(this.invocation('-watch').state)
    if (sockets.length > 0) left.push(`sockets: ${sockets.join(', ')}`)
    left.push(...(await this.#stillOwed()))
    return left
  }

  /** A program that has come right again needs no more than before the fault. */
  async #grown(program: Program): Promise<string[]> {
    const before = this.#baseline
    if (before === undefined) return []
    const grown: string[] = []
    // A connection that was given up takes a moment to be closed.
    const most = before.handles + HANDLES_MORE
    await until('handles are closed', () => program.handles() <= most, { timeout: 5000 }).catch(
      () => grown.push(`handles: ${before.handles} before, ${program.handles()} after`),
    )
    const memory = program.memory()
    if (memory > before.memory + MEMORY_MORE) {
      grown.push(`memory: ${Math.round(before.memory)} MB before, ${Math.round(memory)} MB after`)
    }
    return grown
  }

  /** Another run on the same folders finds nothing to do. */
  async #stillOwed(): Promise<string[]> {
    const count = (): number =>
      destinations.reduce((sum, dest) => sum + this.reloads(dest).length, 0)
    const before = count()
    const { code } = await new Program(this.invocation('-onetime')).ended
    if (code !== 0) return [`a -onetime afterwards ended with ${code}`]
    return count() === before ? [] : ['a -onetime afterwards found a reload that was still owed']
  }

  /** Ends what still runs and removes the folders. */
  async close(): Promise<void> {
    clearInterval(this.#looking)
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

/** The text of a file; undefined when there is none, or what stands there is no file. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function stampOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path)
    return `${ino} ${size} ${mtimeMs}`
  } catch {
    return ''
  }
}

const linesOf = (path: string): string[] => (textOf(path) ?? '').split('\n').slice(0, -1)
const firstLine = (text = 'nothing'): string => text.slice(0, 40).split('\n')[0] ?? ''

function socketsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => lstatSync(join(folder, name)).isSocket())
  } catch {
    return []
  }
}
