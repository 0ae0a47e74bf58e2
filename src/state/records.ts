// Records: the state of each resource that survives restarts, except its owed reloads (journal.ts). A record contains
// the last applied render for its guards (last-renders.ts), the content that its reload rejected, and the files for a
// rollback. Each resource that can be rolled back has one JSON file, which is always replaced as a whole.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Former, FormerFiles } from '../core/last-good.ts'
import type { Observed } from '../core/plan.ts'
import { err, ok, type Result } from '../core/result.ts'
import {
  isEither,
  isNumber,
  isOneOf,
  isOptional,
  isRecordOf,
  hasShape,
  isText,
} from '../core/shape.ts'
import type { ProcessId } from '../system/process.ts'
import { LastRenders, readRender, type LastRender } from './last-renders.ts'
import { shortId, replaceFile, STATE_HINT } from './state-files.ts'

/** Content that was rolled back. It is not placed again unless an operator accepts it. */
export interface Rejected {
  /** Hash of the whole content of the unit, because all resources of a group are rolled back together. */
  readonly hash: string
  /** The command that rejected the content, and the result of that command. */
  readonly why: string
}

/** The state that a rollback needs. */
interface RollbackState {
  /** Hash of the unit's content in place. */
  readonly placed?: string | undefined
  readonly rejected?: Rejected | undefined
  /** The last proved files, for a rollback. */
  readonly good: FormerFiles
  /** The files to restore if a change of several steps is interrupted; present only during such a change. */
  readonly undo?: Undo | undefined
}

export type Remembered = LastRender & RollbackState

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

const noRender: LastRender = { keys: new Map() }
const noRollbackState: RollbackState = { good: new Map() }
const nothing: Remembered = { ...noRender, ...noRollbackState }

export class Records implements Memory {
  readonly #known = new Map<string, Remembered>()
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #renders: LastRenders
  readonly #dir: string

  /** @param keep whether to write the files; false with -noop */
  constructor(
    stateDir: string,
    confdir: string,
    private readonly keep: boolean,
  ) {
    this.#renders = new LastRenders(stateDir, confdir, keep)
    this.#dir = join(stateDir, `resources-${shortId(confdir)}`)
  }

  /** The record of a resource; empty if its files are missing or damaged. */
  async get(resource: string): Promise<Remembered> {
    const known = this.#known.get(resource)
    if (known !== undefined) return known
    const { render, rollback } = readRecord(this.#path(resource))
    // An earlier version recorded the render here. The next write moves it to the file of all renders.
    if (render !== undefined && this.#renders.get(resource) === undefined) {
      this.#renders.adopt(resource, render)
    }
    const record = { ...(this.#renders.get(resource) ?? noRender), ...rollback }
    this.#known.set(resource, record)
    return record
  }

  has(resource: string): boolean {
    return this.#renders.has(resource) || existsSync(this.#path(resource))
  }

  async set(
    resource: string,
    change: Partial<Remembered>,
    durable = false,
  ): Promise<Result<void, Fault>> {
    await this.get(resource)
    const record = { ...(this.#known.get(resource) ?? nothing), ...change }
    this.#known.set(resource, record)
    const written = isOfRender(change)
      ? await this.#renders.set(resource, record)
      : await this.#renders.flush()
    return written.ok && isOfRollback(change) ? this.#write(resource, durable) : written
  }

  /** Writes all records from memory to disk again, after the folder was removed. */
  async rewrite(): Promise<void> {
    await this.#renders.rewrite()
    for (const [resource, { good, placed, rejected, undo }] of this.#known) {
      if (good.size > 0 || placed !== undefined || rejected !== undefined || undo !== undefined) {
        await this.#write(resource, true)
      }
    }
  }

  async close(): Promise<void> {
    await this.#renders.close()
  }

  /**
   * Writes the file of a resource. The writes for one resource run one after the other, so that the last value remains.
   */
  async #write(resource: string, durable: boolean): Promise<Result<void, Fault>> {
    if (!this.keep) return ok(undefined)
    const path = this.#path(resource)
    const write = async (): Promise<Result<void, Fault>> => {
      try {
        await replaceFile(path, formatRecord(this.#known.get(resource) ?? noRollbackState), durable)
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

const isOfRender = (change: Partial<Remembered>): boolean =>
  'keys' in change || 'supplies' in change || 'held' in change

const isOfRollback = (change: Partial<Remembered>): boolean =>
  'good' in change || 'placed' in change || 'rejected' in change || 'undo' in change

interface Written {
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

function formatRecord({ placed, rejected, good, undo }: RollbackState): string {
  const written: Written = {
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

interface ReadRecord {
  /** Present if the file was written by an earlier version, which also recorded the last render here. */
  readonly render?: LastRender | undefined
  readonly rollback: RollbackState
}

function readRecord(path: string): ReadRecord {
  const nothing = { rollback: noRollbackState }
  // An error object costs much more than this check, and most resources have no file.
  if (!existsSync(path)) return nothing
  try {
    const written: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (!isWritten(written)) return nothing
    const { placed, rejected, good = {}, undo } = written as Written
    const rollback = {
      placed,
      // Version 0.1 wrote only the hash.
      rejected:
        typeof rejected === 'string'
          ? { hash: rejected, why: 'its reload did not succeed' }
          : rejected,
      good: new Map(Object.entries(good).map(([dest, file]) => [dest, formerOf(file)])),
      ...(undo === undefined ? {} : { undo: { by: undo.by, files: observed(undo.files) } }),
    }
    return { rollback, render: 'keys' in (written as object) ? readRender(written) : undefined }
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
