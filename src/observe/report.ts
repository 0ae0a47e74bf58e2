// The report of a onetime run: what each resource read, changed, checked and reloaded, and its duration. Derived from
// the event stream, for `-report` and the final table.
import type { CommandResult, Emit, Event } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Reads } from '../core/reads.ts'
import { Progress } from './progress.ts'
import type { ResourceProgress } from './resource-progress.ts'

export type ResourceResult = 'in sync' | 'changed' | 'pending' | 'held' | 'failed' | 'not tried'

/** A command that ran. Times are in milliseconds. */
export interface RanCommand {
  readonly command: string
  readonly succeeded: boolean
  readonly exitCode: number | null
  readonly timedOut: boolean
  readonly duration: number
}

export interface ResourceReport {
  readonly name: string
  readonly result: ResourceResult
  /** Full names of everything looked up, hits and misses; a pattern counts as one. */
  readonly read: { readonly count: number; readonly names: readonly string[] }
  readonly files: readonly FileReport[]
  readonly checks: readonly RanCommand[]
  readonly reloads: readonly RanCommand[]
  /** Whether a reload has failed and is still owed. */
  readonly reloadOwed: boolean
  /** Why the resource failed or is held. */
  readonly faults: readonly Fault[]
  /** Milliseconds from the first event of the resource to the last. */
  readonly duration: number
}

export interface FileReport {
  readonly dest: string
  /** `none` if the file is in sync. */
  readonly change: 'none' | 'create' | 'content' | 'metadata' | 'remove'
  /** Whether the change was placed. False with -noop, for a held change, and after a failure. */
  readonly written: boolean
}

/** Times are ISO 8601, UTC. */
export interface RunReport {
  readonly version: string
  readonly started: string
  readonly ended: string
  /** Milliseconds. */
  readonly duration: number
  readonly exit: number
  readonly stores: readonly {
    readonly name: string
    readonly node: string
    readonly keys: number
  }[]
  /** Why the run could not start or continue. */
  readonly faults: readonly Fault[]
  readonly resources: readonly ResourceReport[]
}

/** Maximum number of names listed per resource; the others are only counted. */
const MAX_NAMES = 100

/** Data for the report that `Progress` does not contain. */
interface FileWork {
  readonly files: Map<string, FileReport>
  readonly checks: RanCommand[]
  readonly reloads: RanCommand[]
  first: number
  last: number
}

export class ReportBuilder {
  readonly #started = new Date()
  readonly #progress = new Progress()
  readonly #work = new Map<string, FileWork>()

  constructor(
    private readonly version: string,
    private readonly now: () => Date = () => new Date(),
  ) {}

  readonly emit: Emit = (event) => {
    this.#progress.note(event, Date.now())
    this.#note(event)
  }

  finished(exit: number, faults: readonly Fault[]): RunReport {
    const ended = this.now()
    return {
      version: this.version,
      started: this.#started.toISOString(),
      ended: ended.toISOString(),
      duration: ended.getTime() - this.#started.getTime(),
      exit,
      stores: [...this.#progress.stores.values()].flatMap(({ state, name, node = '', keys = 0 }) =>
        state === 'waiting' ? [] : [{ name, node, keys }],
      ),
      faults,
      resources: [...this.#progress.resources.values()]
        .map((one) => reportOf(one, this.#of(one.name)))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    }
  }

  #note(event: Event): void {
    switch (event.kind) {
      case 'in-sync':
        return this.#file(event.resource, { dest: event.dest, change: 'none', written: false })
      case 'out-of-sync':
        return this.#file(event.resource, { dest: event.dest, change: event.why, written: false })
      case 'written':
        return this.#file(event.resource, { dest: event.dest, change: event.why, written: true })
      case 'checked':
        this.#touch(event.resource).checks.push(ran(event.command, event.result))
        return
      case 'reloaded':
      case 'reload-owed':
        for (const name of event.resources) {
          if (event.kind === 'reloaded' && event.runtime !== undefined) this.#touch(name)
          else this.#touch(name).reloads.push(ran(event.command, event.result))
        }
        return
      case 'rendered':
      case 'held':
      case 'failed':
        this.#touch(event.resource)
    }
  }

  #file(resource: string, file: FileReport): void {
    this.#touch(resource).files.set(file.dest, file)
  }

  #touch(name: string): FileWork {
    const one = this.#of(name)
    const now = performance.now()
    one.first = Math.min(one.first, now)
    one.last = now
    return one
  }

  #of(name: string): FileWork {
    const known = this.#work.get(name)
    if (known !== undefined) return known
    const one: FileWork = { files: new Map(), checks: [], reloads: [], first: Infinity, last: 0 }
    this.#work.set(name, one)
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

function reportOf(one: ResourceProgress, work: FileWork): ResourceReport {
  const files = [...work.files.values()]
  const { checks, reloads, first, last } = work
  const names = new Set((one.reads ?? []).flatMap(namesIn))
  return {
    name: one.name,
    result: resultOf(one, files),
    read: { count: names.size, names: [...names].sort().slice(0, MAX_NAMES) },
    files,
    checks,
    reloads,
    reloadOwed: isOwed(one),
    faults: resourceFaults(one),
    duration: Math.round(Math.max(0, last - first)),
  }
}

const isOwed = ({ reload }: ResourceProgress): boolean =>
  reload !== undefined && reload.event.kind !== 'reload-started'

/** The resource's own problem; waiting for another resource of its group does not count. */
const ownProblem = ({ problem }: ResourceProgress) =>
  problem?.event.kind === 'waits' ? undefined : problem

function resourceFaults(one: ResourceProgress): readonly Fault[] {
  const faults: Fault[] = []
  const event = ownProblem(one)?.event
  if (event?.kind === 'held') faults.push({ kind: 'config', message: event.reason })
  else if (event !== undefined && 'fault' in event) faults.push(event.fault)
  const reload = one.reload?.event
  if (reload !== undefined && 'fault' in reload) faults.push(reload.fault)
  return faults
}

function resultOf(one: ResourceProgress, files: readonly FileReport[]): ResourceResult {
  const problem = ownProblem(one)
  if (isOwed(one)) return 'failed'
  if (problem !== undefined) return problem.kind
  if (files.length === 0) return 'not tried'
  if (files.some(({ written }) => written)) return 'changed'
  return files.some(({ change }) => change !== 'none') ? 'pending' : 'in sync'
}
