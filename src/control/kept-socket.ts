// Keeps the control socket of a daemon open. Reopens the socket if something, such as a script that cleans up the state
// directory, removes it while the daemon is running.
import { ioFault } from '../core/errno.ts'
import type { DaemonControls } from '../core/control.ts'
import { onRemoval } from '../system/removal.ts'
import { isTooLong } from '../system/socket-path.ts'
import { isAlive } from '../system/unix-socket.ts'
import { serveControl, type ControlServer } from './server.ts'

/** Milliseconds from the removal of the socket to its reopening. Meanwhile, a script may be removing other files. */
const SETTLE = 200

export class KeptSocket {
  #server: ControlServer | undefined
  #unwatch: () => void = () => undefined
  #timer: NodeJS.Timeout | undefined
  #reopening: Promise<void> = Promise.resolve()
  #isClosed = false

  /**
   * @param warn called with the reason why there is no socket
   * @param reopened called after an attempt to reopen a removed socket
   */
  constructor(
    private readonly path: string,
    private readonly controls: DaemonControls,
    private readonly warn: (message: string) => void,
    private readonly reopened: () => Promise<void>,
  ) {}

  /** Never rejects. */
  async open(): Promise<void> {
    const { path, controls, warn } = this
    if (isTooLong(path)) {
      warn(`no control socket: the path ${path} is too long; set a shorter -state-dir`)
      return
    }
    try {
      this.#server = await serveControl(path, controls)
      this.#unwatch = onRemoval(path, () => this.#reopenSoon())
    } catch (error) {
      warn(ioFault(`no control socket: cannot listen at ${path}`, error).message)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#reopening
    this.#unwatch()
    await this.#server?.close()
  }

  #reopenSoon(): void {
    this.#timer = setTimeout(() => {
      this.#reopening = this.#reopen()
    }, SETTLE).unref()
  }

  async #reopen(): Promise<void> {
    await this.#server?.close()
    // If another daemon has opened the socket meanwhile, that daemon keeps it.
    if (this.#isClosed || (await isAlive(this.path))) return
    await this.open()
    await this.reopened()
  }
}
