// Applies a changed file to running HAProxy processes without a reload, where possible. Queries the state of the
// processes before and after the change. Records only the content last applied and the servers being removed.
import { setTimeout as pause } from 'node:timers/promises'
import type { Emit } from '../core/event.ts'
import { FaultError } from '../core/fault.ts'
import { AbsentError } from './client.ts'
import { pollDepartures } from './departures.ts'
import type { ReloadReason } from './difference.ts'
import { configurationOf, filesOf, settleAll, type LoadableFiles } from './files.ts'
import { applyChanges, identify } from './instance.ts'
import { LoadedFiles, type RecordStorage, type Loaded, type Process } from './loaded.ts'
import {
  isReplaced,
  planFor,
  verify,
  changeSummary,
  whyUnknown,
  type ChangeSummary,
} from './plan.ts'
import { Turns } from './turns.ts'

/** A configuration file and the processes that load it. */
export interface LoadTarget {
  readonly dest: string
  readonly sockets: readonly string[]
  /** Milliseconds for which a removed server may finish its connections. */
  readonly drain: number
  /** Paths of the resource's other files that the same command loads. */
  readonly others: readonly string[]
}

/** The files that one run of a reload command makes HAProxy load. */
export interface ReloadLoad {
  readonly targets: readonly LoadTarget[]
  /**
   * Names of changed resources without a target, or with for_each templates, whose set of files is not fixed. If there
   * is such a resource, a reload is needed.
   */
  readonly strangers: readonly string[]
}

export type RuntimeAttempt =
  | ({ readonly kind: 'applied' } & ChangeSummary)
  | { readonly kind: 'declined'; readonly reason: ReloadReason }

/** The state before a reload. */
export interface BeforeReload {
  readonly load: ReloadLoad
  /** By destination. */
  readonly files: ReadonlyMap<string, LoadableFiles>
  /** Process id by socket; null if no process listened on the socket. Sockets that did not answer have no entry. */
  readonly before: ReadonlyMap<string, string | null>
}

export interface RuntimeOptions {
  readonly keeper: RecordStorage
  readonly emit: Emit
  /** Called when a file needs a reload after all. */
  readonly stuck: (dest: string) => void
  /** True to wait for all work, so that nothing continues in the background. */
  readonly isOnetime: boolean
}

/** Poll interval for servers being removed, in milliseconds. */
const POLL = { first: 100, most: 1000 }
/**
 * After a change, reconfd checks repeatedly whether another HAProxy process is running, which may have read the
 * previous file. These are the waits before each check, in milliseconds. Their sum is longer than HAProxy takes to start.
 */
const LOOKS = [500, 1000, 2000, 4000, 8000, 16_000, 32_000]
/** Milliseconds to wait for the process that a reload starts: in a daemon, and in a onetime run. */
const RECOGNITION = { most: 60_000, onetime: 3000 }

export class Runtime {
  readonly #loaded: LoadedFiles
  readonly #turns = new Turns()
  readonly #closing = new AbortController()
  /** Current poll interval, by destination. */
  readonly #pollIntervals = new Map<string, number>()
  #byHand: ReadonlySet<string> = new Set()
  readonly #background = new Set<Promise<void>>()
  /** Number of operations begun, by destination. A newer operation ends the waits of older operations. */
  readonly #begun = new Map<string, number>()

  constructor(private readonly options: RuntimeOptions) {
    this.#loaded = new LoadedFiles(options.keeper, options.emit)
  }

  /** Applies the files without a reload if possible. An error from HAProxy declines the attempt. */
  async attempt({ targets, strangers }: ReloadLoad): Promise<RuntimeAttempt> {
    const changes = new Set<string>()
    const byHand = new Set<string>()
    const [stranger] = strangers
    if (stranger !== undefined)
      return declined('other-files', `the same command also loads files of ${stranger}`)
    for (const target of targets) {
      const number = this.#begin(target.dest)
      const attempt = await this.#turns.take(target.dest, () => this.#bring(target))
      if (attempt.kind === 'declined') return attempt
      if (!this.options.isOnetime) this.#start(this.#watchOver(target, number))
      for (const change of attempt.changes) changes.add(change)
      for (const server of attempt.byHand) byHand.add(server)
    }
    this.#logByHand(byHand)
    if (this.options.isOnetime) await Promise.all(this.#background)
    return { kind: 'applied', changes: [...changes], byHand: [...byHand] }
  }

  /** Returns the result that attempt() would return for this content, but changes nothing. */
  async plan(dest: string, sockets: readonly string[], content: string): Promise<RuntimeAttempt> {
    const loaded = await this.#loaded.get(dest)
    return declinedByFault(async () => {
      if (loaded === undefined) return { kind: 'declined', reason: await whyUnknown(sockets) }
      const planned = await planFor(sockets, loaded, content)
      if ('reason' in planned) return { kind: 'declined', reason: planned.reason }
      return { kind: 'applied', ...changeSummary(planned.plans) }
    })
  }

  /** Call before a reload. If the reload succeeds, call reloaded() afterwards. */
  async reloading(load: ReloadLoad): Promise<BeforeReload> {
    const files = new Map<string, LoadableFiles>()
    for (const target of load.targets) {
      const now = await filesOf(target)
      if (now !== undefined) files.set(target.dest, now)
      await this.forget(target.dest)
    }
    const sockets = new Set(load.targets.flatMap((target) => target.sockets))
    const before = new Map<string, string | null>()
    await Promise.all(
      [...sockets].map(async (socket) => {
        const id = await identify(socket).then(({ id }) => id, isAbsent)
        if (id !== undefined) before.set(socket, id)
      }),
    )
    return { load, files, before }
  }

  /**
   * Call after a successful reload. Waits for the new processes and records the content that they have loaded. A
   * daemon does this in the background.
   */
  async reloaded(mark: BeforeReload): Promise<void> {
    for (const target of mark.load.targets) this.#start(this.#recognise(target, mark))
    if (this.options.isOnetime) await Promise.all(this.#background)
  }

  /** Makes the next change to this file need a reload. */
  async forget(dest: string): Promise<void> {
    this.#begin(dest)
    // A record that cannot be deleted is harmless, because the reload replaces the process that the record describes.
    await this.#turns.take(dest, () => this.#loaded.forget(dest))
  }

  /** Resumes the removals that an earlier run of reconfd began. */
  async resume(dests: readonly string[]): Promise<void> {
    for (const dest of dests) {
      const loaded = await this.#loaded.get(dest)
      if (loaded !== undefined) this.#follow(dest, loaded)
    }
  }

  /** Stops the background work; the next start resumes the remaining removals. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.all(this.#background)
  }

  #begin(dest: string): number {
    const number = (this.#begun.get(dest) ?? 0) + 1
    this.#begun.set(dest, number)
    return number
  }

  #start(work: Promise<void>): void {
    const job = work.finally(() => this.#background.delete(job))
    this.#background.add(job)
  }

  async #bring(target: LoadTarget): Promise<RuntimeAttempt> {
    const { dest } = target
    const loaded = await this.#loaded.get(dest)
    if (loaded === undefined) {
      return declinedByFault(async () => {
        return { kind: 'declined', reason: await whyUnknown(target.sockets) }
      })
    }
    const files = await filesOf(target)
    if (files === undefined) return declined('other-files', `${dest} cannot be read`)
    const { content, others } = files
    const path = Object.keys({ ...loaded.others, ...others }).find(
      (one) => loaded.others[one] !== others[one],
    )
    if (path !== undefined) return declined('other-files', `${path} has also changed`)
    return declinedByFault(async () => {
      const planned = await planFor(target.sockets, loaded, content)
      if ('reason' in planned) return { kind: 'declined', reason: planned.reason }
      const { plans } = planned
      const done: RuntimeAttempt = { kind: 'applied', ...changeSummary(plans) }
      if (content === loaded.content && done.changes.length === 0) return done
      // If anything fails from here on, the record stays missing, so the next change needs a reload.
      const fault = await this.#loaded.forget(dest)
      if (fault !== undefined) return declined('state', fault.message)
      await settleAll(
        plans.map(({ socket, difference }) => applyChanges(socket, difference.changes)),
      )
      const until = Date.now() + target.drain
      const processes = await settleAll(
        plans.map((plan) => verify(plan, configurationOf(content), until)),
      )
      const next = { ...files, processes: Object.fromEntries(processes) }
      await this.#loaded.set(dest, next)
      this.#follow(dest, next)
      return done
    })
  }

  /**
   * Detects a process that was started before the change and answers only after it, because such a process may have
   * read the previous file.
   */
  async #watchOver({ dest, sockets }: LoadTarget, number: number): Promise<void> {
    for (const wait of LOOKS) {
      if (!(await this.#sleep(wait)) || this.#begun.get(dest) !== number) return
      const loaded = await this.#loaded.get(dest)
      if (loaded === undefined) return
      const replaced = sockets.map((socket) => isReplaced(socket, loaded))
      if (!(await Promise.all(replaced)).includes(true)) continue
      if (this.#begun.get(dest) === number)
        await this.#askForReload(dest, `another HAProxy process has not loaded ${dest}`)
      return
    }
  }

  async #askForReload(dest: string, why: string): Promise<void> {
    this.options.emit({ kind: 'notice', level: 'warn', message: `${why}: a reload follows` })
    await this.#loaded.forget(dest)
    this.options.stuck(dest)
  }

  /** Waits for the processes that a reload starts and records the content that these processes have loaded. */
  async #recognise(target: LoadTarget, { files: all, before }: BeforeReload): Promise<void> {
    const { dest, sockets } = target
    const files = all.get(dest)
    const number = this.#begin(dest)
    if (files === undefined || !sockets.every((socket) => before.has(socket))) return
    const most = this.options.isOnetime ? RECOGNITION.onetime : RECOGNITION.most
    const deadline = performance.now() + most
    for (let wait = 20; performance.now() < deadline; wait = Math.min(1000, wait * 1.5)) {
      const ids = await settleAll(sockets.map(identify)).catch(() => [])
      if (this.#begun.get(dest) !== number) return
      if (ids.length > 0 && ids.every(({ id }, n) => id !== before.get(sockets[n] ?? ''))) {
        const processes = ids.map(({ id }, n) => [sockets[n] ?? '', { id, leaving: [] }] as const)
        const next: Loaded = { ...files, processes: Object.fromEntries(processes) }
        await this.#turns.take(dest, () => this.#remember(target, next, number))
        return
      }
      if (!(await this.#sleep(wait))) return
    }
  }

  /**
   * Records the loaded content, unless the files have changed meanwhile, because HAProxy may then have loaded either
   * version.
   */
  async #remember(target: LoadTarget, next: Loaded, number: number): Promise<void> {
    const { content, others } = next
    const isSame = JSON.stringify(await filesOf(target)) === JSON.stringify({ content, others })
    if (isSame && this.#begun.get(target.dest) === number) await this.#loaded.set(target.dest, next)
  }

  /** Deletes removed servers in the background. */
  #follow(dest: string, { processes }: Loaded): void {
    if (Object.values(processes).every(({ leaving }) => leaving.length === 0)) return
    const isFollowed = this.#pollIntervals.has(dest)
    this.#pollIntervals.set(dest, POLL.first)
    if (!isFollowed) this.#start(this.#lookAfter(dest))
  }

  async #lookAfter(dest: string): Promise<void> {
    try {
      for (;;) {
        const wait = this.#pollIntervals.get(dest) ?? POLL.most
        if (!(await this.#sleep(wait))) return
        this.#pollIntervals.set(dest, Math.min(POLL.most, wait * 1.5))
        if (await this.#turns.take(dest, () => this.#proceed(dest))) return
      }
    } finally {
      this.#pollIntervals.delete(dest)
    }
  }

  /** Polls once. @returns whether polling can stop */
  async #proceed(dest: string): Promise<boolean> {
    const loaded = await this.#loaded.get(dest)
    if (loaded === undefined) return true
    const processes: Record<string, Process> = { ...loaded.processes }
    for (const [socket, process] of Object.entries(loaded.processes)) {
      if (process.leaving.length === 0) continue
      // A process that does not answer is polled again.
      const progress = await pollDepartures(socket, process, Date.now()).catch(() => undefined)
      if (progress === undefined) continue
      processes[socket] = { ...process, leaving: progress.leaving }
      this.#logDeleted(progress.deleted)
      if (progress.stuck === undefined) continue
      const why = `HAProxy does not delete ${progress.stuck}, which is no longer in ${dest}`
      await this.#askForReload(dest, why)
      return true
    }
    const isChanged = Object.keys(processes).some((socket) => {
      return processes[socket]?.leaving.length !== loaded.processes[socket]?.leaving.length
    })
    if (isChanged) await this.#loaded.set(dest, { ...loaded, processes })
    return Object.values(processes).every(({ leaving }) => leaving.length === 0)
  }

  #logDeleted(deleted: readonly string[]): void {
    if (deleted.length === 0) return
    const message = `deleted from HAProxy: ${deleted.join(', ')}`
    this.options.emit({ kind: 'notice', level: 'debug', message })
  }

  /** Logs each server once, as long as its state differs from the file. */
  #logByHand(servers: ReadonlySet<string>): void {
    for (const server of servers) {
      if (this.#byHand.has(server)) continue
      const message = `${server} stays in the state set by hand, which differs from the file`
      this.options.emit({ kind: 'notice', level: 'warn', message })
    }
    this.#byHand = servers
  }

  /** @returns false after close() */
  async #sleep(ms: number): Promise<boolean> {
    const { signal } = this.#closing
    return pause(ms, true, { signal }).catch(() => false)
  }
}

const declined = (code: string, text: string): RuntimeAttempt => ({
  kind: 'declined',
  reason: { code, text },
})

async function declinedByFault(attempt: () => Promise<RuntimeAttempt>): Promise<RuntimeAttempt> {
  try {
    return await attempt()
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    return declined('runtime-api', error.fault.message)
  }
}

/** Returns null if no process listens on a socket, undefined for any other failure. */
function isAbsent(error: unknown): null | undefined {
  if (!(error instanceof FaultError)) throw error
  return error instanceof AbsentError ? null : undefined
}
