// Reading on demand: a store that offers it reads only what templates look up. What renders took of such
// stores becomes the demand, the demand decides what a store reads, and what is known of it decides whether
// a render counts. To the engine this is one question: is something missing, and is it known by now?
import { isKnown, isNothing, isSame, nothing, union, type Extent } from '../core/extent.ts'
import type { Key } from '../core/key.ts'
import type { Reads } from '../core/reads.ts'
import type { Tree } from '../core/tree.ts'

/** What a render looked up that is not known yet: what it made means nothing. */
export interface Missing {
  /** Some of it, for messages: keys and directories. */
  readonly keys: readonly Key[]
  /** How many more there are. */
  readonly more: number
  /** Whether all of it is known in a tree, as far as it can be. */
  readonly isKnownIn: (tree: Tree) => boolean
}

/** How many keys are named. */
const NAMED = 10

/** @param reads of one render, of several templates or files */
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
   * A whole render has read all there is for it to read; any other may want more. False when this changes
   * nothing.
   */
  rendered(resource: string, reads: readonly Reads[], whole: boolean): boolean {
    const needs = union(reads.map((one) => one.needs ?? nothing))
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
