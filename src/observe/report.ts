// The report of a onetime run: for each resource what it read, what was changed, checked and reloaded,
// and how long it took. A listener of the event stream; for `-report` and for the table at the end.
import type { CommandResult, Emit, Event } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Reads } from '../core/reader.ts'

export type Result = 'in sync' | 'changed' | 'pending' | 'held' | 'failed' | 'not tried'

/** A command that was run. Times in milliseconds. */
export interface RanCommand {
  readonly command: string
  readonly succeeded: boolean
  readonly exitCode: number | null
  readonly timedOut: boolean
  readonly duration: number
}

export interface ResourceReport {
  readonly name: string
  readonly result: Result
  /** What it looked up, hits and misses alike, the prefix included; a pattern counts as one. */
  readonly read: { readonly count: number; readonly names: readonly string[] }
  readonly files: readonly FileReport[]
  readonly checks: readonly RanCommand[]
  readonly reloads: readonly RanCommand[]
  /** A reload that is due and has not succeeded. */
  readonly reloadOwed: boolean
  /** Why it failed or is held. */
  readonly faults: readonly Fault[]
  /** From its first to its last event, in milliseconds. */
  readonly duration: number
}

export interface FileReport {
  readonly dest: string
  /** `none`: it is what it should be. */
  readonly change: 'none' | 'create' | 'content' | 'metadata' | 'remove'
  /** False with -noop, and when something failed before. */
  readonly written: boolean
}

/** Times are ISO 8601, UTC. */
export interface RunReport {
  readonly version: string
  readonly started: string
  readonly ended: string
  /** In milliseconds. */
  readonly duration: number
  readonly exit: number
  readonly stores: readonly {
    readonly name: string
    readonly node: string
    readonly keys: number
  }[]
  /** Why the run could not begin or go on. */
  readonly faults: readonly Fault[]
  readonly resources: readonly ResourceReport[]
}

/** How many names of what was read are told; the rest is counted. */
const NAMES_TOLD = 100

interface Growing {
  result: Result
  read: Set<string>
  files: Map<string, FileReport>
  checks: RanCommand[]
  reloads: RanCommand[]
  reloadOwed: boolean
  faults: Fault[]
  first: number
  last: number
}

export class Report {
  readonly #started = new Date()
  readonly #resources = new Map<string, Growing>()
  readonly #stores = new Map<string, RunReport['stores'][number]>()

  constructor(
    private readonly version: string,
    private readonly now: () => Date = () => new Date(),
  ) {}

  readonly emit: Emit = (event) => this.#take(event)

  finished(exit: number, faults: readonly Fault[]): RunReport {
    const ended = this.now()
    return {
      version: this.version,
      started: this.#started.toISOString(),
      ended: ended.toISOString(),
      duration: ended.getTime() - this.#started.getTime(),
      exit,
      stores: [...this.#stores.values()],
      faults,
      resources: [...this.#resources]
        .map(([name, one]) => reportOf(name, one))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    }
  }

  #take(event: Event): void {
    switch (event.kind) {
      case 'started':
        for (const name of event.uses.keys()) this.#of(name)
        return
      case 'store-live':
        this.#stores.set(event.store, { name: event.store, node: event.node, keys: event.keys })
        return
      case 'rendered':
        for (const reads of event.reads)
          for (const name of namesIn(reads)) this.#touch(event.resource).read.add(name)
        return
      case 'in-sync':
        this.#file(event.resource, { dest: event.dest, change: 'none', written: false })
        return
      case 'out-of-sync':
        this.#file(event.resource, { dest: event.dest, change: event.why, written: false })
        return
      case 'written':
        this.#file(event.resource, { dest: event.dest, change: event.why, written: true })
        return
      case 'checked':
        this.#touch(event.resource).checks.push(ran(event.command, event.result))
        return
      case 'reloaded':
        for (const name of event.resources) {
          const one = this.#touch(name)
          if (event.runtime === undefined) one.reloads.push(ran(event.command, event.result))
          one.reloadOwed = false
        }
        return
      case 'reload-owed':
        for (const name of event.resources) this.#owe(name, event)
        return
      case 'held': {
        const one = this.#touch(event.resource)
        one.result = 'held'
        one.faults.push({ kind: 'config', message: event.reason })
        return
      }
      case 'failed': {
        const one = this.#touch(event.resource)
        one.result = 'failed'
        one.faults.push(event.fault)
      }
    }
  }

  #owe(name: string, event: Extract<Event, { kind: 'reload-owed' }>): void {
    const one = this.#touch(name)
    one.reloadOwed = true
    one.result = 'failed'
    if (event.result !== undefined) one.reloads.push(ran(event.command, event.result))
    one.faults.push(event.fault)
  }

  #file(resource: string, file: FileReport): void {
    this.#touch(resource).files.set(file.dest, file)
  }

  #touch(name: string): Growing {
    const one = this.#of(name)
    const now = performance.now()
    one.first = Math.min(one.first, now)
    one.last = now
    return one
  }

  #of(name: string): Growing {
    const known = this.#resources.get(name)
    if (known !== undefined) return known
    const one: Growing = {
      result: 'not tried',
      read: new Set(),
      files: new Map(),
      checks: [],
      reloads: [],
      reloadOwed: false,
      faults: [],
      first: Infinity,
      last: 0,
    }
    this.#resources.set(name, one)
    return one
  }
}

const namesIn = ({ keys, trees, listings, patterns }: Reads): readonly string[] =>
  [keys, trees, listings, patterns].flatMap((names) => [...names].map(String))

const ran = (
  command: string,
  { exitCode, signal, timedOut, duration }: CommandResult,
): RanCommand => ({
  command,
  succeeded: exitCode === 0 && signal === null && !timedOut,
  exitCode,
  timedOut,
  duration,
})

function reportOf(name: string, one: Growing): ResourceReport {
  const files = [...one.files.values()]
  const { checks, reloads, reloadOwed, faults } = one
  return {
    name,
    result: one.result === 'not tried' ? resultOf(files) : one.result,
    read: { count: one.read.size, names: [...one.read].sort().slice(0, NAMES_TOLD) },
    files,
    checks,
    reloads,
    reloadOwed,
    faults,
    duration: Math.round(Math.max(0, one.last - one.first)),
  }
}

function resultOf(files: readonly FileReport[]): Result {
  if (files.length === 0) return 'not tried'
  if (files.some(({ written }) => written)) return 'changed'
  return files.some(({ change }) => change !== 'none') ? 'pending' : 'in sync'
}
