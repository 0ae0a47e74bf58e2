// Acts on the outcome of a cycle: reports it, decides when the unit is due again, and records which resources have
// failed or changed.
import type { Key } from '../core/key.ts'
import type { Agenda } from './agenda.ts'
import { failed, type Failed, type Outcome } from './outcome.ts'
import type { Parts } from './parts.ts'
import type { Unit } from './unit.ts'
import type { Waits } from './waits.ts'

type Of<Kind extends Outcome['kind']> = Extract<Outcome, { readonly kind: Kind }>

export class Conclusions {
  /**
   * Resources whose newest content is not in place: their cycle failed, or the change was held, rejected or rolled
   * back.
   */
  readonly failed = new Set<string>()
  readonly changed = new Set<string>()

  /** @param retry false in a onetime run */
  constructor(
    private readonly agenda: Agenda,
    private readonly waits: Waits,
    private readonly retry: boolean,
    private readonly parts: Parts,
  ) {}

  /** Forgets resources that are no longer configured. */
  keep(isConfigured: (resource: string) => boolean): void {
    for (const set of [this.failed, this.changed]) {
      for (const name of set) if (!isConfigured(name)) set.delete(name)
    }
  }

  /** @param nameOf returns the name of a key's store */
  conclude(unit: Unit, outcome: Outcome, nameOf: (key: Key) => string): void {
    if (outcome.kind !== 'waiting') this.waits.end(unit)
    switch (outcome.kind) {
      case 'waiting':
        return this.#wait(unit, outcome, nameOf)
      case 'done':
        return this.#done(unit, outcome)
      // A held or rejected change is not retried, except for a held change with `passesIn`. The unit becomes due
      // again when keys change or an operator accepts the content.
      case 'held':
        return this.#held(unit, outcome)
      case 'rejected':
        return this.#rejected(unit, outcome)
      case 'failed':
        return this.#failed(unit, outcome)
    }
  }

  #done(unit: Unit, { changed }: Of<'done'>): void {
    const { emit, mode } = this.parts
    this.agenda.succeeded(unit)
    for (const name of unit.names) {
      const isChanged = changed.includes(name)
      this.failed.delete(name)
      if (isChanged) this.changed.add(name)
      if (!isChanged || !mode.noop) emit({ kind: 'applied', resource: name, changed: isChanged })
    }
  }

  #held(unit: Unit, { resource, hold }: Of<'held'>): void {
    const { emit, clock } = this.parts
    this.agenda.succeeded(unit)
    this.failed.add(resource)
    if (hold.passesIn !== undefined) this.agenda.later(unit, clock.now() + hold.passesIn)
    emit({ kind: 'held', resource, ...hold })
    this.#reportOthers(unit, resource, 'held')
  }

  #rejected(unit: Unit, { resource, fault }: Of<'rejected'>): void {
    this.agenda.succeeded(unit)
    this.failed.add(resource)
    this.parts.emit({ kind: 'failed', resource, at: 'reload', fault, retryIn: null })
    this.#reportOthers(unit, resource, 'failed')
  }

  #failed(unit: Unit, { resource, at, fault }: Failed): void {
    const { emit, clock } = this.parts
    this.failed.add(resource)
    const delay = this.agenda.failed(unit, clock.now())
    emit({ kind: 'failed', resource, at, fault, retryIn: this.retry ? delay : null })
    this.#reportOthers(unit, resource, 'failed')
  }

  /**
   * Makes the unit wait until the missing keys are known; no file was touched. After too many waits, the cycle fails.
   */
  #wait(unit: Unit, outcome: Of<'waiting'>, nameOf: (key: Key) => string): void {
    const { resource, missing } = outcome
    if (!this.waits.begin(unit, missing)) return this.conclude(unit, endless(outcome), nameOf)
    this.agenda.succeeded(unit)
    const { keys, more } = missing
    this.parts.emit({ kind: 'awaits', resource, store: nameOf(keys[0] ?? '/'), keys, more })
    this.#reportOthers(unit, resource, 'waiting')
  }

  /** Reports that the rest of the group waits for `culprit`, which has failed, is held, or is itself waiting. */
  #reportOthers(unit: Unit, culprit: string, because: 'failed' | 'held' | 'waiting'): void {
    for (const name of unit.names) {
      if (name === culprit) continue
      this.parts.emit({ kind: 'waits', resource: name, for: culprit, because })
    }
  }
}

function endless({ resource, missing }: Of<'waiting'>): Failed {
  return failed('render', resource, {
    kind: 'template',
    message: `each render looks up other keys that have not been read yet; the last one was ${missing.keys[0] ?? '/'}`,
    hint: 'look up names that come from keys, not names built from the time or from random values',
  })
}
