// Collects the parts of on-demand stores that a render needs and records which of them are not known yet.
import { lookUpOf } from './catalog.ts'
import { extentOf, extentIncludes, refusalOf, type Extent, type Known } from './extent.ts'
import { FaultError } from './fault.ts'
import type { Key } from './key.ts'
import type { Visibility } from './visibility.ts'

interface MutableExtent extends Extent {
  readonly trees: Set<Key>
  readonly names: Set<Key>
}
const newExtent = (): MutableExtent => ({ trees: new Set(), names: new Set() })

export class Needs {
  /** The members `needs`, `missing` and `without` of Reads, which grow with every look-up. */
  readonly all = { needs: newExtent(), missing: newExtent(), without: new Set<string>() }

  /** @param optional stores and datacenters that may be unreachable */
  constructor(
    private readonly known: Known,
    private readonly visibility: Visibility,
    private readonly optional: ReadonlySet<string> | undefined,
  ) {}

  /**
   * Records a needed part of an on-demand store.
   * @throws FaultError if the store denies access to the part, unless the datacenter of the part is optional and the
   *   denial is not permanent
   */
  add(kind: keyof Extent, dir: Key): void {
    const known = extentOf(this.known, dir)
    if (known === undefined) return
    const { needs, missing, without } = this.all
    needs[kind].add(dir)
    if (!extentIncludes(known, kind, dir)) missing[kind].add(dir)
    const refusal = refusalOf(known, kind, dir)
    if (refusal === undefined) return
    const dc = lookUpOf(this.visibility.inStore(dir)[1])?.dc
    const isOptional = dc !== undefined && this.optional?.has(dc) === true
    if (!isOptional || refusal.permanent === true) throw new FaultError(refusal)
    without.add(dc)
  }
}
