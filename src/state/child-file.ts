// The record of the running program of exec mode, with which the next start of reconfd can find and stop an orphaned
// program.
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
  /** The reconfd process that started the program. */
  readonly by: ProcessId
}

export class ChildFile {
  readonly #path: string

  constructor(stateDir: string, confdir: string) {
    this.#path = join(stateDir, `child-${shortId(confdir)}.json`)
  }

  /**
   * The recorded program, if the reconfd process that started it has exited. The program itself may have exited, too.
   */
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

  /** Creates the folder. Call this before the program starts, so that write() is quick. */
  prepare(): void {
    try {
      ensureDir(dirname(this.#path))
    } catch {
      // write() reports the fault.
    }
  }

  /**
   * Synchronous, because if reconfd were killed after the start and before this write, the next reconfd could not find
   * the program.
   */
  write({ pid, started }: ProcessId): Result<void, Fault> {
    const record: ChildRecord = { pid, started, boot: bootId(), by: thisProcess() }
    const next = join(dirname(this.#path), temporaryName(basename(this.#path)))
    try {
      writeFileSync(next, JSON.stringify(record), { mode: 0o600, flag: 'wx' })
      renameSync(next, this.#path)
      return ok(undefined)
    } catch (error) {
      return err(ioFault(`cannot write the state file ${this.#path}`, error, STATE_HINT))
    }
  }

  async clear(): Promise<void> {
    await unlink(this.#path).catch(() => undefined)
  }
}
