// The current render. Rendering is synchronous, so there is at most one at a time.
import { raise, type FaultError } from '../../core/fault.ts'
import type { TemplateSpec } from '../../core/resource.ts'
import type { PendingFact, RenderContext } from '../context.ts'
import type { Item } from '../functions/item.ts'
import type { TemplateUnit } from './unit.ts'

export interface NunjucksRender {
  readonly spec: TemplateSpec
  readonly context: RenderContext
  readonly item: Item | undefined
  failure?: FaultError | PendingFact
  /** The position where the render last entered another file. */
  passed?: { readonly unit: TemplateUnit; readonly line: number; readonly column: number }
  /** The number of nested files. */
  depth: number
  /** The files that the function `include` is rendering. */
  readonly included: string[]
}

export class CurrentRun {
  #run: NunjucksRender | undefined

  /** @throws a template fault if nothing is being rendered */
  get(): NunjucksRender {
    return this.#run ?? raise('template', 'nothing is being rendered')
  }

  get item(): Item | undefined {
    return this.#run?.item
  }

  during<T>(run: NunjucksRender, work: () => T): T {
    this.#run = run
    try {
      return work()
    } finally {
      this.#run = undefined
    }
  }
}
