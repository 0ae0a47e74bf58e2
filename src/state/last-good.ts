// What to go back to: the files of a resource as they were when its reload last succeeded. Written down
// before a swap, so that a crash between the swap and the reload's verdict does not lose it.
import type { Fault } from '../core/fault.ts'
import type { Observed } from '../core/plan.ts'
import { ok, type Result } from '../core/result.ts'
import type { Records } from './records.ts'

type Files = ReadonlyMap<string, Observed>

export class LastGood {
  /** By resource: what has been replaced since its running reload began, as that reload has seen it. */
  readonly #replaced = new Map<string, Map<string, Observed>>()

  constructor(private readonly records: Records) {}

  /** Empty when what is in place is good itself, or nothing is known. */
  async of(resource: string): Promise<Files> {
    return (await this.records.get(resource)).good
  }

  /**
   * These files are about to be replaced; safe on disk when this resolves. Of two that stood at a
   * destination since it was last good, the older one is kept.
   */
  async replacing(resource: string, files: Files): Promise<Result<void, Fault>> {
    const replaced = this.#replaced.get(resource) ?? new Map<string, Observed>()
    this.#replaced.set(resource, replaced)
    for (const [dest, file] of files) if (!replaced.has(dest)) replaced.set(dest, file)
    const good = new Map([...files, ...(await this.of(resource))])
    return this.records.set(resource, { good, rejected: undefined }, true)
  }

  /** A reload begins: it proves what is in place now. */
  reloading(resource: string): void {
    this.#replaced.delete(resource)
  }

  /** That reload has succeeded. What was replaced meanwhile has yet to prove itself. */
  async proved(resource: string): Promise<Result<void, Fault>> {
    const good = new Map(this.#replaced.get(resource))
    if (good.size === 0 && (await this.of(resource)).size === 0) return ok(undefined)
    return this.records.set(resource, { good })
  }
}
