// Races the nodes of one store: if a node does not answer within a short time, the next node is tried in parallel, and
// the first good answer wins. Slow nodes remain in the race.
import type { Fault } from '../core/fault.ts'
import { Attempt, type AttemptOptions, type Failure } from './attempt.ts'

export interface Patience {
  /** Milliseconds without a byte from a node before the next node is tried. */
  readonly silence: number
  /** Milliseconds without an event from a node before the next node is tried. */
  readonly most: number
}

const PATIENCE: Patience = { silence: 1000, most: 10_000 }

/** The nodes tried since the store was last read, with their faults; undefined for a node that has not answered yet. */
export type AskedNodes = Map<string, Fault | undefined>

export class Race {
  readonly #running = new Map<string, Attempt>()
  /** Cancelled attempts that have not ended yet. */
  readonly #ending = new Set<Promise<void>>()
  #wake: () => void = () => undefined
  readonly #wakeUp = (): void => this.#wake()

  /**
   * @param asked updated with each node tried
   * @param failed called for each failure
   */
  constructor(
    private readonly options: AttemptOptions,
    private readonly asked: AskedNodes,
    private readonly failed: (failure: Failure) => void,
    private readonly patience = PATIENCE,
  ) {
    options.signal.addEventListener('abort', this.#wakeUp, { once: true })
  }

  /**
   * Tries each node once, in the given order. Resolves with the first attempt that has an event. Resolves with
   * undefined when every node has failed or is silent and at least one has failed. Also resolves with undefined when
   * the signal is aborted. Silent nodes remain in the race.
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
        else if (this.#running.size === nodes.size) await this.#waitForChange(Infinity)
        else return this.#noWinner()
      } else await this.#waitForChange(left)
    }
    return undefined
  }

  /** Resolves when one of the remaining attempts has answered, or the signal is aborted. */
  async answered(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', this.#wakeUp, { once: true })
    while (!signal.aborted && !this.#hasWinner) await this.#waitForChange(Infinity)
    signal.removeEventListener('abort', this.#wakeUp)
  }

  async close(): Promise<void> {
    this.options.signal.removeEventListener('abort', this.#wakeUp)
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

  #noWinner(): undefined {
    for (const node of this.#running.keys()) this.asked.set(node, undefined)
  }

  /** Returns an attempt that has answered, if there is one, and cancels the others. */
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

  /** Milliseconds until all running attempts count as slow and the next node is tried. */
  #patienceLeft(): number {
    const { silence, most } = this.patience
    const now = performance.now()
    const left = ({ began, heard }: Attempt): number =>
      Math.min(heard + silence, began + most) - now
    return Math.max(0, ...[...this.#running.values()].map(left))
  }

  /** Waits for a change, but for at most `time` milliseconds. */
  async #waitForChange(time: number): Promise<void> {
    if (this.options.signal.aborted) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      if (time < Infinity) timer = setTimeout(resolve, time)
    })
    clearTimeout(timer)
  }
}
