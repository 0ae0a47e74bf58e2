// Several nodes of one store, one after the other and then side by side: a node has a short time to show that
// it is there before the next one is asked as well, and the first good answer wins. A node that is merely slow
// is not given up for that.
import type { Fault } from '../core/fault.ts'
import { Attempt, type AttemptOptions, type Failure } from './attempt.ts'

export interface Patience {
  /** Milliseconds for a connection and the first byte, and from byte to byte until the first event. */
  readonly silence: number
  /** Milliseconds until the next node is asked, whatever comes of this one. */
  readonly most: number
}

const PATIENCE: Patience = { silence: 1000, most: 10_000 }

/** The nodes that were asked since a store was heard last, and what each did; undefined: nothing yet. */
export type Asked = Map<string, Fault | undefined>

export class Race {
  readonly #running = new Map<string, Attempt>()
  /** Cancelled ones that are not over yet. */
  readonly #ending = new Set<Promise<void>>()
  #wake: () => void = () => undefined
  readonly #changed = (): void => this.#wake()

  /**
   * @param asked is kept up to date
   * @param failed told of each failure
   */
  constructor(
    private readonly options: AttemptOptions,
    private readonly asked: Asked,
    private readonly failed: (failure: Failure) => void,
    private readonly patience = PATIENCE,
  ) {
    options.signal.addEventListener('abort', this.#changed, { once: true })
  }

  /**
   * Asks the nodes in their order, each once. Resolves with the attempt that has answered first, or with
   * undefined as soon as some have failed and the others are silent, which go on being waited for.
   */
  async run(order: readonly string[]): Promise<Attempt | undefined> {
    const nodes = new Set(order)
    for (const node of [...this.#running.keys()]) if (!nodes.has(node)) this.#cancel(node)
    for (const node of [...this.asked.keys()]) if (!nodes.has(node)) this.asked.delete(node)
    const waiting = [...nodes].filter((node) => !this.#running.has(node))
    while (!this.options.signal.aborted) {
      const winner = this.#takeWinner()
      if (winner !== undefined) return winner
      const left = this.#patienceLeft()
      if (left <= 0) {
        const next = waiting.shift()
        if (next !== undefined) this.#ask(next)
        else if (this.#running.size === nodes.size) await this.#change(Infinity)
        else return this.#nobody()
      } else await this.#change(left)
    }
    return undefined
  }

  /** Resolves when one of those that are still waited for has answered; there may be none. */
  async answered(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', this.#changed, { once: true })
    while (!signal.aborted && !this.#hasWinner) await this.#change(Infinity)
    signal.removeEventListener('abort', this.#changed)
  }

  async close(): Promise<void> {
    this.options.signal.removeEventListener('abort', this.#changed)
    for (const node of [...this.#running.keys()]) this.#cancel(node)
    await Promise.all(this.#ending)
  }

  #ask(node: string): void {
    if (!this.asked.has(node)) this.asked.set(node, undefined)
    const attempt = new Attempt(node, this.options, () => {
      const { first } = attempt
      if (first !== undefined && 'fault' in first && this.#running.get(node) === attempt) {
        this.asked.set(node, first.fault)
        this.#cancel(node)
        this.failed(first)
      }
      this.#wake()
    })
    this.#running.set(node, attempt)
  }

  get #hasWinner(): boolean {
    return [...this.#running.values()].some(({ first }) => first !== undefined)
  }

  #nobody(): undefined {
    for (const node of this.#running.keys()) this.asked.set(node, undefined)
  }

  /** The one that has answered; the others are cancelled. */
  #takeWinner(): Attempt | undefined {
    const winner = [...this.#running.values()].find(({ first }) => first !== undefined)
    if (winner === undefined) return undefined
    this.#running.delete(winner.node)
    for (const node of [...this.#running.keys()]) this.#cancel(node)
    return winner
  }

  #cancel(node: string): void {
    const attempt = this.#running.get(node)
    this.#running.delete(node)
    if (attempt === undefined) return
    const ending = attempt.end().finally(() => this.#ending.delete(ending))
    this.#ending.add(ending)
  }

  /** Milliseconds for which one of them may still be expected to answer. */
  #patienceLeft(): number {
    const { silence, most } = this.patience
    const now = performance.now()
    const left = ({ began, heard }: Attempt): number =>
      Math.min(heard + silence, began + most) - now
    return Math.max(0, ...[...this.#running.values()].map(left))
  }

  /** Waits until something has happened, or the time (in milliseconds) is over. */
  async #change(time: number): Promise<void> {
    if (this.options.signal.aborted) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      if (time < Infinity) timer = setTimeout(resolve, time)
    })
    clearTimeout(timer)
  }
}
