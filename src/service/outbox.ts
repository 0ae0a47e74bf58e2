// Queues messages for the service manager. One message is sent at a time; pending ones are merged, so that
// a slow manager receives fewer messages and no outdated ones.
import type { Fault } from '../core/fault.ts'
import type { Result } from '../core/result.ts'
import type { NotifyMessage, NotifyVariable } from './notify.ts'

/** A message with one of these variables is a state transition, so it is never merged into the previous message. */
const STATES: readonly NotifyVariable[] = ['READY', 'RELOADING', 'STOPPING']

const isState = (message: NotifyMessage): boolean => STATES.some((name) => name in message)

export class Outbox {
  readonly #waiting: NotifyMessage[] = []
  #sending: Promise<void> | undefined
  #failed = false

  /**
   * @param send never rejects
   * @param warn called for the first of several consecutive failures
   */
  constructor(
    private readonly send: (message: NotifyMessage) => Promise<Result<void, Fault>>,
    private readonly warn: (fault: Fault) => void,
  ) {}

  enqueue(message: NotifyMessage): void {
    const last = this.#waiting.at(-1)
    if (last === undefined || isState(message)) this.#waiting.push(message)
    else this.#waiting[this.#waiting.length - 1] = { ...last, ...message }
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined))
  }

  /** Resolves when every message has been sent or has failed. */
  async empty(): Promise<void> {
    await this.#sending
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const sent = await this.send(next)
      if (!sent.ok && !this.#failed) this.warn(sent.error)
      this.#failed = !sent.ok
    }
  }
}
