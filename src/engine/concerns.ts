// Finds the resources that a change affects, by the keys and files that their last renders read. A resource with a
// hold_down sees changes to keys through its own view. A change that arrives during a render is matched against the
// reads of that render too.
import { causeOfFiles, type Cause } from '../core/cause.ts'
import { DirtyIndex } from '../core/dirty.ts'
import type { Key } from '../core/key.ts'
import type { Changes } from '../core/mirror.ts'
import type { Reads } from '../core/reads.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import type { Tree } from '../core/tree.ts'
import type { TemplateRenderer } from '../templates/render.ts'
import { ForEach } from './for-each.ts'
import type { Causes } from './outcome.ts'
import type { Unit } from './unit.ts'
import { Views, type SeenChanges } from './views.ts'

export class Concerns {
  readonly views: Views
  readonly #resources: ReadonlyMap<string, Resource>
  readonly #index = new DirtyIndex()
  /** Units that are being rendered: their tree has been taken, and their reads are not known yet. */
  readonly #rendering = new Set<Unit>()
  /** The for_each templates, by resource. */
  readonly #forEach = new Map<string, ReadonlyMap<TemplateSpec, ForEach>>()

  /**
   * @param storeOf returns the name of the store that contains a key
   * @param former the views of the previous generation
   */
  constructor(
    resources: readonly Resource[],
    renderer: TemplateRenderer,
    storeOf: (key: Key) => string,
    former: Views | undefined,
  ) {
    this.#resources = new Map(resources.map((resource) => [resource.name, resource]))
    this.views = new Views(resources, former)
    for (const { name, templates } of resources) {
      const expanding = templates.filter(({ forEach }) => forEach !== undefined)
      if (expanding.length === 0) continue
      const items = expanding.map(
        (spec) => [spec, new ForEach(renderer, storeOf(spec.prefix))] as const,
      )
      this.#forEach.set(name, new Map(items))
    }
  }

  /** @param spec a for_each template of this resource */
  itemsOf(resource: string, spec: TemplateSpec): ForEach {
    return this.#forEach.get(resource)?.get(spec) as ForEach
  }

  /** Makes every for_each template render all its items again. */
  all(): void {
    for (const items of this.#forEach.values()) for (const one of items.values()) one.forget()
  }

  /** Returns the affected resources with their causes. Call for every change to the keys, in order. */
  ofKeys(changes: Changes, before: Tree, after: Tree, now: number): Causes {
    return this.#of(this.views.changed(changes, before, after, now))
  }

  /**
   * Ends the expired hold-downs. Returns the keys that they kept, and the causes for the resources that read these
   * keys.
   */
  ofExpired(now: number): { readonly keys: ReadonlySet<Key>; readonly causes: Causes } {
    const expired = this.views.expire(now)
    const keys = new Set([...expired.values()].flatMap((changes) => [...changes.keys()]))
    return { keys, causes: this.#of(expired) }
  }

  /**
   * Returns the resources whose last render used one of these files. An editor's temporary file beside a template
   * affects no resource.
   */
  ofFiles(paths: ReadonlySet<string>): Causes {
    const files = new Map<string, Set<string>>()
    for (const path of paths) {
      for (const name of this.#index.usersOf(path)) {
        files.set(name, (files.get(name) ?? new Set()).add(path))
      }
      for (const { meanwhile } of this.#rendering) meanwhile?.files.add(path)
    }
    this.#notifyItems(
      files.keys(),
      () => true,
      (items) => items.filesChanged(paths),
    )
    return new Map([...files].map(([name, own]) => [name, causeOfFiles(own)]))
  }

  /** Call when a render of the unit takes its snapshot of the keys. Later changes are collected for the next cycle. */
  rendering(unit: Unit): void {
    unit.meanwhile = { keys: [], files: new Set() }
    this.#rendering.add(unit)
    for (const name of unit.names) {
      for (const items of this.#forEach.get(name)?.values() ?? []) items.begin()
    }
  }

  /**
   * Records the reads of a resource. Returns a cause if the resource has read a key or file that changed after the
   * tree for this render was taken.
   */
  rendered(unit: Unit, resource: string, reads: readonly Reads[]): Cause | undefined {
    this.#index.set(resource, reads)
    const { keys = [], files = new Set<string>() } = unit.meanwhile ?? {}
    for (const changes of keys) {
      const cause = this.#index.affected(changes).get(resource)
      if (cause !== undefined) return cause
    }
    const used = [...files].filter((path) => this.#index.usersOf(path).has(resource))
    return used.length === 0 ? undefined : causeOfFiles(used)
  }

  /** Stops collecting changes for the unit. Call when all resources of the unit have been rendered. */
  renderedAll(unit: Unit): void {
    this.#rendering.delete(unit)
    unit.meanwhile = undefined
  }

  #of(seen: SeenChanges): Causes {
    const causes = new Map<string, Cause>()
    for (const [holdDown, changes] of seen) {
      if (changes.size === 0) continue
      const sees = (name: string): boolean => this.#resources.get(name)?.holdDown === holdDown
      for (const unit of this.#rendering) {
        if (unit.names.some(sees)) unit.meanwhile?.keys.push(changes)
      }
      const affected = this.#index.affected(changes)
      for (const [name, cause] of affected) if (sees(name)) causes.set(name, cause)
      this.#notifyItems(affected.keys(), sees, (items) => items.keysChanged(changes))
    }
    return causes
  }

  /** Notifies the for_each templates of these resources, and of all resources that are being rendered. */
  #notifyItems(
    resources: Iterable<string>,
    sees: (resource: string) => boolean,
    notify: (items: ForEach) => void,
  ): void {
    if (this.#forEach.size === 0) return
    const names = new Set(resources)
    for (const unit of this.#rendering) for (const name of unit.names) names.add(name)
    for (const name of names) {
      if (sees(name)) for (const items of this.#forEach.get(name)?.values() ?? []) notify(items)
    }
  }
}
