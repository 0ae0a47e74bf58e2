// The record of the running program of exec mode, so that the next start can end an orphaned one.
import { renameSync, writeFileSync } from 'node:fs'
import { readFile, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { isNumber, hasShape, isText } from '../core/shape.ts'
import { bootId, isRunning, thisProcess, type ProcessId } from '../system/process.ts'
import { temporaryName } from '../system/temporary.ts'
import { shortId, ensureDir, STATE_HINT } from './state-files.ts'

const processId = { pid: isNumber, started: isNumber }
const isRecord = hasShape({ ...processId, boot: isText, by: hasShape(processId) })

interface ChildRecord extends ProcessId {
  readonly boot: string
  /** The reconfd process that has started it. */
  readonly by: ProcessId
}

export class ChildFile {
  readonly #path: string

  constructor(stateDir: string, confdir: string) {
    this.#path = join(stateDir, `child-${shortId(confdir)}.json`)
  }

  /** The recorded program, if its reconfd has ended; the program itself may have ended, too. */
  async read(): Promise<ProcessId | undefined> {
    const found = await readFile(this.#path, 'utf8').catch(() => '')
    try {
      const parsed: unknown = JSON.parse(found)
      if (!isRecord(parsed)) return undefined
      const { pid, started, boot, by } = parsed as ChildRecord
      return boot !== bootId() || isRunning(by) ? undefined : { pid, started }
    } catch {
      return undefined
    }
  }

  /** Creates the folder. Call it before the start, so that write() is quick. */
  prepare(): void {
    try {
      ensureDir(dirname(this.#path))
    } catch {
      // write() reports the fault.
    }
  }

  /** Synchronous: after a kill between start and record, the next start could not find the program. */
  write({ pid, started }: ProcessId): Result<void, Fault> {
    const record: ChildRecord = { pid, started, boot: bootId(), by: thisProcess() }
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
