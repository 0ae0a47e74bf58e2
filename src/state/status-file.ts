// The status as it is kept in the state directory, for when no daemon runs that could be asked.
import { readFile } from 'node:fs/promises'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { FullStatus } from '../core/status.ts'
import { replaceFile, STATE_HINT } from './state-files.ts'
import { isFullStatus } from './status-shape.ts'

/** What was kept; undefined when there is nothing, or nothing that can be understood. */
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

/** Milliseconds from a change to its being written: what leads to a reload goes first. */
const SOON = 100
/** Milliseconds between two writes at least. */
const PAUSE = 1000
/** Writing takes one part in so many of the time at most, however large the status is. */
const SHARE = 50

export class StatusFile {
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()
  #notBefore = 0
  #closed = false

  /** @param failed told each time that it cannot be written */
  constructor(
    private readonly path: string,
    private readonly status: () => FullStatus,
    private readonly failed: (fault: Fault) => void,
  ) {}

  /** Something is another: it is written soon. */
  changed(): void {
    if (this.#closed || this.#timer !== undefined) return
    const wait = Math.max(SOON, this.#notBefore - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#writing = this.#write()
    }, wait)
    this.#timer.unref()
  }

  /** The last write, and none after it. */
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
