// A simulated machine for the interleaving test: files, a store, programs that read files on a reload, a state
// directory and a clock. The scheduler chooses when each operation starts and when it returns, so a kill can occur
// between any two of them. The rules of the reload protocol (docs/architecture.md) are checked at every step.
import type fc from 'fast-check'
import type { FileChange } from '../../src/apply/apply.ts'
import { hashOf } from '../../src/apply/hash.ts'
import { Claims } from '../../src/core/claims.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { CommandResult, Event } from '../../src/core/event.ts'
import { FaultError, type Fault } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import { reduce } from '../../src/core/mirror.ts'
import type { Observed } from '../../src/core/plan.ts'
import { Reader } from '../../src/core/reader.ts'
import type { Scope } from '../../src/core/reads.ts'
import { plainReload, type Resource, type TemplateSpec } from '../../src/core/resource.ts'
import { err, ok } from '../../src/core/result.ts'
import { emptyTree, type Tree } from '../../src/core/tree.ts'
import type { Placement } from '../../src/core/reload-run.ts'
import { Desk } from '../../src/engine/desk.ts'
import { KeptKeys } from '../../src/engine/kept-keys.ts'
import type { Machine } from '../../src/engine/machine.ts'
import type { Parts } from '../../src/engine/parts.ts'
import { undoInterrupted } from '../../src/engine/recovery.ts'
import { Underway } from '../../src/engine/underway.ts'
import { Worker } from '../../src/engine/worker.ts'
import { StatusBoard } from '../../src/observe/status.ts'
import { noFolder } from '../../src/state/folder.ts'
import type { Journal, Owed } from '../../src/state/journal.ts'
import type { MadeFile, Manifest } from '../../src/state/manifest.ts'
import type { Memory, Remembered } from '../../src/state/records.ts'
import type { TemplateRenderer } from '../../src/templates/render.ts'

/** The configuration of a resource. Its name, key and destination follow from its number. */
export interface Traits {
  readonly command: 'c1' | 'c2' | 'none'
  readonly policy: 'retry' | 'rollback' | 'verify'
  readonly group: boolean
  readonly groupCheck: boolean
  readonly minInterval: number
  readonly splay: number
  /** Whether a file exists at the destination before reconfd first writes it. */
  readonly hasFormer: boolean
}

/**
 * Kinds of content, by the step that fails. `bad`: the reload; `vbad`: the verification; `refused`: the check; `gbad`:
 * the check of the group; `broken`: the render; `ok`: none.
 */
export const kinds = ['ok', 'ok', 'ok', 'bad', 'vbad', 'refused', 'gbad', 'broken'] as const
export type Kind = (typeof kinds)[number]

const isJudged = (
  { command, policy }: Pick<Traits, 'command' | 'policy'> = { command: 'none', policy: 'retry' },
): boolean => command !== 'none' && policy !== 'retry'

/** No simulated resource has a hold-down. */
const noHeldKeys = { all: async () => new Map(), set: async () => ok(undefined) }

const nameOf = (n: number): string => `r${n}`
const destOf = (name: string): string => `/out/${name}`
const keyOf = (name: string): Key => `/${name}`

interface ProgramRun {
  readonly command: string
  readonly resources: ReadonlySet<string>
  readonly start: number
}

/** The state of a destination before a placement. */
interface FormerState {
  readonly content: string | undefined
  readonly placed: number | undefined
  readonly command: string | undefined
  readonly at: number
}

/** The state that survives a kill, and the expectations against which the rules are checked. */
export class World {
  now = 0
  /** Orders renames and starts of runs. Each rename and each start increments it. */
  moment = 0
  readonly files = new Map<string, string>()
  readonly journal = new Map<string, Owed>()
  readonly records = new Map<string, Remembered>()
  readonly manifest = new Map<string, Map<string, MadeFile>>()
  tree: Tree = emptyTree
  isStoreReachable = true
  traits: (Traits | undefined)[]
  life: Life | undefined
  /** Whether all reloads fail, whatever the files contain. */
  isProgramBroken = false
  readonly timers = new Set<{ readonly at: number; readonly call: () => void }>()
  readonly faults: string[] = []
  /** All steps in order. They are printed when a rule is broken. */
  readonly story: string[] = []

  /** By destination: the moment when its newest content was placed. This map and the fields below are expectations. */
  readonly placedAt = new Map<string, number>()
  /** By destination: the command that must read its newest content, as configured at its placement. */
  readonly commandAt = new Map<string, string>()
  /** By destination: the last moment when no command was configured for it. */
  readonly freedAt = new Map<string, number>()
  /**
   * By resource: the moment when its last successful run began. The run's command is the one that was configured when
   * the success was acknowledged. Later changes of the configuration do not invalidate the success.
   */
  readonly readFrom = new Map<string, number>()
  readonly original = new Map<string, string | undefined>()
  /** By destination: the newest proved content. */
  readonly proved = new Map<string, string>()
  readonly provedAlone = new Map<string, string | undefined>()
  hasRegrouped = false
  /** By destination: all content that no reload had to read. Such content counts as proved. */
  readonly unchallenged = new Map<string, Set<string>>()
  readonly runs = new Set<ProgramRun>()
  /** By resource with a placement under way: the commands that it will owe. */
  readonly placing = new Map<string, readonly string[]>()
  /** By resource whose group check is pending: the previous content of each renamed file (undefined: absent). */
  readonly unchecked = new Map<string, Map<string, string | undefined>>()
  lives = 0

  constructor(
    traits: readonly Traits[],
    private readonly scheduler: fc.Scheduler,
  ) {
    this.traits = [...traits]
    traits.forEach(({ hasFormer }, n) => {
      const dest = destOf(nameOf(n))
      if (hasFormer) this.files.set(dest, 'former')
      this.original.set(dest, this.files.get(dest))
    })
    for (const n of traits.keys()) this.write(nameOf(n), `ok-${n}`)
  }

  /** Yields to the scheduler. Never resolves for a life that was killed meanwhile. */
  async moments(label: string, life?: Life): Promise<void> {
    await this.scheduler.schedule(Promise.resolve(), label)
    if (life !== undefined && this.life !== life) await new Promise(() => undefined)
  }

  trace(text: string): void {
    this.story.push(`${this.moment} ${text}`)
  }

  broke(rule: string, what: string): void {
    this.trace(`BROKEN ${rule} ${what}`)
    this.faults.push(`${rule} at moment ${this.moment}: ${what}`)
  }

  resources(): Resource[] {
    return this.traits.flatMap((traits, n) =>
      traits === undefined ? [] : [resourceOf(nameOf(n), traits)],
    )
  }

  /** Changes a key in the store. */
  write(name: string, value: string): void {
    const before = this.tree
    const put = new Map([[keyOf(name), value]])
    const { tree, changes } = reduce(before, { kind: 'delta', put, del: new Set() })
    this.tree = tree
    if (this.isStoreReachable) this.life?.keysChanged(changes, before)
  }

  /**
   * R3: a run must settle each debt of an earlier life, even if the world does not know the placement that caused it.
   */
  inherit(): void {
    for (const [name, { commands }] of this.journal) {
      const [command] = commands
      if (command === undefined || this.commandAt.has(destOf(name))) continue
      this.commandAt.set(destOf(name), command)
      this.placedAt.set(destOf(name), ++this.moment)
    }
  }

  /** Undoes the expectations of a placement: the restored content needs no reload, unless a run is under way. */
  unplace(name: string, command: string | undefined, former: Partial<FormerState>): void {
    const dest = destOf(name)
    if ([...this.runs].some((run) => run.command === command)) return
    if (former.placed === undefined) this.placedAt.delete(dest)
    else this.placedAt.set(dest, former.placed)
    const isFree = (this.freedAt.get(dest) ?? -1) >= (former.at ?? 0)
    if (former.command === undefined || isFree) this.commandAt.delete(dest)
    else this.commandAt.set(dest, former.command)
  }

  setReachable(isReachable: boolean): void {
    if (this.isStoreReachable === isReachable) return
    this.isStoreReachable = isReachable
    if (isReachable) this.life?.reconnected()
  }

  kill(): void {
    this.life = undefined
    this.timers.clear()
    this.placing.clear()
    // The commands continue, but nobody receives their results.
    this.runs.clear()
  }

  async start(): Promise<void> {
    if (this.life !== undefined) return
    const life = new Life(this)
    this.life = life
    this.lives++
    await life.begin()
  }

  /** Advances the clock by `ms`, at least to the next timer, and fires due timers. Returns false if no timer is set. */
  advance(ms: number): boolean {
    const next = Math.min(...[...this.timers].map(({ at }) => at))
    if (next === Infinity) return false
    this.now = Math.max(this.now + ms, next)
    for (const timer of [...this.timers].sort((a, b) => a.at - b.at)) {
      if (timer.at <= this.now && this.timers.delete(timer)) timer.call()
    }
    return true
  }

  /** Renames a file into place, or undoes a rename. If `content` is undefined, removes the file. */
  put(dest: string, content: string | undefined): void {
    this.moment++
    this.trace(`put ${dest} ${content}`)
    if (content === undefined) this.files.delete(dest)
    else this.files.set(dest, content)
  }

  /** R1, at every step: if no successful reload has read the content in place, the journal records the debt. */
  check(): void {
    this.freeWithoutCommand()
    for (const [dest, placed] of this.placedAt) {
      const name = dest.slice('/out/'.length)
      const command = this.commandAt.get(dest)
      if (command === undefined || this.isRead(name, placed)) continue
      if (!this.journal.has(name)) {
        this.broke('R1', `${name} is not owed, and ${command} has not read ${this.files.get(dest)}`)
      }
      const owed = this.life?.journal.owed
      if (owed !== undefined && !owed.has(name))
        this.broke('R1', `status says that ${name} owes none`)
    }
  }

  /**
   * If a resource has no command, no reload is ever owed for its content in place, even if a later generation adds a
   * command. check() calls this after every step. Also call it for each new generation, because another one may
   * follow before the next step.
   */
  freeWithoutCommand(): void {
    for (const dest of this.placedAt.keys()) {
      if (this.atWork(dest.slice('/out/'.length))?.command !== 'none') continue
      this.commandAt.delete(dest)
      this.freedAt.set(dest, this.moment)
      const content = this.files.get(dest)
      if (content !== undefined) this.noteUnchallenged(dest, content)
    }
  }

  noteUnchallenged(dest: string, content: string): void {
    const contents = this.unchallenged.get(dest) ?? new Set()
    this.unchallenged.set(dest, contents.add(content))
  }

  /** Changes a resource in conf.d; undefined removes it. */
  configure(n: number, traits: Traits | undefined): void {
    this.hasRegrouped ||= this.traits[n]?.group !== traits?.group
    this.traits[n] = traits
  }

  traitsOf(name: string): Traits | undefined {
    return this.traits[Number(name.slice(1))]
  }

  /** Returns the traits that the running program has loaded. Until a SIGHUP, they may differ from conf.d. */
  atWork(name: string): Traits | undefined {
    return (this.life?.traits ?? this.traits)[Number(name.slice(1))]
  }

  /** Returns the resources in the same unit. */
  unitOf(name: string): string[] {
    const names = [...this.traits.keys()].map(nameOf)
    if (this.atWork(name)?.group !== true) return [name]
    return names.filter((one) => this.atWork(one)?.group === true)
  }

  /** Returns true if every reload that must read the file in place has read it. */
  isProved(name: string): boolean {
    const dest = destOf(name)
    const command = this.commandAt.get(dest)
    return command === undefined || this.isRead(name, this.placedAt.get(dest) ?? -1)
  }

  private isRead(name: string, placed: number): boolean {
    return (this.readFrom.get(name) ?? -1) > placed
  }
}

/** Tells the world which placements are under way. */
class WatchedDesk extends Desk {
  constructor(
    private readonly world: World,
    ...parts: ConstructorParameters<typeof Desk>
  ) {
    super(...parts)
  }

  override async enter(placement: Placement): Promise<void> {
    await super.enter(placement)
    for (const [name, reloads] of placement.owing) this.world.placing.set(name, [...reloads.keys()])
  }

  override async leave(...[placement, how]: Parameters<Desk['leave']>): Promise<void> {
    for (const name of placement.owing.keys()) this.world.placing.delete(name)
    await super.leave(placement, how)
  }
}

/** One process of the program, from its start until it exits or is killed. */
export class Life {
  readonly journal: Journal
  readonly board: StatusBoard
  readonly events: Event[] = []
  /** The traits that this life has loaded. */
  traits: readonly (Traits | undefined)[] = []
  readonly #worker: Worker
  readonly #parts: Parts
  readonly #clock: Clock
  #isRead = false
  /** The tree that this life has read. */
  #tree: Tree = emptyTree
  readonly #suspended = new Set<string>()
  #isAdopted = false
  #isEnding = false

  constructor(private readonly world: World) {
    const clock: Clock = {
      now: () => world.now,
      time: () => world.now,
      after: (ms, call) => {
        const timer = { at: world.now + ms, call }
        world.timers.add(timer)
        return () => world.timers.delete(timer)
      },
    }
    this.#clock = clock
    this.journal = journalOf(world, this)
    this.board = new StatusBoard(1, 0)
    const emit = (event: Event): void => this.#note(event)
    this.#parts = {
      machine: machineOf(world, this),
      clock,
      desk: new WatchedDesk(world, this.journal, clock, emit, true),
      memory: memoryOf(world, this),
      manifest: manifestOf(world),
      accepted: { forget: async () => ok(undefined) },
      kept: new KeptKeys(noHeldKeys, clock, emit),
      state: noFolder,
      claims: new Claims(),
      emit,
      self: { pid: process.pid, started: world.lives + 1 },
      mode: { noop: false, keepStageFile: false },
      showPlan: () => undefined,
      showWritten: () => undefined,
      runtime: () => Promise.reject(new Error('there is no HAProxy')),
    }
    this.#worker = new Worker(this.#parts, new Underway(), true, (error) => {
      world.broke('bug', error instanceof Error ? (error.stack ?? '') : String(error))
    })
  }

  async begin(): Promise<void> {
    await undoInterrupted(this.journal, this.world.resources(), this.#parts)
    for (const [name, files] of this.world.unchecked) {
      for (const [dest, content] of files) {
        if (this.world.files.get(dest) === content) continue
        this.world.broke(
          'R6',
          `${name}: ${dest} holds ${this.world.files.get(dest)}, not ${content}`,
        )
      }
    }
    this.world.unchecked.clear()
    this.world.inherit()
    const resources = this.world.resources()
    const uses = new Map(resources.map(({ name }) => [name, ['sim']]))
    this.#note({ kind: 'started', version: '', backend: 'env', nodes: [], resources: 0, uses })
    this.#adopt(resources)
    this.#isAdopted = true
    if (this.world.isStoreReachable) this.reconnected()
  }

  reload(): void {
    if (!this.#isAdopted || this.#isEnding) return
    const resources = this.world.resources()
    const uses = new Map(resources.map(({ name }) => [name, ['sim']]))
    this.#note({ kind: 'generation-loaded', reason: 'SIGHUP', resources: resources.length, uses })
    this.#adopt(resources)
  }

  keysChanged(changes: ReturnType<typeof reduce>['changes'], before: Tree): void {
    if (!this.#isAdopted || !this.#isRead) return
    this.#tree = this.world.tree
    this.#worker.keysChanged('sim', changes, before)
  }

  reconnected(): void {
    if (!this.#isAdopted) return
    const before = this.#tree
    const entries = new Map(this.world.tree.under('/'))
    const { tree, changes } = reduce(before, { kind: 'snapshot', entries })
    this.#tree = tree
    const isFirst = !this.#isRead
    this.#isRead = true
    this.#note({ kind: 'store-live', store: 'sim', node: '', keys: tree.size })
    if (isFirst) this.#worker.storeRead('sim', changes, before)
    else this.#worker.keysChanged('sim', changes, before)
  }

  accept(name: string): Promise<boolean> {
    return this.#worker.accept(name)
  }

  forceReload(name: string): Promise<string | undefined> {
    return this.#worker.reload(name)
  }

  /** Suspends the reload of a resource until it is demanded, as exec mode does while its program is not running. */
  suspend(name: string): void {
    const command = this.#commandOf(name)
    if (command === undefined || !this.#isAdopted || this.#isEnding) return
    this.#suspended.add(command)
    this.#worker.suspend(command)
  }

  /** Demands a run of the reload, as exec mode does to start its program. The run begins even if nothing is owed. */
  demand(name: string): void {
    const command = this.#commandOf(name)
    if (command === undefined || !this.#isAdopted || this.#isEnding) return
    this.#suspended.delete(command)
    this.#worker.demand(command)
  }

  demandSuspended(): void {
    for (const command of this.#suspended) this.#worker.demand(command)
    this.#suspended.clear()
  }

  #commandOf(name: string): string | undefined {
    return this.world.traitsOf(name)?.command
  }

  /** Ends the life as SIGTERM does: running work finishes first. */
  async end(): Promise<void> {
    this.#isEnding = true
    await this.#worker.stop()
    if (this.world.life === this) this.world.kill()
  }

  #adopt(resources: readonly Resource[]): void {
    const tree = (): Tree => this.#tree
    this.traits = [...this.world.traits]
    this.world.freeWithoutCommand()
    this.#worker.adopt({
      resources,
      feeds: {
        get tree() {
          return tree()
        },
        isRead: () => this.#isRead,
        isMissed: () => false,
        nameOf: () => 'sim',
        took: () => undefined,
      },
      renderer,
      pace: { quiet: undefined, max: 2000 },
      dependsOn: () => undefined,
    })
  }

  #note(event: Event): void {
    if (this.world.life !== this) return
    this.events.push(event)
    if ('resource' in event || 'resources' in event) {
      const { kind } = event
      const who = 'resource' in event ? event.resource : event.resources
      this.world.trace(`${kind} ${String(who)} ${'command' in event ? event.command : ''}`)
    }
    this.board.note(event, this.#clock.time())
    const { world } = this
    if (event.kind === 'reload-started') this.#startRun(event.command, event.resources)
    if (event.kind === 'rolled-back') this.#checkRollback(event)
    if (event.kind === 'reloaded' || event.kind === 'reload-owed') {
      for (const run of world.runs) {
        if (run.command !== event.command) continue
        world.runs.delete(run)
        if (event.kind === 'reloaded') this.#proved(run)
      }
    }
  }

  #startRun(command: string, resources: readonly string[]): void {
    const { world } = this
    world.runs.add({ command, resources: new Set(resources), start: ++world.moment })
    for (const [name, commands] of world.placing) {
      if (resources.includes(name) || commands.includes(command)) {
        world.broke('R2', `${command} starts while ${name} is being placed`)
      }
    }
    for (const name of resources) {
      if (world.unchecked.has(name))
        world.broke('R6', `${command} reads ${name}, which is unchecked`)
    }
  }

  #proved({ command, resources, start }: ProgramRun): void {
    const { world } = this
    for (const name of resources) {
      // A run of a command that is no longer configured does not prove anything.
      if (world.atWork(name)?.command !== command) continue
      world.readFrom.set(name, Math.max(world.readFrom.get(name) ?? -1, start))
    }
    for (const name of resources) {
      // A resource that was removed from conf.d keeps its debt in spite of this run.
      if (this.traits[Number(name.slice(1))] === undefined) continue
      // The files of a unit are proved together. After a regrouping, files that were proved alone count, too.
      if (world.isProved(name)) world.provedAlone.set(destOf(name), world.files.get(destOf(name)))
      const unit = world.unitOf(name)
      if (!unit.every((member) => world.isProved(member))) continue
      for (const member of unit) {
        const content = world.files.get(destOf(member))
        if (content !== undefined) world.proved.set(destOf(member), content)
      }
    }
    for (const name of resources) if (world.isProved(name)) world.commandAt.delete(destOf(name))
  }

  #checkRollback({ resource, files }: Extract<Event, { kind: 'rolled-back' }>): void {
    const { world } = this
    for (const [dest, hash] of files) {
      const content = world.files.get(dest)
      const good = [
        world.proved.get(dest) ?? world.original.get(dest),
        ...(world.unchallenged.get(dest) ?? []),
        ...(world.hasRegrouped ? [world.provedAlone.get(dest)] : []),
      ]
      if (content === undefined) world.broke('R5', `${dest} was removed by a rollback`)
      else if (!good.includes(content)) {
        world.broke('R5', `${dest} went back to ${content}, not to ${good.join(' or ')}`)
      }
      if (hash !== (content === undefined ? null : hashOf(Buffer.from(content)))) {
        world.broke('R7', `${dest}: the rollback tells another hash than that of ${content}`)
      }
    }
    // A resource that was removed from conf.d has no status.
    if (this.#traitsOf(resource) !== undefined) this.#checkStatus(resource)
  }

  /** R7: the status must describe the content in place and name the command that rejected the other content. */
  #checkStatus(name: string): void {
    const { resources } = this.board.status(this.journal.owed, this.#clock.time())
    const status = resources.find((one) => one.name === name)
    const dest = destOf(name)
    const content = this.world.files.get(dest)
    const hash = content === undefined ? undefined : hashOf(Buffer.from(content))
    if (status?.hashes[dest] !== hash) {
      this.world.broke('R7', `${name}: status has another hash than that of ${content}`)
    }
    if (status?.state !== 'failed' || !/reload_cmd|verify_cmd/.test(status.why ?? '')) {
      this.world.broke('R7', `${name}: ${status?.state}, ${status?.why}`)
    }
  }

  #traitsOf(name: string): Traits | undefined {
    return this.world.traitsOf(name)
  }
}

function resourceOf(name: string, traits: Traits): Resource {
  const { command, policy, group, groupCheck, minInterval, splay } = traits
  const spec: TemplateSpec = {
    src: `/templates/${name}`,
    dest: destOf(name),
    prefix: '/',
    keys: [keyOf(name)],
    trimBlocks: true,
    lstripBlocks: true,
    checkCmd: 'check',
    checkTimeout: 1000,
    reloadTimeout: 1000,
    ...(command === 'none' ? {} : { reloadCmd: command }),
    followSymlinks: true,
    mkdirs: false,
  }
  return {
    name,
    templates: [spec],
    ...(group ? { group: 'g' } : {}),
    ...(groupCheck ? { groupCheck: { command: `check ${name}`, timeout: 1000 } } : {}),
    holdDown: 0,
    allowEmpty: false,
    reload: {
      ...plainReload,
      minInterval,
      splay,
      ...(policy === 'rollback' ? { onFailure: 'rollback', attempts: 2 } : {}),
      ...(policy === 'verify' ? { verify: { command: 'verify', timeout: 1000, attempts: 1 } } : {}),
    },
  }
}

const renderer: TemplateRenderer = {
  async render(spec: TemplateSpec, tree: Tree, scope: Scope) {
    const reader = new Reader(tree, scope)
    const value = reader.get(spec.keys[0] as Key) ?? ''
    const { reads } = reader
    if (!value.startsWith('broken')) return ok({ bytes: Buffer.from(value), reads })
    return err({ fault: { kind: 'template', message: 'broken' } satisfies Fault, reads })
  },
  renderItem: () => Promise.reject(new FaultError({ kind: 'template', message: 'not used' })),
  check: () => Promise.reject(new FaultError({ kind: 'template', message: 'not used' })),
  forget: () => undefined,
}

const result = (exitCode: number): CommandResult => ({
  exitCode,
  signal: null,
  timedOut: false,
  output: '',
  truncated: 0,
  duration: 1,
})

function observed(world: World, dest: string): Observed {
  const content = world.files.get(dest)
  if (content === undefined) return { kind: 'absent' }
  return { kind: 'file', bytes: Buffer.from(content), mode: 0o644, uid: 0, gid: 0 }
}

function machineOf(world: World, life: Life): Machine {
  const traitsOf = (name: string): Traits | undefined => life.traits[Number(name.slice(1))]
  const commandFault = (what: string): Fault => ({
    kind: 'command',
    message: `${what} failed with exit code 1`,
  })
  /** Puts new content into place. R4: no run may be judging the resource. */
  const place = ({ resource, spec, plan }: FileChange, isJudged: boolean): void => {
    const content = plan.why === 'remove' ? undefined : Buffer.from(plan.next.bytes).toString()
    world.put(spec.dest, content)
    world.placedAt.set(spec.dest, world.moment)
    if (spec.reloadCmd === undefined) world.commandAt.delete(spec.dest)
    else world.commandAt.set(spec.dest, spec.reloadCmd)
    for (const run of world.runs) {
      if (run.resources.has(resource) && isJudged) {
        world.broke('R4', `${resource} is placed while ${run.command} judges it`)
      }
    }
  }
  const putBack = (dest: string, former: Observed): void => {
    world.put(dest, former.kind === 'file' ? Buffer.from(former.bytes).toString() : undefined)
  }
  return {
    observe: async (dest) => observed(world, dest),
    async prepare(changes) {
      // Reads the units before the first pause, because the configuration may change while the work is under way.
      const units = new Map(changes.map(({ resource }) => [resource, world.unitOf(resource)]))
      const names = new Set(changes.map(({ resource }) => resource))
      const judged = new Set([...names].filter((name) => isJudged(traitsOf(name))))
      const isAtomic = [...names].some((name) => {
        const { group = false, groupCheck = false } = traitsOf(name) ?? {}
        return group || groupCheck
      })
      await world.moments('prepare', life)
      for (const change of changes) {
        if (change.plan.why === 'remove') continue
        if (!Buffer.from(change.plan.next.bytes).toString().startsWith('refused')) continue
        const { resource } = change
        return { ok: false, at: 'check', fault: commandFault('check_cmd'), resource }
      }
      const former = new Map(
        changes.map(({ spec }) => [
          spec.dest,
          {
            content: world.files.get(spec.dest),
            placed: world.placedAt.get(spec.dest),
            command: world.commandAt.get(spec.dest),
            at: world.moment,
          },
        ]),
      )
      for (const { resource, spec } of changes) {
        const before = world.files.get(spec.dest)
        if (before === undefined || !world.placedAt.has(spec.dest)) continue
        const unit = units.get(resource) ?? []
        if (unit.every((one) => world.isProved(one))) world.noteUnchallenged(spec.dest, before)
      }
      return {
        ok: true,
        sync: async () => undefined,
        discard: async () => undefined,
        async swap() {
          for (const change of changes) {
            await world.moments('rename', life)
            const { dest } = change.spec
            if (isAtomic) {
              const { resource } = change
              const files = world.unchecked.get(resource) ?? new Map<string, string | undefined>()
              if (!files.has(dest)) files.set(dest, former.get(dest)?.content)
              world.unchecked.set(resource, files)
            }
            place(change, judged.has(change.resource))
          }
          await world.moments('renamed', life)
          return {
            ok: true,
            files: changes.map(({ resource, spec, plan }) => ({
              resource,
              dest: spec.dest,
              why: plan.why,
              hash: plan.why === 'remove' ? '' : hashOf(plan.next.bytes),
              bytes: 0,
            })),
            durable: Promise.resolve(),
            async undo() {
              for (const { spec, plan, resource } of changes) {
                await world.moments('undo', life)
                putBack(spec.dest, plan.previous)
                world.unchecked.delete(resource)
                // The restored content was in place before, so no reload has to read it again.
                world.unplace(resource, spec.reloadCmd, former.get(spec.dest) ?? {})
              }
              return undefined
            },
          }
        },
      }
    },
    async restore(files) {
      for (const { dest, observed: former } of files) {
        await world.moments('restore', life)
        const before = world.files.get(dest)
        putBack(dest, former)
        if (world.files.get(dest) !== before) world.placedAt.set(dest, world.moment)
      }
      await world.moments('restored', life)
      return undefined
    },
    async groupCheck({ command }) {
      await world.moments('group check', life)
      const unit = world.unitOf(command.slice('check '.length))
      const isBad = unit.some((name) => world.files.get(destOf(name))?.startsWith('gbad'))
      await world.moments('group checked', life)
      const how = result(isBad ? 1 : 0)
      if (isBad) return { command, result: how, fault: commandFault('group_check_cmd') }
      return { command, result: how }
    },
    isRunning: () => true,
    async reload(command, terms) {
      await world.moments(`${command} reads`, life)
      const users = [...world.traits.entries()].filter(([, one]) => one?.command === command)
      const contents = users.map(([n]) => world.files.get(destOf(nameOf(n))) ?? '')
      const isVerified = terms.verify.length > 0
      const isBad = (content: string): boolean =>
        content.startsWith('bad') || (isVerified && content.startsWith('vbad'))
      const failed = world.isProgramBroken || contents.some(isBad)
      await world.moments(`${command} ends`, life)
      if (!failed) return { result: result(0) }
      return { result: result(1), fault: commandFault('reload_cmd') }
    },
    verify: async () => undefined,
    tryFiles: async () => undefined,
  }
}

function journalOf(world: World, life: Life): Journal {
  const owed = new Map(world.journal)
  return {
    owed,
    async owe(entries) {
      await world.moments('owe', life)
      for (const entry of entries) world.journal.set(entry.resource, entry)
      await world.moments('owed', life)
      for (const entry of entries) owed.set(entry.resource, entry)
      world.trace(`owed ${entries.map((one) => `${one.resource}:${one.commands.join()}`).join()}`)
      return ok(undefined)
    },
    async settle(resources) {
      world.trace(`settle ${resources.join()}`)
      for (const name of resources) owed.delete(name)
      for (const name of resources) world.journal.delete(name)
      await world.moments('settled', life)
      return ok(undefined)
    },
    verify: async () => ok(undefined),
    close: async () => undefined,
  }
}

function memoryOf(world: World, life: Life): Memory {
  const nothing: Remembered = { keys: new Map(), good: new Map() }
  return {
    get: async (resource) => world.records.get(resource) ?? nothing,
    has: (resource) => world.records.has(resource),
    async set(resource, change) {
      await world.moments('remember', life)
      world.records.set(resource, { ...(world.records.get(resource) ?? nothing), ...change })
      if ('undo' in change && change.undo === undefined) world.unchecked.delete(resource)
      await world.moments('remembered', life)
      return ok(undefined)
    },
  }
}

const manifestOf = (world: World): Manifest => ({
  of: async (resource) => ok(world.manifest.get(resource) ?? new Map()),
  will: async () => ok(undefined),
  made: async () => ok(undefined),
  gone: async () => ok(undefined),
  rewrite: async () => undefined,
})

export { destOf, keyOf, nameOf }
