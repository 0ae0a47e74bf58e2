// The interface of a template engine.
import type { TemplateSpec } from '../core/resource.ts'
import type { RenderContext } from './context.ts'
import type { Inspection } from './inspection.ts'

export interface Engine {
  /** Renders a template, synchronously. Throws a FaultError, or PendingFact if the context does. */
  render(spec: TemplateSpec, context: RenderContext): Uint8Array
  /** Renders the `dest` of a for_each template. Its faults have DEST as their file. Throws like render(). */
  renderDest(spec: TemplateSpec, context: RenderContext): string
  /**
   * Finds mistakes without any keys: in the file, in the files that it includes by a literal name, and in the `dest`
   * of a for_each template. Faults in `dest` have DEST as their file.
   */
  check(spec: TemplateSpec): Inspection
  /** Call when a template file has changed, so that it is read again at its next use. */
  forget(path: string): void
}
