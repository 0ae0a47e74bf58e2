// What has happened of late, for the status page: the files that were written, each with the keys that
// caused it and what changed in it, and the reloads. What is kept is bounded, contents by their size.
import type { Cause } from '../core/cause.ts'
import type { CommandResult, Event } from '../core/event.ts'
import type { Observed } from '../core/plan.ts'
import type { WrittenFile } from '../core/written.ts'
import { diffOf, masked, type FileDiff } from './hunks.ts'
import { settledHow } from './runtime-words.ts'

const CHANGES_KEPT = 200
const RELOADS_KEPT = 1000
/** Milliseconds: no window of the page is longer. */
const RELOADS_FOR = 24 * 3600_000
/** Of each resource. */
const RUNS_KEPT = 6
/** Characters of what a command printed. */
const OUTPUT_KEPT = 4096
/** Bytes of all contents together, the former and the new ones. */
const CONTENTS_KEPT = 4 * 1024 * 1024
/** Times are milliseconds since 1970. */
export interface RecentChange {
  /** Counts up. */
  readonly id: number
  readonly at: number
  readonly resource: string
  readonly dest: string
  readonly why: WrittenFile['write']['why']
  readonly cause: Cause
  readonly sensitive: boolean
  readonly rolledBack: boolean
  /** For those who may see contents; of a sensitive resource it is masked. */
  readonly diff: () => FileDiff
}

export interface RecentReload {
  readonly id: number
  readonly at: number
  readonly resources: readonly string[]
  readonly command: string
  readonly succeeded: boolean
  readonly exitCode: number | null
  readonly signal: string | null
  readonly timedOut: boolean
  /** Milliseconds. */
  readonly duration: number
  /** With `[template.haproxy]`: that the command did not run, or why it had to. */
  readonly how?: string
}

/** The last run of a command of a resource. */
export interface RecentRun extends Omit<RecentReload, 'resources'> {
  readonly what: 'check' | 'reload'
  /** The end of what it printed; of a sensitive resource nothing. */
  readonly output: string
}

interface Kept extends RecentChange {
  /** Of what `diff` needs; 0 once it was made or let go. */
  size: () => number
  forget: () => void
}

export class Recent {
  #id = 0
  /** The newest first, both. */
  #changes: readonly Kept[] = []
  #reloads: readonly RecentReload[] = []
  readonly #runs = new Map<string, readonly RecentRun[]>()

  get changes(): readonly RecentChange[] {
    return this.#changes
  }

  get reloads(): readonly RecentReload[] {
    return this.#reloads
  }

  /** The last run of each command, the newest first. */
  readonly runsOf = (resource: string): readonly RecentRun[] => this.#runs.get(resource) ?? []

  note(event: Event, time: number): void {
    switch (event.kind) {
      case 'generation-loaded':
        for (const name of this.#runs.keys()) if (!event.uses.has(name)) this.#runs.delete(name)
        return
      case 'checked': {
        const { resource, command, result } = event
        const succeeded = result.exitCode === 0 && !result.timedOut
        this.#ran('check', [resource], command, result, succeeded, time)
        return
      }
      case 'reloaded':
      case 'reload-owed': {
        const { resources, command, result } = event
        const succeeded = event.kind === 'reloaded'
        const { id } = this.#ran('reload', resources, command, result, succeeded, time)
        const { exitCode, signal, timedOut, duration } = result
        const about = { id, at: time, resources, command, succeeded }
        const how = settledHow(event)
        const ended = { exitCode, signal, timedOut, duration }
        const reload = { ...about, ...ended, ...(how === undefined ? {} : { how }) }
        this.#reloads = [reload, ...this.#reloads]
          .slice(0, RELOADS_KEPT)
          .filter(({ at }) => at > time - RELOADS_FOR)
        return
      }
    }
  }

  #ran(
    what: RecentRun['what'],
    resources: readonly string[],
    command: string,
    { exitCode, signal, timedOut, duration, output: all }: CommandResult,
    succeeded: boolean,
    at: number,
  ): RecentRun {
    const output = all.slice(-OUTPUT_KEPT)
    const about = { id: ++this.#id, at, what, command, succeeded, output }
    const run = { ...about, exitCode, signal, timedOut, duration }
    for (const name of resources) {
      const others = this.runsOf(name).filter((one) => one.what !== what || one.command !== command)
      this.#runs.set(name, [run, ...others].slice(0, RUNS_KEPT))
    }
    return run
  }

  /** These files are in place now. */
  wrote(files: readonly WrittenFile[], time: number): void {
    const fresh = files.map((file) => this.#kept(file, time)).toReversed()
    this.#changes = [...fresh, ...this.#changes].slice(0, CHANGES_KEPT)
    let size = 0
    for (const change of this.#changes) {
      size += change.size()
      if (size > CONTENTS_KEPT) change.forget()
    }
  }

  #kept(file: WrittenFile, at: number): Kept {
    const { resource, dest, sensitive, write, cause, rolledBack = false } = file
    let contents: WrittenFile['write'] | undefined = write
    let made: FileDiff | undefined
    return {
      id: ++this.#id,
      at,
      resource,
      dest,
      why: write.why,
      cause,
      sensitive,
      rolledBack,
      // Made when somebody looks: a daemon that nobody looks at does not pay for it.
      diff: () => {
        if (contents !== undefined) made = diffOf(contents)
        contents = undefined
        made ??= { kind: 'none', why: 'too large to be kept' }
        return sensitive ? masked(made) : made
      },
      size: () => (contents === undefined ? 0 : sizeOf(contents)),
      forget: () => (contents = undefined),
    }
  }
}

const bytesOf = (observed: Observed): number =>
  observed.kind === 'file' ? observed.bytes.length : 0

const sizeOf = (write: WrittenFile['write']): number =>
  bytesOf(write.previous) + (write.why === 'remove' ? 0 : write.next.bytes.length)
