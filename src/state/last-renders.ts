// The last applied render of each resource, with which guards compare the next render: the keys that it found, and a
// change that is held. Each confdir has one append-only file of JSON lines. The last line of a resource counts:
//
//     {"renders":1}
//     {"resource":"haproxy.toml","keys":{"/etc/haproxy.cfg":["/lb/a"]},"supplies":{"/":{"keys":1,"names":0}}}
//
// All resources share one file, because the first run with many resources would otherwise create as many files. The
// lines are not synced: after a power cut, guards may compare with an older render.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Short } from '../core/hold.ts'
import type { Key } from '../core/key.ts'
import { err, ok, type Result } from '../core/result.ts'
import { hasShape, isListOf, isNumber, isOptional, isRecordOf, isText } from '../core/shape.ts'
import type { Supplies, Supply } from '../core/supply.ts'
import { LineFile } from './line-file.ts'
import { shortId, STATE_HINT } from './state-files.ts'

/** A change that is held. */
export interface HeldChange {
  /** Hash of the whole content of the resource. */
  readonly hash: string
  /** The counts of keys; absent if no count is below that of the last applied render. */
  readonly short?: Short
}

export interface LastRender {
  /** The found keys, for each destination with a guard. */
  readonly keys: ReadonlyMap<string, ReadonlySet<Key>>
  /** Numbers of keys found in each store; absent before the first applied render. */
  readonly supplies?: Supplies | undefined
  readonly held?: HeldChange | undefined
}

export class LastRenders {
  readonly #path: string
  readonly #file: LineFile
  readonly #renders: Map<string, LastRender>
  /** Whether the file, or a line of it, could not be read. */
  readonly #isDamaged: boolean
  /** The lines that are not in the file yet, by resource. */
  readonly #unwritten = new Map<string, string>()
  #writing: Promise<Result<void, Fault>> | undefined

  /**
   * Reads the file.
   * @param keep whether to write the file; false with -noop
   */
  constructor(
    stateDir: string,
    confdir: string,
    private readonly keep: boolean,
  ) {
    this.#path = join(stateDir, `renders-${shortId(confdir)}.jsonl`)
    const { renders, isDamaged } = parseRenders(textOf(this.#path))
    this.#renders = renders
    this.#isDamaged = isDamaged
    // Only resources that the file lacks, because another process may have written newer lines for the others.
    const missing = (text: string): string[] => {
      const there = parseRenders(text).renders
      return linesOf([...this.#renders].filter(([resource]) => !there.has(resource)))
    }
    const remaining = (text: string): string[] => linesOf(parseRenders(text).renders)
    this.#file = new LineFile(this.#path, { header: HEADER, missing, remaining }, isDamaged)
  }

  get(resource: string): LastRender | undefined {
    return this.#renders.get(resource)
  }

  /** Whether the file may have a line of this resource, readable or not. */
  has(resource: string): boolean {
    return this.#isDamaged || this.#renders.has(resource)
  }

  /** Replaces the render of a resource. All calls during a write share the next write. */
  async set(resource: string, render: LastRender): Promise<Result<void, Fault>> {
    this.adopt(resource, render)
    return this.flush()
  }

  /** Replaces the render of a resource in memory. The next write also writes this render. */
  adopt(resource: string, render: LastRender): void {
    this.#renders.set(resource, render)
    this.#unwritten.set(resource, lineOf(resource, render))
  }

  async flush(): Promise<Result<void, Fault>> {
    return this.#unwritten.size === 0 ? ok(undefined) : this.#write()
  }

  /** Writes the file again if it was removed. */
  async rewrite(): Promise<void> {
    if (this.#renders.size > 0 && !this.#file.isInPlace) await this.#write()
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#file.close()
  }

  async #write(): Promise<Result<void, Fault>> {
    if (!this.keep) return ok(undefined)
    this.#writing ??= this.#append().then(
      () => ok(undefined),
      (error: unknown) =>
        err(ioFault(`cannot write the state file ${this.#path}`, error, STATE_HINT)),
    )
    return this.#writing
  }

  async #append(): Promise<void> {
    try {
      do {
        const batch = [...this.#unwritten]
        const lines = batch.map(([, line]) => line)
        await this.#file.append(lines, false)
        for (const [resource, line] of batch) {
          if (this.#unwritten.get(resource) === line) this.#unwritten.delete(resource)
        }
      } while (this.#unwritten.size > 0)
    } finally {
      // This runs synchronously after the last check of #unwritten, so that a later call starts a new write.
      this.#writing = undefined
    }
  }
}

const HEADER = '{"renders":1}'

/** A render as JSON. */
interface Written {
  readonly keys?: Readonly<Record<string, readonly Key[]>>
  readonly supplies?: Readonly<Record<string, Supply>>
  readonly held?: HeldChange | undefined
}

const lineOf = (resource: string, { keys, supplies, held }: LastRender): string => {
  const written: Written = {
    keys: Object.fromEntries([...keys].map(([dest, all]) => [dest, [...all]])),
    ...(supplies === undefined ? {} : { supplies: Object.fromEntries(supplies) }),
    held,
  }
  return JSON.stringify({ resource, ...written })
}

const linesOf = (renders: Iterable<readonly [string, LastRender]>): string[] =>
  [...renders].map(([resource, render]) => lineOf(resource, render))

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? HEADER : undefined
  }
}

interface Parsed {
  readonly renders: Map<string, LastRender>
  readonly isDamaged: boolean
}

/** @param text the text of the file; undefined if it cannot be read */
function parseRenders(text: string | undefined): Parsed {
  const renders = new Map<string, LastRender>()
  const lines = text?.split('\n').filter((line) => line !== '') ?? []
  let isDamaged = lines[0] !== HEADER
  for (const line of lines) {
    if (line === HEADER) continue
    const parsed = parseLine(line)
    if (parsed === undefined) isDamaged = true
    else renders.set(...parsed)
  }
  return { renders, isDamaged }
}

function parseLine(line: string): [resource: string, LastRender] | undefined {
  try {
    const written = JSON.parse(line) as { readonly resource: string }
    const render = readRender(written)
    return render === undefined || !isText(written.resource)
      ? undefined
      : [written.resource, render]
  } catch {
    return undefined
  }
}

const isWritten = hasShape({
  keys: isOptional(isRecordOf(isListOf(isText))),
  supplies: isOptional(isRecordOf(hasShape({ keys: isNumber, names: isNumber }))),
  held: isOptional(
    hasShape({
      hash: isText,
      short: isOptional(hasShape({ counts: isListOf(isNumber), since: isNumber })),
    }),
  ),
})

/** Reads a render from parsed JSON. Returns undefined if it has another shape. */
export function readRender(written: unknown): LastRender | undefined {
  if (!isWritten(written)) return undefined
  const { keys = {}, supplies, held } = written as Written
  return {
    keys: new Map(Object.entries(keys).map(([dest, all]) => [dest, new Set(all)])),
    ...(supplies === undefined
      ? {}
      : { supplies: new Map(Object.entries(supplies) as [Key, Supply][]) }),
    held,
  }
}
