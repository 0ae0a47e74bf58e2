// The journal of owed reloads: one append-only file of JSON lines for each confdir. A reload is recorded before the
// swap and struck out after it has succeeded, so a crash loses no reload.
//
//     {"journal":1}
//     {"owe":{"id":"9f2c-1","resource":"haproxy.toml","since":1760000000000,"commands":["..."]}}
//     {"settle":["9f2c-1"]}
//
// Several processes may share the file, such as a onetime run and the daemon. Each process only appends, and settles
// only ids that it has read or written. So no process strikes out a reload that another process has just recorded.
// Opening the journal writes nothing.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import {
  HEADER,
  oweLine,
  parseJournal,
  settleLine,
  unsettledLines,
  type JournalEntry,
  type Owed,
  type ParsedJournal,
} from './journal-lines.ts'
import { LineFile } from './line-file.ts'
import { shortId, STATE_HINT } from './state-files.ts'

export type { Owed }

export interface Journal {
  /** The current debts by name of the resource. */
  readonly owed: ReadonlyMap<string, Owed>
  /** Adds or replaces debts. Resolves when they are on disk. */
  owe(entries: readonly Owed[]): Promise<Result<void, Fault>>
  /**
   * Strikes out the debts of these resources. This is not synced, because the worst effect of a power cut is that a
   * reload runs once more.
   */
  settle(resources: readonly string[]): Promise<Result<void, Fault>>
  /** Writes all debts again if the file was removed. Also retries failed writes of settle(). */
  verify(): Promise<Result<void, Fault>>
  close(): Promise<void>
}

export interface OpenedJournal {
  readonly journal: Journal
  /** `missing`: there is no file. Otherwise a message that describes the damage. */
  readonly damage?: 'missing' | { readonly message: string }
}

/** The path of the journal of a confdir. */
export function journalPath(stateDir: string, confdir: string): string {
  return join(stateDir, `owed-${shortId(confdir)}.jsonl`)
}

/** Reads the journal. The first call of owe() creates the state directory and the file. */
export async function openJournal(
  stateDir: string,
  confdir: string,
): Promise<Result<OpenedJournal, Fault>> {
  const path = journalPath(stateDir, confdir)
  try {
    const text = await readFile(path, 'utf8')
    const found = parseJournal(text)
    const journal = new FileJournal(path, found)
    if (found.damage === undefined) return ok({ journal })
    const message = `the journal of owed reloads ${path} is damaged: ${found.damage}`
    return ok({ journal, damage: { message } })
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') {
      return err(ioFault(`cannot read the state file ${path}`, error, STATE_HINT))
    }
    return ok({
      journal: new FileJournal(path, { entries: new Map() }),
      damage: 'missing',
    })
  }
}

/** The journal of a run without reloads. It records nothing and strikes out nothing. */
export const noJournal: Journal = {
  owed: new Map(),
  owe: async () => ok(undefined),
  settle: async () => ok(undefined),
  verify: async () => ok(undefined),
  close: async () => undefined,
}

interface Batch {
  readonly owed: Owed[]
  /** Resolves when all debts of the batch are on disk. */
  readonly written: Promise<Result<void, Fault>>
}

class FileJournal implements Journal {
  #entries: Map<string, JournalEntry>
  readonly #file: LineFile
  /** Prefix of the ids of this process. It differs from the prefixes of all other processes. */
  readonly #self = randomBytes(6).toString('hex')
  #counter = 0
  /** Ids that are struck out in memory, but not in the file, because a write has failed. */
  #unwritten: readonly string[] = []
  /** Resolves when all writes so far have ended. */
  #turn: Promise<unknown> = Promise.resolve()
  /** The debts for the next write, until that write begins. */
  #batch: Batch | undefined

  constructor(
    private readonly path: string,
    found: ParsedJournal,
  ) {
    this.#entries = found.entries
    // A debt that is recorded twice is still one debt.
    const missing = (): string[] =>
      [...this.#entries.values()].map((owed) => oweLine(owed.ids.at(-1) as string, owed))
    const format = { header: HEADER, missing, remaining: unsettledLines }
    this.#file = new LineFile(path, format, found.damage !== undefined)
  }

  get owed(): ReadonlyMap<string, Owed> {
    return this.#entries
  }

  /** All calls during a write share the next write and its sync. */
  owe(owed: readonly Owed[]): Promise<Result<void, Fault>> {
    const batch = (this.#batch ??= this.#newBatch())
    batch.owed.push(...owed)
    return batch.written
  }

  #newBatch(): Batch {
    const owed: Owed[] = []
    const written = this.#inTurn(() => {
      if (this.#batch?.owed === owed) this.#batch = undefined
      return this.#oweAll(owed)
    })
    return { owed, written }
  }

  async #oweAll(owed: readonly Owed[]): Promise<void> {
    const all = owed.map((one) => ({ one, id: `${this.#self}-${++this.#counter}` }))
    const lines = all.map(({ one, id }) => oweLine(id, one))
    try {
      await this.#file.append([...this.#strikes(), ...lines], true)
    } catch (error) {
      // Some of the lines may be in the file, although the caller treats them as not recorded.
      this.#unwritten = [...this.#unwritten, ...all.map(({ id }) => id)]
      throw error
    }
    this.#unwritten = []
    for (const { one, id } of all) {
      const ids = [...(this.#entries.get(one.resource)?.ids ?? []), id]
      this.#entries.set(one.resource, { ...one, ids })
    }
  }

  settle(resources: readonly string[]): Promise<Result<void, Fault>> {
    // Later debts go into a new batch, which is written after the settle line, so that this line does not strike them
    // out.
    this.#batch = undefined
    return this.#inTurn(async () => {
      const ids = resources.flatMap((name) => this.#entries.get(name)?.ids ?? [])
      if (ids.length === 0) return
      // The reload has succeeded, so the debt ends even if the write fails.
      for (const name of resources) this.#entries.delete(name)
      this.#unwritten = [...this.#unwritten, ...ids]
      await this.#strike()
    })
  }

  verify(): Promise<Result<void, Fault>> {
    return this.#inTurn(async () => {
      if (this.#unwritten.length > 0) await this.#strike()
      if (this.#entries.size === 0) return
      if (!this.#file.isInPlace) await this.#file.append([], true)
    })
  }

  async close(): Promise<void> {
    await this.#turn
    await this.#file.close()
  }

  #strikes(): string[] {
    return this.#unwritten.length === 0 ? [] : [settleLine(this.#unwritten)]
  }

  async #strike(): Promise<void> {
    await this.#file.append(this.#strikes(), false)
    this.#unwritten = []
  }

  #inTurn(work: () => Promise<void>): Promise<Result<void, Fault>> {
    const done = this.#turn.then(work).then(
      () => ok(undefined),
      (error: unknown) =>
        err(ioFault(`cannot write the state file ${this.path}`, error, STATE_HINT)),
    )
    this.#turn = done
    return done
  }
}
