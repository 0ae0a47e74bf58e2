// What is known of the processes behind a file: the content that they were brought to last, and the servers that are
// leaving them. Nothing is known while a change is under way, so that a crash at any point leads to a reload.
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Result } from '../core/result.ts'
import { boolean, listOf, number, recordOf, shape, text } from '../core/shape.ts'
import type { Files } from './files.ts'

/** A server on its way out of a process. */
export interface Departure {
  readonly backend: string
  readonly name: string
  /** As it was defined. */
  readonly address: string
  readonly options: readonly string[]
  /** When its sessions are shut down, in milliseconds since 1970. */
  readonly until: number
  /** It is drained first: maintenance would shut down its sessions at once. */
  readonly gently: boolean
}

export interface Process {
  readonly id: string
  readonly leaving: readonly Departure[]
}

export interface Loaded extends Files {
  /** By socket. */
  readonly processes: Readonly<Record<string, Process>>
}

/** Where it is kept over a restart. */
export interface Keeper {
  get(name: string): Promise<string | undefined>
  set(name: string, text: string): Promise<Result<void, Fault>>
  delete(name: string): Promise<Result<void, Fault>>
}

const departure = shape({
  ...{ backend: text, name: text, address: text, options: listOf(text) },
  ...{ until: number, gently: boolean },
})
const isLoaded = shape({
  content: text,
  others: recordOf(text),
  processes: recordOf(shape({ id: text, leaving: listOf(departure) })),
})

export class LoadedFiles {
  readonly #known = new Map<string, Loaded | undefined>()

  constructor(
    private readonly keeper: Keeper,
    private readonly emit: Emit,
  ) {}

  async get(dest: string): Promise<Loaded | undefined> {
    if (this.#known.has(dest)) return this.#known.get(dest)
    const written = await this.keeper.get(dest)
    if (!this.#known.has(dest))
      this.#known.set(dest, written === undefined ? undefined : parse(written))
    return this.#known.get(dest)
  }

  /** Not fatal when it cannot be written: the first change after a restart takes a reload. */
  async set(dest: string, loaded: Loaded): Promise<void> {
    this.#known.set(dest, loaded)
    warnIfFailed(this.emit, await this.keeper.set(dest, JSON.stringify(loaded)))
  }

  /** @returns why what was written could not be removed: it must not be believed later */
  async forget(dest: string): Promise<Fault | undefined> {
    this.#known.set(dest, undefined)
    const deleted = await this.keeper.delete(dest)
    return deleted.ok ? undefined : deleted.error
  }
}

function parse(json: string): Loaded | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return isLoaded(value) ? (value as Loaded) : undefined
  } catch {
    return undefined
  }
}
