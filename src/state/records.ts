// What is remembered of each resource from one run to the next, beside the reloads it owes: the keys that
// its files were made of (for its guards), the content that its reload rejected, and the files to go
// back to. One small JSON file a resource, replaced as a whole, so that a change costs its own size.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Observed } from '../core/plan.ts'
import { err, ok, type Result } from '../core/result.ts'
import { idOf, replaceFile } from './state-files.ts'

export interface ResourceRecord {
  /** By destination: the keys that the last applied render read. */
  readonly keys: ReadonlyMap<string, ReadonlySet<Key>>
  /** The hash of the content that was rolled back: it is not tried again. */
  readonly rejected: string | undefined
  /** By destination: what stood there when its reload last succeeded, as long as no newer one has. */
  readonly good: ReadonlyMap<string, Observed>
}

const nothing: ResourceRecord = { keys: new Map(), rejected: undefined, good: new Map() }

export class Records {
  readonly #known = new Map<string, ResourceRecord>()
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #dir: string

  /** @param keep false: nothing is written, as for -noop */
  constructor(
    stateDir: string,
    confdir: string,
    private readonly keep: boolean,
  ) {
    this.#dir = join(stateDir, `resources-${idOf(confdir)}`)
  }

  /** What is known of a resource. A file that cannot be read is as good as none. */
  async get(resource: string): Promise<ResourceRecord> {
    const known = this.#known.get(resource)
    if (known !== undefined) return known
    const text = await readFile(this.#path(resource), 'utf8').catch(() => undefined)
    const record = text === undefined ? nothing : parse(text)
    this.#known.set(resource, record)
    return record
  }

  /**
   * Changes what is known of a resource.
   * @param durable safe on disk when this resolves
   */
  async set(
    resource: string,
    change: Partial<ResourceRecord>,
    durable = false,
  ): Promise<Result<void, Fault>> {
    await this.get(resource)
    const record = { ...(this.#known.get(resource) ?? nothing), ...change }
    this.#known.set(resource, record)
    if (!this.keep) return ok(undefined)
    const path = this.#path(resource)
    // One after the other: what was set last is what stays.
    const write = async (): Promise<Result<void, Fault>> => {
      try {
        await replaceFile(path, serialise(record), durable)
        return ok(undefined)
      } catch (error) {
        const hint = 'Choose a directory that reconfd can write to with -state-dir.'
        return err(ioFault(`cannot write the state file ${path}`, error, hint))
      }
    }
    const turn = (this.#turns.get(resource) ?? Promise.resolve()).then(write)
    this.#turns.set(resource, turn)
    return turn
  }

  #path(resource: string): string {
    return join(this.#dir, `${idOf(resource)}.json`)
  }
}

interface Written {
  readonly keys?: Readonly<Record<string, readonly Key[]>>
  readonly rejected?: string
  readonly good?: Readonly<Record<string, WrittenFile | null>>
}

interface WrittenFile {
  readonly bytes: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

function serialise({ keys, rejected, good }: ResourceRecord): string {
  const files: [string, WrittenFile | null][] = []
  for (const [dest, file] of good) {
    if (file.kind === 'absent') files.push([dest, null])
    if (file.kind !== 'file') continue
    const { bytes, mode, uid, gid } = file
    files.push([dest, { bytes: Buffer.from(bytes).toString('base64'), mode, uid, gid }])
  }
  const written: Written = {
    keys: Object.fromEntries([...keys].map(([dest, all]) => [dest, [...all]])),
    ...(rejected === undefined ? {} : { rejected }),
    good: Object.fromEntries(files),
  }
  return JSON.stringify(written)
}

function parse(text: string): ResourceRecord {
  try {
    const { keys = {}, rejected, good = {} } = JSON.parse(text) as Written
    return {
      keys: new Map(Object.entries(keys).map(([dest, all]) => [dest, new Set(all)])),
      rejected,
      good: new Map(
        Object.entries(good).map(([dest, file]): [string, Observed] => [
          dest,
          file === null
            ? { kind: 'absent' }
            : { kind: 'file', ...file, bytes: Buffer.from(file.bytes, 'base64') },
        ]),
      ),
    }
  } catch {
    return nothing
  }
}
