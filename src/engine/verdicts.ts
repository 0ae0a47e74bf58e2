// Executes reload runs and judges the content that they read.
import { warnIfFailed } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Run } from '../core/reload-run.ts'
import type { ReloadRun } from './machine.ts'
import type { Parts } from './parts.ts'
import { longestSettlement, settle } from './settle.ts'
import type { Underway } from './underway.ts'
import type { Unit } from './unit.ts'

/** Units whose content has failed `reload_attempts` times. */
export interface Exhausted {
  readonly units: ReadonlySet<Unit>
  readonly fault: Fault
}

export class Verdicts {
  /** Settles when the newest verdict has been given. */
  #last: Promise<unknown> = Promise.resolve()

  /** @param unitsOf returns the units of resources in the current configuration */
  constructor(
    private readonly parts: Parts,
    private readonly underway: Underway,
    private readonly unitsOf: (resources: Iterable<string>) => ReadonlySet<Unit>,
  ) {}

  async of(run: Run): Promise<Exhausted | undefined> {
    const what = `the reload ${run.command}`
    const units = [...this.unitsOf(run.read.keys())]
    const resources = units
      .flatMap((unit) => unit.resources)
      .filter(({ name }) => run.read.has(name))
    const limits = { what, resources: [], allowed: longestSettlement(run, resources) }
    const ended = await this.underway.during(limits, settle(run, resources, this.parts))
    // Judge one run at a time: if two runs end at the same time, the unit may be proved only by both of them
    // together.
    const verdict = this.#last.then(() => this.#judge(run, ended))
    this.#last = verdict.catch(() => undefined)
    return verdict
  }

  async #judge(run: Run, ended: ReloadRun): Promise<Exhausted | undefined> {
    const { desk, state } = this.parts
    // Record the proof before the run counts as ended, so that no newer content is placed in between.
    if (ended.fault === undefined) {
      for (const unit of this.unitsOf(run.read.keys())) await this.#prove(unit, run)
    } else await state.ensure()
    const exhausted = await desk.finish(run, ended)
    if (ended.fault === undefined || exhausted.length === 0) return undefined
    return { units: this.unitsOf(exhausted), fault: ended.fault }
  }

  /** Records the content in place as proved, if all reloads of the unit have succeeded. */
  async #prove(unit: Unit, run: Run): Promise<void> {
    const { desk, memory, emit } = this.parts
    const proved = new Set(desk.provedBy(run))
    if (unit.names.some((name) => desk.isUnproved(name) && !proved.has(name))) return
    for (const name of unit.names) {
      const { good } = await memory.get(name)
      if (good.size > 0) warnIfFailed(emit, await memory.set(name, { good: new Map() }, true))
    }
  }
}
