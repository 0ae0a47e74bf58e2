// A machine that exists only here, for the interleaving test: files, a store, programs that read files when
// they are reloaded, a state directory, and a clock. Every operation takes place at a moment that the
// scheduler chooses and is answered at a later one, so a kill can fall between any two of them. What
// happens is held against the rules of the reload protocol (docs/architecture.md) as it happens.
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

/** How one resource is configured; its name, its key and its destination follow from its number. */
export interface Traits {
  readonly command: 'c1' | 'c2' | 'none'
  readonly policy: 'retry' | 'rollback' | 'verify'
  readonly group: boolean
  readonly groupCheck: boolean
  readonly minInterval: number
  readonly splay: number
  /** Something stands at the destination before reconfd first writes it. */
  readonly hasFormer: boolean
}

/**
 * Contents say what becomes of them: `bad`: its reload fails; `vbad`: its verification; `refused`: its
 * check; `gbad`: its group's check; `broken`: it cannot be rendered; `ok`: all is well.
 */
export const kinds = ['ok', 'ok', 'ok', 'bad', 'vbad', 'refused', 'gbad', 'broken'] as const
export type Kind = (typeof kinds)[number]

const isJudged = (
  { command, policy }: Pick<Traits, 'command' | 'policy'> = { command: 'none', policy: 'retry' },
): boolean => command !== 'none' && policy !== 'retry'

/** Resources have no hold-down here. */
const noHeldKeys = { all: async () => new Map(), set: async () => ok(undefined) }

const nameOf = (n: number): string => `r${n}`
const destOf = (name: string): string => `/out/${name}`
const keyOf = (name: string): Key => `/${name}`

interface ProgramRun {
  readonly command: string
  readonly resources: ReadonlySet<string>
  readonly start: number
}

/** What stood at a destination before a change. */
interface FormerState {
  readonly content: string | undefined
  readonly placed: number | undefined
  readonly command: string | undefined
  readonly at: number
}

/** What a kill does not touch. */
export class World {
  now = 0
  /** Counts everything that happens. */
  moment = 0
  readonly files = new Map<string, string>()
  readonly journal = new Map<string, Owed>()
  readonly records = new Map<string, Remembered>()
  readonly manifest = new Map<string, Map<string, MadeFile>>()
  tree: Tree = emptyTree
  isStoreReachable = true
  traits: (Traits | undefined)[]
  life: Life | undefined
  /** Reloads fail, whatever the files hold. */
  isProgramBroken = false
  readonly timers = new Set<{ readonly at: number; readonly call: () => void }>()
  readonly faults: string[] = []
  /** The log of all steps, to understand a failure. */
  readonly story: string[] = []

  /** The expectations from here on. */
  readonly placedAt = new Map<string, number>()
  /** By destination, the command that has to read its newest content: that of its placement. */
  readonly commandAt = new Map<string, string>()
  /** By destination, when its last command was taken out of conf.d. */
  readonly freedAt = new Map<string, number>()
  /**
   * By resource, when the last run began that was for it, succeeded and was acknowledged, by the command that was
   * configured then. Read once is read for good, whatever the configuration becomes.
   */
  readonly readFrom = new Map<string, number>()
  readonly original = new Map<string, string | undefined>()
  /** By destination, the newest content that was proved. */
  readonly proved = new Map<string, string>()
  readonly provedAlone = new Map<string, string | undefined>()
  hasRegrouped = false
  /** Contents that no reload had to read, by destination: they count as proved. */
  readonly unchallenged = new Map<string, Set<string>>()
  readonly runs = new Set<ProgramRun>()
  /** By resource whose placement is under way, what it will owe. */
  readonly placing = new Map<string, readonly string[]>()
  /** Changes whose group was not checked yet, by resource what stood there before. */
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

  /** A moment passes that the scheduler chooses. Never returns to a life that was killed meanwhile. */
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

  /** R3: what an earlier life recorded has to be read, though it is not known what that was. */
  inherit(): void {
    for (const [name, { commands }] of this.journal) {
      const [command] = commands
      if (command === undefined || this.commandAt.has(destOf(name))) continue
      this.commandAt.set(destOf(name), command)
      this.placedAt.set(destOf(name), ++this.moment)
    }
  }

  /** What stands there now was there before: no reload has to read it again, unless one ran meanwhile. */
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
    // The programs continue, but their ends are not reported.
    this.runs.clear()
  }

  async start(): Promise<void> {
    if (this.life !== undefined) return
    const life = new Life(this)
    this.life = life
    this.lives++
    await life.begin()
  }

  /** Moves the clock to the next timer at least. False when there is none. */
  advance(ms: number): boolean {
    const next = Math.min(...[...this.timers].map(({ at }) => at))
    if (next === Infinity) return false
    this.now = Math.max(this.now + ms, next)
    for (const timer of [...this.timers].sort((a, b) => a.at - b.at)) {
      if (timer.at <= this.now && this.timers.delete(timer)) timer.call()
    }
    return true
  }

  /** A rename, or what undoes one. */
  put(dest: string, content: string | undefined): void {
    this.moment++
    this.trace(`put ${dest} ${content}`)
    if (content === undefined) this.files.delete(dest)
    else this.files.set(dest, content)
  }

  /** R1, at every moment: what no successful reload has read is recorded. */
  check(): void {
    for (const [dest, placed] of this.placedAt) {
      const name = dest.slice('/out/'.length)
      // Nothing is left to run, now or later.
      if (this.atWork(name)?.command === 'none') {
        this.commandAt.delete(dest)
        this.freedAt.set(dest, this.moment)
        const content = this.files.get(dest)
        if (content !== undefined) this.noteUnchallenged(dest, content)
      }
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

  noteUnchallenged(dest: string, content: string): void {
    const contents = this.unchallenged.get(dest) ?? new Set()
    this.unchallenged.set(dest, contents.add(content))
  }

  /** Edits conf.d; undefined: the resource is removed. */
  configure(n: number, traits: Traits | undefined): void {
    this.hasRegrouped ||= this.traits[n]?.group !== traits?.group
    this.traits[n] = traits
  }

  traitsOf(name: string): Traits | undefined {
    return this.traits[Number(name.slice(1))]
  }

  /** As the program knows it, which a signal may not have reached. */
  atWork(name: string): Traits | undefined {
    return (this.life?.traits ?? this.traits)[Number(name.slice(1))]
  }

  /** The resources that change together with this one. */
  unitOf(name: string): string[] {
    const names = [...this.traits.keys()].map(nameOf)
    if (this.atWork(name)?.group !== true) return [name]
    return names.filter((one) => this.atWork(one)?.group === true)
  }

  /** Every reload that must read the files in place has done so. */
  isProved(name: string): boolean {
    const dest = destOf(name)
    const command = this.commandAt.get(dest)
    return command === undefined || this.isRead(name, this.placedAt.get(dest) ?? -1)
  }

  private isRead(name: string, placed: number): boolean {
    return (this.readFrom.get(name) ?? -1) > placed
  }
}

/** Knows which placements are under way. */
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

/** One life of the program: what a kill ends. */
export class Life {
  readonly journal: Journal
  readonly board: StatusBoard
  readonly events: Event[] = []
  /** The last reported status. */
  traits: readonly (Traits | undefined)[] = []
  readonly #worker: Worker
  readonly #parts: Parts
  readonly #clock: Clock
  #isRead = false
  /** The tree as this life knows it. */
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

  /** No run of its command before it is demanded: the program of exec mode does not run. */
  suspend(name: string): void {
    const command = this.#commandOf(name)
    if (command === undefined || !this.#isAdopted || this.#isEnding) return
    this.#suspended.add(command)
    this.#worker.suspend(command)
  }

  /** The program is started: its reload runs, whether or not it is owed. */
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

  /** SIGTERM. */
  async end(): Promise<void> {
    this.#isEnding = true
    await this.#worker.stop()
    if (this.world.life === this) this.world.kill()
  }

  #adopt(resources: readonly Resource[]): void {
    const tree = (): Tree => this.#tree
    this.traits = [...this.world.traits]
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
      // A command that is not configured any more counts for nothing.
      if (world.atWork(name)?.command !== command) continue
      world.readFrom.set(name, Math.max(world.readFrom.get(name) ?? -1, start))
    }
    for (const name of resources) {
      // A resource removed from conf.d keeps its debt, whatever runs meanwhile.
      if (this.traits[Number(name.slice(1))] === undefined) continue
      // What changes together is proved together. Where a group has just changed, by itself counts too.
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
    // One that is removed from conf.d meanwhile has no status.
    if (this.#traitsOf(resource) !== undefined) this.#checkStatus(resource)
  }

  /** R7: status describes the content in place. */
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
  /** A new content comes into place: R2 and R4 look at what runs. */
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
      // As the resources are configured when the work on them begins.
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
                // What stands there now was there before: no reload has to read it again.
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
