// The outbox: what the service manager is yet to be told. One message is under way at a time. What
// waits behind it is put together, so that a slow manager is told of less, and of nothing that is over.
import type { Fault } from '../core/fault.ts'
import type { Result } from '../core/result.ts'
import type { Message, Variable } from './notify.ts'

/** Told one by one and in order: each is a state of its own. */
const STATES: readonly Variable[] = ['READY', 'RELOADING', 'STOPPING']

const isState = (message: Message): boolean => STATES.some((name) => name in message)

export class Outbox {
  readonly #waiting: Message[] = []
  #sending: Promise<void> | undefined
  #failed = false

  /**
   * @param send never rejects
   * @param warn told of the first failure, and of the first one after a success
   */
  constructor(
    private readonly send: (message: Message) => Promise<Result<void, Fault>>,
    private readonly warn: (fault: Fault) => void,
  ) {}

  tell(message: Message): void {
    const last = this.#waiting.at(-1)
    if (last === undefined || isState(message)) this.#waiting.push(message)
    else this.#waiting[this.#waiting.length - 1] = { ...last, ...message }
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined))
  }

  /** Resolves when all has been told, or could not be. */
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
