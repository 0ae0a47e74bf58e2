// Recent activity for the status page: written files with their causes and diffs, and reloads. Memory is bounded: the
// number of entries and the total size of kept files are limited.
import type { Cause } from '../core/cause.ts'
import type { CommandResult, Event } from '../core/event.ts'
import type { Observed } from '../core/plan.ts'
import type { WrittenFile } from '../core/written.ts'
import { diffOf, masked, type FileDiff } from './hunks.ts'
import { settlement } from './runtime-words.ts'

const CHANGES_KEPT = 200
const RELOADS_KEPT = 1000
/** Milliseconds for which reloads are kept: the longest period that the chart shows. */
const RELOADS_FOR = 24 * 3600_000
/** Maximum runs kept for each resource. */
const RUNS_KEPT = 6
/** Maximum characters of a command's output. */
const OUTPUT_KEPT = 4096
/** Maximum total size of all kept files in bytes, counting the old and the new content. */
const CONTENTS_KEPT = 4 * 1024 * 1024
/** Times are milliseconds since the Unix epoch. */
export interface RecentChange {
  /** Increases with every change. */
  readonly id: number
  readonly at: number
  readonly resource: string
  readonly dest: string
  readonly why: WrittenFile['write']['why']
  readonly cause: Cause
  readonly sensitive: boolean
  readonly rolledBack: boolean
  /** Call only for viewers who may see file contents. The diff of a sensitive resource is masked. */
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
  /** With `[template.haproxy]`: the changes made without a reload, or why a reload was needed. */
  readonly how?: string
  /** True if HAProxy was changed at run time, so that the command did not run. */
  readonly isAtRunTime?: true
}

/** The last run of one command of a resource. */
export interface RecentRun extends Omit<RecentReload, 'resources'> {
  readonly what: 'check' | 'reload'
  /** The destination of the file that was checked. */
  readonly dest?: string
  /** The end of the command's output; masked for a sensitive resource. */
  readonly output: string
}

interface KeptChange extends RecentChange {
  /** Bytes kept for `diff`; 0 after the diff was computed or dropped. */
  size: () => number
  forget: () => void
}

export class RecentActivity {
  #id = 0
  // Newest first.
  #changes: readonly KeptChange[] = []
  #reloads: readonly RecentReload[] = []
  readonly #runs = new Map<string, readonly RecentRun[]>()

  get changes(): readonly RecentChange[] {
    return this.#changes
  }

  get reloads(): readonly RecentReload[] {
    return this.#reloads
  }

  /** The last run of each command, newest first. */
  readonly runsOf = (resource: string): readonly RecentRun[] => this.#runs.get(resource) ?? []

  note(event: Event, time: number): void {
    switch (event.kind) {
      case 'generation-loaded':
        for (const name of this.#runs.keys()) if (!event.uses.has(name)) this.#runs.delete(name)
        return
      case 'checked': {
        const { resource, dest, command, result } = event
        const succeeded = result.exitCode === 0 && !result.timedOut
        this.#ran({ what: 'check', command, dest, succeeded, at: time }, [resource], result)
        return
      }
      case 'reloaded':
      case 'reload-owed': {
        const { resources, command, result } = event
        const succeeded = event.kind === 'reloaded'
        const about = { command, succeeded, at: time, ...settlement(event) }
        const { id } = this.#ran({ what: 'reload', ...about }, resources, result)
        const { exitCode, signal, timedOut, duration } = result
        const reload = { id, resources, ...about, exitCode, signal, timedOut, duration }
        this.#reloads = [reload, ...this.#reloads]
          .slice(0, RELOADS_KEPT)
          .filter(({ at }) => at > time - RELOADS_FOR)
        return
      }
    }
  }

  #ran(
    about: Pick<
      RecentRun,
      'what' | 'command' | 'dest' | 'succeeded' | 'at' | 'how' | 'isAtRunTime'
    >,
    resources: readonly string[],
    { exitCode, signal, timedOut, duration, output }: CommandResult,
  ): RecentRun {
    const ended = { exitCode, signal, timedOut, duration, output: output.slice(-OUTPUT_KEPT) }
    const run = { id: ++this.#id, ...about, ...ended }
    const isSame = ({ what, command, dest }: RecentRun): boolean =>
      what === about.what && command === about.command && dest === about.dest
    for (const name of resources) {
      const others = this.runsOf(name).filter((one) => !isSame(one))
      this.#runs.set(name, [run, ...others].slice(0, RUNS_KEPT))
    }
    return run
  }

  /** Call when the files are in place. */
  wrote(files: readonly WrittenFile[], time: number): void {
    const fresh = files.map((file) => this.#kept(file, time)).toReversed()
    this.#changes = [...fresh, ...this.#changes].slice(0, CHANGES_KEPT)
    let size = 0
    for (const change of this.#changes) {
      size += change.size()
      if (size > CONTENTS_KEPT) change.forget()
    }
  }

  #kept(file: WrittenFile, at: number): KeptChange {
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
      // Computed on first use, so a page that nobody opens costs nothing.
      diff: () => {
        if (contents !== undefined) made = diffOf(contents)
        contents = undefined
        made ??= { kind: 'none', why: 'too large to keep' }
        return sensitive ? masked(made) : made
      },
      size: () => (contents === undefined ? 0 : contentSize(contents)),
      forget: () => (contents = undefined),
    }
  }
}

const observedSize = (observed: Observed): number =>
  observed.kind === 'file' ? observed.bytes.length : 0

const contentSize = (write: WrittenFile['write']): number =>
  observedSize(write.previous) + (write.why === 'remove' ? 0 : write.next.bytes.length)
