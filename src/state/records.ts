// Records: the state of each resource that survives restarts, except its owed reloads (journal.ts). A record contains
// the keys and the held change for its guards, the content that its reload rejected, and the files for a rollback. Each
// resource has one small JSON file, which is always replaced as a whole.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Short } from '../core/hold.ts'
import type { Key } from '../core/key.ts'
import type { Former, FormerFiles } from '../core/last-good.ts'
import type { Observed } from '../core/plan.ts'
import { err, ok, type Result } from '../core/result.ts'
import {
  isEither,
  isListOf,
  isNumber,
  isOneOf,
  isOptional,
  isRecordOf,
  hasShape,
  isText,
} from '../core/shape.ts'
import type { Supplies, Supply } from '../core/supply.ts'
import type { ProcessId } from '../system/process.ts'
import { shortId, replaceFile, STATE_HINT } from './state-files.ts'

/** Content that was rolled back. It is not placed again unless an operator accepts it. */
export interface Rejected {
  /** Hash of the whole content of the unit, because all resources of a group are rolled back together. */
  readonly hash: string
  /** The command that rejected the content, and the result of that command. */
  readonly why: string
}

/** A change that is held. */
export interface HeldChange {
  /** Hash of the whole content of the resource. */
  readonly hash: string
  /** The counts of keys; absent if no count is below that of the last applied render. */
  readonly short?: Short
}

export interface Remembered {
  /** The keys found by the last applied render, for each destination with a guard. */
  readonly keys: ReadonlyMap<string, ReadonlySet<Key>>
  /** Numbers of keys that the last applied render found in each store; absent before the first applied render. */
  readonly supplies?: Supplies | undefined
  readonly held?: HeldChange | undefined
  /** Hash of the unit's content in place. */
  readonly placed?: string | undefined
  readonly rejected?: Rejected | undefined
  /** The last proved files, for a rollback. */
  readonly good: FormerFiles
  /** The files to restore if a change of several steps is interrupted; present only during such a change. */
  readonly undo?: Undo | undefined
}

export interface Undo {
  /** The process that makes the change. While that process is running, no other process restores the files. */
  readonly by: ProcessId
  /** The previous files by destination. */
  readonly files: ReadonlyMap<string, Observed>
}

/** The hash of the content that an operator may accept: content that is held or was rolled back. */
export const awaitsConsent = ({ held, rejected }: Remembered): string | undefined =>
  held?.hash ?? rejected?.hash

/** The engine's access to records. */
export interface Memory {
  get(resource: string): Promise<Remembered>
  /** Whether an earlier run has left a record, readable or not. */
  has(resource: string): boolean
  /**
   * Merges the change into the record.
   * @param durable whether the record is synced before the promise resolves
   */
  set(
    resource: string,
    change: Partial<Remembered>,
    durable?: boolean,
  ): Promise<Result<void, Fault>>
}

const nothing: Remembered = { keys: new Map(), good: new Map() }

export class Records implements Memory {
  readonly #known = new Map<string, Remembered>()
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #dir: string

  /** @param keep whether to write the files; false with -noop */
  constructor(
    stateDir: string,
    confdir: string,
    private readonly keep: boolean,
  ) {
    this.#dir = join(stateDir, `resources-${shortId(confdir)}`)
  }

  /** The record of a resource; empty if its file is missing or damaged. */
  async get(resource: string): Promise<Remembered> {
    const known = this.#known.get(resource)
    if (known !== undefined) return known
    const record = readRecord(this.#path(resource))
    this.#known.set(resource, record)
    return record
  }

  has(resource: string): boolean {
    return existsSync(this.#path(resource))
  }

  async set(
    resource: string,
    change: Partial<Remembered>,
    durable = false,
  ): Promise<Result<void, Fault>> {
    await this.get(resource)
    this.#known.set(resource, { ...(this.#known.get(resource) ?? nothing), ...change })
    return this.#write(resource, durable)
  }

  /** Writes all records from memory to disk again, after the folder was removed. */
  async rewrite(): Promise<void> {
    for (const [resource, record] of this.#known) {
      if (record !== nothing) await this.#write(resource, true)
    }
  }

  /**
   * Writes the record of a resource. The writes for one resource run one after the other, so that the last value
   * remains.
   */
  async #write(resource: string, durable: boolean): Promise<Result<void, Fault>> {
    if (!this.keep) return ok(undefined)
    const path = this.#path(resource)
    const write = async (): Promise<Result<void, Fault>> => {
      try {
        await replaceFile(path, formatRecord(this.#known.get(resource) ?? nothing), durable)
        return ok(undefined)
      } catch (error) {
        return err(ioFault(`cannot write the state file ${path}`, error, STATE_HINT))
      }
    }
    const turn = (this.#turns.get(resource) ?? Promise.resolve()).then(write)
    this.#turns.set(resource, turn)
    return turn
  }

  #path(resource: string): string {
    return join(this.#dir, `${shortId(resource)}.json`)
  }
}

interface Written {
  readonly keys?: Readonly<Record<string, readonly Key[]>>
  readonly supplies?: Readonly<Record<string, Supply>>
  readonly held?: HeldChange | undefined
  readonly placed?: string | undefined
  readonly rejected?: Rejected | string | undefined
  readonly good?: Readonly<Record<string, WrittenFile>>
  readonly undo?: { readonly by: ProcessId; readonly files: Readonly<Record<string, WrittenFile>> }
}

/**
 * The kind `made` of core/last-good.ts is written as `made`. The kind `none` and an absent file are written as null.
 */
type WrittenFile =
  | { readonly bytes: string; readonly mode: number; readonly uid: number; readonly gid: number }
  | 'made'
  | null

function formatRecord({ keys, supplies, held, placed, rejected, good, undo }: Remembered): string {
  const written: Written = {
    keys: Object.fromEntries([...keys].map(([dest, all]) => [dest, [...all]])),
    ...(supplies === undefined ? {} : { supplies: Object.fromEntries(supplies) }),
    held,
    placed,
    rejected,
    good: filesOf(good),
    ...(undo === undefined ? {} : { undo: { by: undo.by, files: filesOf(undo.files) } }),
  }
  return JSON.stringify(written)
}

function filesOf(files: ReadonlyMap<string, Former | Observed>): Record<string, WrittenFile> {
  const all: [string, WrittenFile][] = []
  for (const [dest, file] of files) {
    if (file.kind === 'absent' || file.kind === 'none') all.push([dest, null])
    if (file.kind === 'made') all.push([dest, 'made'])
    if (file.kind !== 'file') continue
    const { bytes, mode, uid, gid } = file
    all.push([dest, { bytes: Buffer.from(bytes).toString('base64'), mode, uid, gid }])
  }
  return Object.fromEntries(all)
}

const writtenFile = isEither(
  isOneOf(null, 'made'),
  hasShape({ bytes: isText, mode: isNumber, uid: isNumber, gid: isNumber }),
)
const isWritten = hasShape({
  keys: isOptional(isRecordOf(isListOf(isText))),
  supplies: isOptional(isRecordOf(hasShape({ keys: isNumber, names: isNumber }))),
  held: isOptional(
    hasShape({
      hash: isText,
      short: isOptional(hasShape({ counts: isListOf(isNumber), since: isNumber })),
    }),
  ),
  placed: isOptional(isText),
  rejected: isOptional(isEither(isText, hasShape({ hash: isText, why: isText }))),
  good: isOptional(isRecordOf(writtenFile)),
  undo: isOptional(
    hasShape({
      by: hasShape({ pid: isNumber, started: isNumber }),
      files: isRecordOf(writtenFile),
    }),
  ),
})

function readRecord(path: string): Remembered {
  try {
    const written: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (!isWritten(written)) return nothing
    const { keys = {}, supplies, held, placed, rejected, good = {}, undo } = written as Written
    return {
      keys: new Map(Object.entries(keys).map(([dest, all]) => [dest, new Set(all)])),
      ...(supplies === undefined
        ? {}
        : { supplies: new Map(Object.entries(supplies) as [Key, Supply][]) }),
      held,
      placed,
      // Version 0.1 wrote only the hash.
      rejected:
        typeof rejected === 'string'
          ? { hash: rejected, why: 'its reload did not succeed' }
          : rejected,
      good: new Map(Object.entries(good).map(([dest, file]) => [dest, formerOf(file)])),
      ...(undo === undefined ? {} : { undo: { by: undo.by, files: observed(undo.files) } }),
    }
  } catch {
    return nothing
  }
}

const observed = (files: Readonly<Record<string, WrittenFile>>): ReadonlyMap<string, Observed> =>
  new Map(
    Object.entries(files).map(([dest, file]) => {
      const former = formerOf(file)
      return [dest, former.kind === 'file' ? former : { kind: 'absent' }]
    }),
  )

function formerOf(file: WrittenFile): Former {
  if (file === null) return { kind: 'none' }
  if (file === 'made') return { kind: 'made' }
  return { kind: 'file', ...file, bytes: Buffer.from(file.bytes, 'base64') }
}
