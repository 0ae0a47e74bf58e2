// The metrics of the program of exec mode.
import { constants } from 'node:os'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { ChildStatus } from '../core/status.ts'

export class ChildMetrics {
  readonly #up: Gauge
  readonly #restarts: Counter
  readonly #exitTime: Gauge<'code'>

  constructor(registry: Registry) {
    const registers = [registry]
    this.#up = new Gauge({
      name: 'reconfd_child_up',
      help: '1 if the program of exec mode is running, else 0.',
      registers,
    })
    this.#restarts = new Counter({
      name: 'reconfd_child_restarts_total',
      help: 'Restarts of the program of exec mode.',
      registers,
    })
    this.#exitTime = new Gauge({
      name: 'reconfd_child_last_exit_timestamp_seconds',
      help: 'Time of the last exit of the program, in seconds since the Unix epoch, by exit code (128 plus the signal number if a signal killed it).',
      labelNames: ['code'],
      registers,
    })
  }

  measure({ state, restarts, lastExit }: ChildStatus): void {
    this.#up.set(state === 'up' ? 1 : 0)
    this.#restarts.reset()
    this.#restarts.inc(restarts)
    if (lastExit === undefined) return
    const { at, exitCode, signal } = lastExit
    const number = constants.signals[signal as NodeJS.Signals]
    this.#exitTime.reset()
    this.#exitTime.set(
      { code: signal === null ? String(exitCode) : String(128 + number) },
      Date.parse(at) / 1000,
    )
  }
}
