// Brings running HAProxy processes to the content of their file without a reload, where that can be done. What they
// are like is asked before and afterwards; what is remembered is only which process was brought to which content.
import { setTimeout as pause } from 'node:timers/promises'
import type { Emit } from '../core/event.ts'
import { FaultError } from '../core/fault.ts'
import { AbsentError } from './client.ts'
import { proceed } from './departures.ts'
import type { Reason } from './difference.ts'
import { configurationOf, filesOf, settleAll, type Files } from './files.ts'
import { carryOut, identify } from './instance.ts'
import { LoadedFiles, type Keeper, type Loaded, type Process } from './loaded.ts'
import { planFor, proved, summaryOf, type Summary } from './plan.ts'
import { Turns } from './turns.ts'

/** A file and the processes that load it. */
export interface Target {
  readonly dest: string
  readonly sockets: readonly string[]
  /** How long a removed server may finish its connections, in milliseconds. */
  readonly drain: number
  /** The paths of the other files of its resource that the same command loads. */
  readonly others: readonly string[]
}

/** What one run of a reload command loads. */
export interface Load {
  readonly targets: readonly Target[]
  /** Further resources whose files it loads: they have changed as well, or their files come and go. */
  readonly strangers: readonly string[]
}

export type Attempt =
  ({ readonly kind: 'applied' } & Summary) | { readonly kind: 'declined'; readonly reason: Reason }

/** How everything was before a reload. */
export interface Mark {
  readonly load: Load
  /** By destination. */
  readonly files: ReadonlyMap<string, Files>
  /** By socket; null: nobody listened. Those that did not answer are missing. */
  readonly before: ReadonlyMap<string, string | null>
}

export interface RuntimeOptions {
  readonly keeper: Keeper
  readonly emit: Emit
  /** HAProxy does not delete a server: its file has to be reloaded. */
  readonly stuck: (dest: string) => void
  /** Nothing goes on in the background: what takes time is waited for. */
  readonly isOnetime: boolean
}

/** Milliseconds between two looks at servers that are leaving. */
const LOOKS = { first: 100, most: 1000 }
/** How long the process that a reload has started is awaited, in milliseconds; in a onetime run. */
const RECOGNITION = { most: 60_000, onetime: 3000 }

export class Runtime {
  readonly #loaded: LoadedFiles
  readonly #turns = new Turns()
  readonly #closing = new AbortController()
  /** By destination: the pause until the next look at what is leaving. */
  readonly #looks = new Map<string, number>()
  #byHand: ReadonlySet<string> = new Set()
  readonly #background = new Set<Promise<void>>()
  /** Counts what was begun with each destination: an older recognition ends. */
  readonly #begun = new Map<string, number>()

  constructor(private readonly options: RuntimeOptions) {
    this.#loaded = new LoadedFiles(options.keeper, options.emit)
  }

  /** Never rejects for what HAProxy does. */
  async attempt({ targets, strangers }: Load): Promise<Attempt> {
    const changes = new Set<string>()
    const byHand = new Set<string>()
    const [stranger] = strangers
    if (stranger !== undefined)
      return declined('other-files', `files of ${stranger} are loaded by the same command`)
    for (const target of targets) {
      this.#begin(target.dest)
      const attempt = await this.#turns.take(target.dest, () => this.#bring(target))
      if (attempt.kind === 'declined') return attempt
      for (const change of attempt.changes) changes.add(change)
      for (const server of attempt.byHand) byHand.add(server)
    }
    this.#tellByHand(byHand)
    if (this.options.isOnetime) await Promise.all(this.#background)
    return { kind: 'applied', changes: [...changes], byHand: [...byHand] }
  }

  /** What an attempt would do with this content, by a look at the processes alone. */
  async plan(dest: string, sockets: readonly string[], content: string): Promise<Attempt> {
    const loaded = await this.#loaded.get(dest)
    if (loaded === undefined) return UNKNOWN_CONTENT
    return declinedByFault(async () => {
      const planned = await planFor(sockets, loaded, content)
      if ('reason' in planned) return { kind: 'declined', reason: planned.reason }
      return { kind: 'applied', ...summaryOf(planned.plans) }
    })
  }

  /** Call it before a reload, and afterwards reloaded() if it has succeeded. */
  async reloading(load: Load): Promise<Mark> {
    const files = new Map<string, Files>()
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

  /** The reload has succeeded: the processes that answer next have loaded what was in place. */
  async reloaded(mark: Mark): Promise<void> {
    for (const target of mark.load.targets) this.#start(this.#recognise(target, mark))
    if (this.options.isOnetime) await Promise.all(this.#background)
  }

  /** The next change of this file takes a reload. */
  async forget(dest: string): Promise<void> {
    this.#begin(dest)
    // A record that stays does no harm: it is of a process that the reload replaces.
    await this.#turns.take(dest, () => this.#loaded.forget(dest))
  }

  /** Goes on with what an earlier life of the program has begun. */
  async resume(dests: readonly string[]): Promise<void> {
    for (const dest of dests) {
      const loaded = await this.#loaded.get(dest)
      if (loaded !== undefined) this.#follow(dest, loaded)
    }
  }

  /** What is leaving is deleted by the next run. */
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

  async #bring(target: Target): Promise<Attempt> {
    const { dest } = target
    const loaded = await this.#loaded.get(dest)
    if (loaded === undefined) return UNKNOWN_CONTENT
    const files = await filesOf(target)
    if (files === undefined) return declined('other-files', `${dest} cannot be read`)
    const { content, others } = files
    const path = Object.keys({ ...loaded.others, ...others }).find(
      (one) => loaded.others[one] !== others[one],
    )
    if (path !== undefined) return declined('other-files', `${path} has changed as well`)
    return declinedByFault(async () => {
      const planned = await planFor(target.sockets, loaded, content)
      if ('reason' in planned) return { kind: 'declined', reason: planned.reason }
      const { plans } = planned
      const done: Attempt = { kind: 'applied', ...summaryOf(plans) }
      if (content === loaded.content && done.changes.length === 0) return done
      // Until it is known again: whatever happens from here on, the next one asks for a reload.
      const fault = await this.#loaded.forget(dest)
      if (fault !== undefined) return declined('state', fault.message)
      await settleAll(plans.map(({ socket, difference }) => carryOut(socket, difference.changes)))
      const until = Date.now() + target.drain
      const processes = await settleAll(
        plans.map((plan) => proved(plan, configurationOf(content), until)),
      )
      const next = { ...files, processes: Object.fromEntries(processes) }
      await this.#loaded.set(dest, next)
      this.#follow(dest, next)
      return done
    })
  }

  /** Waits for the process that a reload has started. */
  async #recognise(target: Target, { files: all, before }: Mark): Promise<void> {
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

  /** Unless the files have changed meanwhile: then it is not known which content was loaded. */
  async #remember(target: Target, next: Loaded, number: number): Promise<void> {
    const { content, others } = next
    const isSame = JSON.stringify(await filesOf(target)) === JSON.stringify({ content, others })
    if (isSame && this.#begun.get(target.dest) === number) await this.#loaded.set(target.dest, next)
  }

  /** Deletes what is leaving, in the background. */
  #follow(dest: string, { processes }: Loaded): void {
    if (Object.values(processes).every(({ leaving }) => leaving.length === 0)) return
    const isFollowed = this.#looks.has(dest)
    this.#looks.set(dest, LOOKS.first)
    if (!isFollowed) this.#start(this.#lookAfter(dest))
  }

  async #lookAfter(dest: string): Promise<void> {
    try {
      for (;;) {
        const wait = this.#looks.get(dest) ?? LOOKS.most
        if (!(await this.#sleep(wait))) return
        this.#looks.set(dest, Math.min(LOOKS.most, wait * 1.5))
        if (await this.#turns.take(dest, () => this.#proceed(dest))) return
      }
    } finally {
      this.#looks.delete(dest)
    }
  }

  /** Whether nothing is leaving any more. */
  async #proceed(dest: string): Promise<boolean> {
    const loaded = await this.#loaded.get(dest)
    if (loaded === undefined) return true
    const processes: Record<string, Process> = { ...loaded.processes }
    for (const [socket, process] of Object.entries(loaded.processes)) {
      if (process.leaving.length === 0) continue
      // One that does not answer now is asked again.
      const progress = await proceed(socket, process, Date.now()).catch(() => undefined)
      if (progress === undefined) continue
      processes[socket] = { ...process, leaving: progress.leaving }
      this.#tellDeleted(progress.deleted)
      if (progress.stuck === undefined) continue
      const message = `HAProxy does not delete ${progress.stuck}, which is not in ${dest} any more: it takes a reload`
      this.options.emit({ kind: 'notice', level: 'warn', message })
      await this.#loaded.forget(dest)
      this.options.stuck(dest)
      return true
    }
    const isChanged = Object.keys(processes).some((socket) => {
      return processes[socket]?.leaving.length !== loaded.processes[socket]?.leaving.length
    })
    if (isChanged) await this.#loaded.set(dest, { ...loaded, processes })
    return Object.values(processes).every(({ leaving }) => leaving.length === 0)
  }

  #tellDeleted(deleted: readonly string[]): void {
    if (deleted.length === 0) return
    const message = `deleted from HAProxy: ${deleted.join(', ')}`
    this.options.emit({ kind: 'notice', level: 'debug', message })
  }

  /** Once for each, as long as it is so. */
  #tellByHand(servers: ReadonlySet<string>): void {
    for (const server of servers) {
      if (this.#byHand.has(server)) continue
      const message = `${server} stays in the state that somebody has put it in by hand, which is not that of its file`
      this.options.emit({ kind: 'notice', level: 'warn', message })
    }
    this.#byHand = servers
  }

  /** False when everything is to end. */
  async #sleep(ms: number): Promise<boolean> {
    const { signal } = this.#closing
    return pause(ms, true, { signal }).catch(() => false)
  }
}

const declined = (code: string, text: string): Attempt => ({
  kind: 'declined',
  reason: { code, text },
})
const UNKNOWN_CONTENT = declined(
  'unknown-content',
  'it is not known which content HAProxy has loaded: the next reload shows',
)

async function declinedByFault(attempt: () => Promise<Attempt>): Promise<Attempt> {
  try {
    return await attempt()
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    return declined('runtime-api', error.fault.message)
  }
}

/** Null when nobody listens at a socket, undefined for any other failure. */
function isAbsent(error: unknown): null | undefined {
  if (!(error instanceof FaultError)) throw error
  return error instanceof AbsentError ? null : undefined
}
