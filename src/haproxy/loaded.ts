// Records, for each configuration file, the content last applied to the HAProxy processes that load the file, and the
// servers being removed from these processes. The record is deleted before a change begins and written again after
// the change, so that a crash at any point leads to a reload.
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Result } from '../core/result.ts'
import { isBoolean, isListOf, isNumber, isRecordOf, hasShape, isText } from '../core/shape.ts'
import type { LoadableFiles } from './files.ts'

/** A server being removed from a process. */
export interface Departure {
  readonly backend: string
  readonly name: string
  /** The address and the options of its `server` line. */
  readonly address: string
  readonly options: readonly string[]
  /** Time at which the server's sessions are shut down, in milliseconds since the Unix epoch. */
  readonly until: number
  /**
   * Whether to drain the server first. With the option on-marked-down, maintenance would shut down its sessions
   * immediately.
   */
  readonly gently: boolean
}

export interface Process {
  readonly id: string
  readonly leaving: readonly Departure[]
}

export interface Loaded extends LoadableFiles {
  /** By socket. */
  readonly processes: Readonly<Record<string, Process>>
}

/** Storage that survives a restart. */
export interface RecordStorage {
  get(name: string): Promise<string | undefined>
  set(name: string, text: string): Promise<Result<void, Fault>>
  delete(name: string): Promise<Result<void, Fault>>
}

const departure = hasShape({
  ...{ backend: isText, name: isText, address: isText, options: isListOf(isText) },
  ...{ until: isNumber, gently: isBoolean },
})
const isLoaded = hasShape({
  content: isText,
  others: isRecordOf(isText),
  processes: isRecordOf(hasShape({ id: isText, leaving: isListOf(departure) })),
})

export class LoadedFiles {
  readonly #known = new Map<string, Loaded | undefined>()

  constructor(
    private readonly keeper: RecordStorage,
    private readonly emit: Emit,
  ) {}

  async get(dest: string): Promise<Loaded | undefined> {
    if (this.#known.has(dest)) return this.#known.get(dest)
    const written = await this.keeper.get(dest)
    if (!this.#known.has(dest))
      this.#known.set(dest, written === undefined ? undefined : parseRecord(written))
    return this.#known.get(dest)
  }

  /** A failed write causes only a warning. Without the record, the first change after a restart needs a reload. */
  async set(dest: string, loaded: Loaded): Promise<void> {
    this.#known.set(dest, loaded)
    warnIfFailed(this.emit, await this.keeper.set(dest, JSON.stringify(loaded)))
  }

  /** Deletes the record. @returns the fault if this fails, because a record left behind is used after a restart */
  async forget(dest: string): Promise<Fault | undefined> {
    this.#known.set(dest, undefined)
    const deleted = await this.keeper.delete(dest)
    return deleted.ok ? undefined : deleted.error
  }
}

function parseRecord(json: string): Loaded | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return isLoaded(value) ? (value as Loaded) : undefined
  } catch {
    return undefined
  }
}
