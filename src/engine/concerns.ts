// Which resources a change concerns: by what their last renders looked up, and by how they see the keys
// (hold_down). What changes while one is being rendered is held against its new reads as well.
import { causeOf, DirtyIndex, type Cause } from '../core/dirty.ts'
import type { Key } from '../core/key.ts'
import type { Changes } from '../core/mirror.ts'
import type { Reads } from '../core/reader.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import type { Tree } from '../core/tree.ts'
import type { TemplateRenderer } from '../templates/render.ts'
import { ForEach } from './for-each.ts'
import { Views, type SeenChanges } from './views.ts'

export interface ConcernsOptions {
  readonly resources: readonly Resource[]
  readonly renderer: TemplateRenderer
  readonly storeOf: (key: Key) => string
  /** How the former generation saw the keys. */
  readonly former: Views | undefined
}

/** Of a template with for_each. */
interface Items {
  readonly resource: Resource
  readonly items: ForEach
}

export class Concerns {
  readonly views: Views
  readonly #resources: ReadonlyMap<string, Resource>
  readonly #index = new DirtyIndex()
  /** What changed while a resource was being rendered: it may concern keys it has only just read. */
  readonly #rendering = new Map<string, Changes[]>()
  readonly #forEach = new Map<TemplateSpec, Items>()

  constructor({ resources, renderer, storeOf, former }: ConcernsOptions) {
    this.#resources = new Map(resources.map((resource) => [resource.name, resource]))
    this.views = new Views(resources, former)
    for (const resource of resources) {
      for (const spec of resource.templates) {
        if (spec.forEach === undefined) continue
        this.#forEach.set(spec, { resource, items: new ForEach(renderer, storeOf(spec.prefix)) })
      }
    }
  }

  /** Of a template with for_each. */
  itemsOf(spec: TemplateSpec): ForEach {
    return (this.#forEach.get(spec) as Items).items
  }

  /** Everything is to be looked at. */
  all(): void {
    for (const { items } of this.#forEach.values()) items.forget()
  }

  /** To be called for every change of the keys, in order. */
  ofKeys(changes: Changes, before: Tree, after: Tree): ReadonlyMap<string, Cause> {
    return this.#of(this.views.changed(changes, before, after, performance.now()))
  }

  /** What a hold-down has kept until now, and the resources that it concerns. */
  ofExpired(now: number): {
    readonly keys: ReadonlySet<Key>
    readonly causes: ReadonlyMap<string, Cause>
  } {
    const expired = this.views.expire(now)
    const keys = new Set([...expired.values()].flatMap((changes) => [...changes.keys()]))
    return { keys, causes: this.#of(expired) }
  }

  ofFiles(paths: ReadonlySet<string>): ReadonlySet<string> {
    // A render that is under way may have read the old file.
    const dirty = new Set(this.#rendering.keys())
    for (const path of paths) for (const name of this.#index.usersOf(path)) dirty.add(name)
    for (const { resource, items } of this.#forEach.values()) {
      items.filesChanged(paths)
      if (items.isDirty) dirty.add(resource.name)
    }
    return dirty
  }

  rendering(resource: string): void {
    this.#rendering.set(resource, [])
  }

  /** Takes in what a render looked up; true when some of that has changed while it went on. */
  rendered(resource: string, reads: readonly Reads[]): boolean {
    const missed = this.#rendering.get(resource) ?? []
    this.#rendering.delete(resource)
    this.#index.set(resource, reads)
    return missed.some((changes) => this.#index.affected(changes).has(resource))
  }

  #of(seen: SeenChanges): ReadonlyMap<string, Cause> {
    const causes = new Map<string, Cause>()
    for (const [holdDown, changes] of seen) {
      if (changes.size === 0) continue
      for (const [resource, missed] of this.#rendering) {
        if (this.#resources.get(resource)?.holdDown === holdDown) missed.push(changes)
      }
      for (const [resource, cause] of this.#index.affected(changes)) {
        if (this.#resources.get(resource)?.holdDown === holdDown) causes.set(resource, cause)
      }
      for (const { resource, items } of this.#forEach.values()) {
        if (resource.holdDown !== holdDown) continue
        items.keysChanged(changes)
        if (items.isDirty && !causes.has(resource.name)) causes.set(resource.name, causeOf(changes))
      }
    }
    return causes
  }
}
