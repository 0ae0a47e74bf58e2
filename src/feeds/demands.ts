// Reading on demand: from some stores, reconfd reads only the parts that templates look up. The look-ups of renders
// become the demand, and the demand determines which parts a store reads. A render counts only if the results of all
// its look-ups are known. The engine asks only whether results are missing, and later whether they have become known.
import { isKnown, isNothing, isSame, nothing, union, type Extent } from '../core/extent.ts'
import type { Key } from '../core/key.ts'
import type { Reads } from '../core/reads.ts'
import type { Tree } from '../core/tree.ts'

/** The look-ups of one render that the store has not answered yet. The output of the render is discarded. */
export interface Missing {
  /** Some of the missing keys and directories, for messages. */
  readonly keys: readonly Key[]
  /** The number of missing keys and directories that are not in `keys`. */
  readonly more: number
  /** Whether a tree knows all missing keys and directories, or knows that the store denies access to them. */
  readonly isKnownIn: (tree: Tree) => boolean
}

/** Maximum number of keys that a message lists. */
const NAMED = 10

/**
 * @param reads the look-ups of one render, with one element for each template
 * @returns the missing look-ups; undefined if the results of all look-ups are known
 */
export function missingOf(reads: readonly Reads[]): Missing | undefined {
  const extent = union(reads.map(({ missing = nothing }) => missing))
  if (isNothing(extent)) return undefined
  const keys = [...extent.trees, ...extent.names]
  return {
    keys: keys.slice(0, NAMED),
    more: Math.max(0, keys.length - NAMED),
    isKnownIn: ({ known }) => isKnown(known, extent),
  }
}

export class Demands {
  readonly #needs = new Map<string, Extent>()
  /** Resources without a complete render so far. */
  readonly #unrendered: Set<string>

  /** @param former the previous demand, which is kept until every resource has a complete render */
  constructor(
    resources: Iterable<string>,
    private readonly former: Extent,
  ) {
    this.#unrendered = new Set(resources)
  }

  /**
   * Records the needs of a render. The needs of a complete render replace the previous needs of the resource; the needs
   * of an incomplete render are added to them.
   * @param whole whether the render was complete
   * @returns whether the demand has changed
   */
  rendered(resource: string, reads: readonly Reads[], whole: boolean): boolean {
    const needs = union(reads.map((one) => one.needs ?? nothing))
    const isLast = whole && this.#unrendered.delete(resource) && this.#unrendered.size === 0
    const before = this.#needs.get(resource) ?? nothing
    const after = whole ? needs : union([before, needs])
    this.#needs.set(resource, after)
    return isLast || !isSame(before, after)
  }

  get all(): Extent {
    const needs = [...this.#needs.values()]
    return union(this.#unrendered.size === 0 ? needs : [this.former, ...needs])
  }
}
