// Stores the status in the state directory, for commands that run while no daemon is running.
import { readFile } from 'node:fs/promises'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { FullStatus } from '../core/status.ts'
import { replaceFile, STATE_HINT } from './state-files.ts'
import { isFullStatus } from './status-shape.ts'

/** The stored status; undefined if the file is missing or damaged. Rejects with other system errors. */
export async function readStatus(path: string): Promise<FullStatus | undefined> {
  try {
    const status: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isFullStatus(status) ? status : undefined
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error)) || error instanceof SyntaxError) {
      return undefined
    }
    throw error
  }
}

/** Milliseconds from a change to the write, so that a reload that follows the change comes first. */
const SOON = 100
/** The shortest pause between two writes, in milliseconds. */
const PAUSE = 1000
/** The pause is at least this many times the duration of the last write. */
const SHARE = 50

export class StatusFile {
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #notBefore = 0
  #closed = false

  /** @param failed called after each failed write */
  constructor(
    private readonly path: string,
    private readonly status: () => FullStatus,
    private readonly failed: (fault: Fault) => void,
  ) {}

  /** Schedules a write. */
  changed(): void {
    if (this.#closed || this.#timer !== undefined) return
    const wait = Math.max(SOON, this.#notBefore - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#writing = this.#write()
    }, wait)
    this.#timer.unref()
  }

  /** Writes the status one last time. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#writing
    await this.#write()
  }

  async #write(): Promise<void> {
    const begin = performance.now()
    try {
      await replaceFile(this.path, JSON.stringify(this.status()), false)
    } catch (error) {
      this.failed(ioFault(`cannot write the status file ${this.path}`, error, STATE_HINT))
    }
    const end = performance.now()
    this.#notBefore = end + Math.max(PAUSE, SHARE * (end - begin))
  }
}
