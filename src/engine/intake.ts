// Finds the units that are affected by changed keys or files, records the causes, and puts the units on the agenda.
import type { Key } from '../core/key.ts'
import type { Changes } from '../core/mirror.ts'
import type { Tree } from '../core/tree.ts'
import type { Agenda } from './agenda.ts'
import type { Current } from './current.ts'
import type { Causes } from './outcome.ts'
import type { Parts } from './parts.ts'
import type { Unit } from './unit.ts'

/** Maximum number of keys that an event names; the others are only counted. */
const KEYS_NAMED = 10

export class Intake {
  constructor(
    private readonly agenda: Agenda,
    private readonly parts: Parts,
  ) {}

  /**
   * Marks the units that are affected by changes in a store and emits an event.
   * @param store name of the store, for the event
   * @param before the tree before the changes
   */
  keys(current: Current, store: string, changes: Changes, before: Tree): void {
    const { concerns, feeds } = current
    const causes = concerns.ofKeys(changes, before, feeds.tree, this.parts.clock.now())
    this.parts.kept.changed(concerns.views)
    this.#report(store, [...changes.keys()], causes)
    this.mark(current, causes)
  }

  /** @returns whether any resource is affected */
  files(current: Current, paths: ReadonlySet<string>): boolean {
    for (const path of paths) current.renderer.forget(path)
    const causes = current.concerns.ofFiles(paths)
    if (causes.size === 0) return false
    const files = new Set([...causes.values()].flatMap((cause) => cause.files))
    this.parts.emit({ kind: 'files-changed', files: [...files], causes })
    this.mark(current, causes)
    return true
  }

  /** Handles the keys whose hold-down has expired. */
  expired(current: Current, now: number): void {
    const { concerns, feeds } = current
    if (concerns.views.next > now) return
    const { keys, causes } = concerns.ofExpired(now)
    this.parts.kept.changed(concerns.views)
    for (const key of keys) this.#report(feeds.nameOf(key), [key], causes)
    this.mark(current, causes)
  }

  /** Makes the units of these resources dirty. */
  mark({ unitOf }: Current, causes: Causes): void {
    const now = this.parts.clock.now()
    const units = new Set<Unit>()
    for (const [resource, cause] of causes) {
      const unit = unitOf.get(resource)
      if (unit === undefined) continue
      unit.addCause(resource, cause)
      units.add(unit)
    }
    for (const unit of units) this.agenda.changed(unit, now)
  }

  #report(store: string, keys: readonly Key[], causes: Causes): void {
    this.parts.emit({
      kind: 'changed',
      store,
      keys: keys.slice(0, KEYS_NAMED),
      more: Math.max(0, keys.length - KEYS_NAMED),
      resources: [...causes.keys()],
      causes,
    })
  }
}
