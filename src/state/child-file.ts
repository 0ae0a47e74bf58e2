// The program of exec mode, as it is written down while it runs: the next start ends one that was orphaned.
import { renameSync, writeFileSync } from 'node:fs'
import { readFile, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { number, shape, text } from '../core/shape.ts'
import { bootId, isRunning, thisProcess, type ProcessId } from '../system/process.ts'
import { temporaryName } from '../system/temporary.ts'
import { idOf, makeDirs, STATE_HINT } from './state-files.ts'

const one = { pid: number, started: number }
const isRecord = shape({ ...one, boot: text, by: shape(one) })

interface Record extends ProcessId {
  readonly boot: string
  /** Who has started it. */
  readonly by: ProcessId
}

export class ChildFile {
  readonly #path: string

  constructor(stateDir: string, confdir: string) {
    this.#path = join(stateDir, `child-${idOf(confdir)}.json`)
  }

  /** The one whose reconfd is not there any more; whether it runs itself is not known. */
  async read(): Promise<ProcessId | undefined> {
    const found = await readFile(this.#path, 'utf8').catch(() => '')
    try {
      const parsed: unknown = JSON.parse(found)
      if (!isRecord(parsed)) return undefined
      const { pid, started, boot, by } = parsed as Record
      return boot !== bootId() || isRunning(by) ? undefined : { pid, started }
    } catch {
      return undefined
    }
  }

  /** Creates the folder. Call it before the start, so that write() is quick. */
  prepare(): void {
    try {
      makeDirs(dirname(this.#path))
    } catch {
      // write() reports the fault.
    }
  }

  /** Synchronous: a kill between start and record would leave a program that the next start cannot find. */
  write({ pid, started }: ProcessId): Result<void, Fault> {
    const record: Record = { pid, started, boot: bootId(), by: thisProcess() }
    const next = join(dirname(this.#path), temporaryName(basename(this.#path)))
    try {
      writeFileSync(next, JSON.stringify(record), { mode: 0o600, flag: 'wx' })
      renameSync(next, this.#path)
      return ok(undefined)
    } catch (error) {
      return err(ioFault(`cannot write ${this.#path}`, error, STATE_HINT))
    }
  }

  async clear(): Promise<void> {
    await unlink(this.#path).catch(() => undefined)
  }
}
