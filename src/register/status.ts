// The status file of a registrar: the wanted services, their state in the store, and the state of the store and the
// sources. The file is replaced after every change. `-status` reads the file without connecting to the process, and so
// also works after the process has died. The file contains no values from the store.
import { readFile, unlink } from 'node:fs/promises'
import { printable } from '../core/escape.ts'
import { briefly } from '../core/fault.ts'
import type { RegisterSettings } from '../core/register.ts'
import { replaceFile } from '../state/state-files.ts'
import { isRunning, thisProcess, type ProcessId } from '../system/process.ts'
import type { RegisterEvent } from './event.ts'
import type { RegistryKeeper } from './keeper.ts'
import { registerStatusFile, registerStatusFiles } from './memory.ts'
import type { Registrar } from './registrar.ts'
import { hostAndPort, serviceLabel } from './service.ts'

export const serviceStates = ['registered', 'pending', 'checking', 'unhealthy', 'refused'] as const

export interface ServiceStatus {
  readonly name: string
  readonly id: string
  readonly address: string
  readonly key: string
  /**
   * - `registered`: the store contains the wanted entry
   * - `pending`: not written yet, for example because the store is unreachable
   * - `checking`: no check has passed yet
   * - `unhealthy`: deregistered
   * - `refused`: the entry has another owner, or another service has its key, or the store refuses it
   */
  readonly state: (typeof serviceStates)[number]
  readonly why?: string
}

export interface PartStatus {
  readonly name: string
  readonly live: boolean
  /** ISO 8601. */
  readonly since: string
  readonly why?: string
}

export interface RegisterStatus {
  readonly process: ProcessId
  readonly started: string
  /** ISO 8601 time of this status. */
  readonly at: string
  readonly to: string
  readonly store: PartStatus
  readonly sources: readonly PartStatus[]
  readonly services: readonly ServiceStatus[]
}

/** Milliseconds between a change and the write of the file. */
const DELAY = 500

export class RegisterStatusBoard {
  readonly #started = new Date().toISOString()
  readonly #parts = new Map<string, PartStatus>()
  #timer: NodeJS.Timeout | undefined
  #writing = Promise.resolve()
  #registrar: Registrar | undefined
  #keeper: RegistryKeeper | undefined
  #path: string | undefined

  constructor(private readonly settings: RegisterSettings) {}

  /** Call before anything is registered. */
  begin(registrar: Registrar, keeper: RegistryKeeper, id: string): void {
    this.#registrar = registrar
    this.#keeper = keeper
    this.#path = registerStatusFile(this.settings.stateDir, id)
    this.#changed()
  }

  note(event: RegisterEvent): void {
    const since = new Date().toISOString()
    switch (event.kind) {
      case 'store-live':
        this.#parts.set('store', { name: event.store, live: true, since })
        break
      case 'source-live':
        this.#parts.set(event.source, { name: event.source, live: true, since })
        break
      case 'store-away':
      case 'source-away': {
        const key = event.kind === 'store-away' ? 'store' : event.source
        const name = event.kind === 'store-away' ? event.store : event.source
        const before = this.#parts.get(key)
        const kept = before?.live === false ? before.since : since
        this.#parts.set(key, { name, live: false, since: kept, why: briefly(event.fault) })
        break
      }
      case 'renewed':
      case 'checked':
        return
    }
    this.#changed()
  }

  get status(): RegisterStatus {
    const waiting = { name: this.settings.to.kind, live: false, since: this.#started }
    const parts = new Map(this.#parts)
    const store = parts.get('store') ?? waiting
    parts.delete('store')
    return {
      process: thisProcess(),
      started: this.#started,
      at: new Date().toISOString(),
      to: this.settings.to.uri,
      store,
      sources: [...parts.values()],
      services: this.#services(),
    }
  }

  /** Removes the file, because a registrar that has stopped normally has no status. */
  async end(): Promise<void> {
    clearTimeout(this.#timer)
    const path = this.#path
    this.#path = undefined
    await this.#writing
    if (path !== undefined) await unlink(path).catch(() => undefined)
  }

  #services(): readonly ServiceStatus[] {
    const present = this.#keeper?.kept.present ?? new Map<string, string>()
    const refused = this.#keeper?.kept.refused ?? new Map<string, never>()
    const ignored = (this.#registrar?.ignored ?? []).map(({ service, why }): ServiceStatus => {
      const { name, id } = service
      const [key, address] = [serviceLabel(service), hostAndPort(service)]
      return { name, id, address, key, state: 'refused', why }
    })
    const known = (this.#registrar?.known ?? []).map(({ service, entry, state: health }) => {
      const { name, id } = service
      const refusal = refused.get(entry.key)
      const isThere = present.get(entry.key) === entry.text
      const state =
        health !== 'healthy'
          ? health
          : refusal !== undefined
            ? 'refused'
            : isThere
              ? 'registered'
              : 'pending'
      const why =
        refusal === undefined || state !== 'refused' ? {} : { why: briefly(refusal.fault) }
      return { name, id, address: hostAndPort(service), key: entry.key, state, ...why } as const
    })
    return [...known, ...ignored]
  }

  #changed(): void {
    if (this.#path === undefined) return
    this.#timer ??= setTimeout(() => this.#write(), DELAY)
  }

  #write(): void {
    this.#timer = undefined
    const path = this.#path
    if (path === undefined) return
    const text = `${JSON.stringify(this.status)}\n`
    // A failure to write has already been reported for the state file.
    const write = (): Promise<void> => replaceFile(path, text, false).catch(() => undefined)
    this.#writing = this.#writing.then(write)
  }
}

/** The output and exit code of `register -status`. */
export async function statusReport(
  stateDir: string,
  json: boolean,
): Promise<{ readonly text: string; readonly exit: number }> {
  const all: (RegisterStatus & { readonly running: boolean })[] = []
  for (const file of await registerStatusFiles(stateDir)) {
    try {
      const status = JSON.parse(await readFile(file, 'utf8')) as RegisterStatus
      all.push({ running: isRunning(status.process), ...status })
    } catch {
      // The file is incomplete, or was written by another version.
    }
  }
  const good = all.every(
    ({ running, store, services }) =>
      running && store.live && services.every(({ state }) => state === 'registered'),
  )
  const exit = all.length === 0 ? 69 : good ? 0 : 1
  if (json) return { text: `${JSON.stringify(all, undefined, 2)}\n`, exit }
  if (all.length === 0)
    return { text: `no registrar is running with -state-dir ${stateDir}\n`, exit }
  return { text: all.map((one) => statusText(one, one.running)).join('\n'), exit }
}

function statusText(status: RegisterStatus, running: boolean): string {
  const { to, process: id, store, sources, services } = status
  const state = running ? `pid ${id.pid}` : `not running; last status from ${status.at}`
  const part = ({ name, live, since, why }: PartStatus): string =>
    `  ${name}: ${live ? 'live' : 'unreachable'} since ${since}${why === undefined ? '' : `: ${why}`}`
  const rows = services.map(({ key, address, state: now, why }) => [
    now,
    printable(key),
    printable(address),
    why ?? '',
  ])
  const widths = [0, 1, 2].map((n) => Math.max(0, ...rows.map((row) => (row[n] ?? '').length)))
  return [
    `${printable(to)} (${state})`,
    part(store),
    ...sources.map(part),
    ...rows.map(
      (row) =>
        `  ${row
          .map((cell, n) => cell.padEnd(widths[n] ?? 0))
          .join('  ')
          .trimEnd()}`,
    ),
    '',
  ].join('\n')
}
