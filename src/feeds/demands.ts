// What the templates need of the stores that are read on demand, resource by resource. Reads make the
// demand, the demand decides what a store reads, and what is known of it decides whether a render counts.
import { isSame, nothing, union, type Extent } from '../core/extent.ts'
import type { Reads } from '../core/reader.ts'

/** What one render, of several templates or of several files, took of stores that are read on demand. */
export const needsOf = (reads: readonly Reads[]): Extent =>
  union(reads.map(({ needs = nothing }) => needs))

/** The part of it that was not known. */
export const missingOf = (reads: readonly Reads[]): Extent =>
  union(reads.map(({ missing = nothing }) => missing))

export class Demands {
  readonly #needs = new Map<string, Extent>()
  /** The resources that have not yet said what they need. */
  readonly #unheard: Set<string>

  /** @param former is kept until every resource has been heard */
  constructor(
    resources: Iterable<string>,
    private readonly former: Extent,
  ) {
    this.#unheard = new Set(resources)
  }

  /**
   * A render that came to its end has read all there is for it to read; any other may want more. False
   * when this changes nothing.
   */
  rendered(resource: string, needs: Extent, whole: boolean): boolean {
    const isLast = whole && this.#unheard.delete(resource) && this.#unheard.size === 0
    const before = this.#needs.get(resource) ?? nothing
    const after = whole ? needs : union([before, needs])
    this.#needs.set(resource, after)
    return isLast || !isSame(before, after)
  }

  get all(): Extent {
    const needs = [...this.#needs.values()]
    return union(this.#unheard.size === 0 ? needs : [this.former, ...needs])
  }
}
