// What a template engine is to the rest of this room.
import type { TemplateSpec } from '../core/resource.ts'
import type { RenderContext } from './context.ts'
import type { Inspection } from './inspection.ts'

export interface Engine {
  /** What a template gives. Throws a FaultError, or Pending when the context did. Synchronous. */
  render(spec: TemplateSpec, context: RenderContext): Uint8Array
  /** The text of the template that `dest` is with for_each; its faults are in the file DEST. Throws as render() does. */
  renderDest(spec: TemplateSpec, context: RenderContext): string
  /**
   * What can be seen without any keys: in the file, in those it includes by a literal name, and in
   * `dest` where that is a template (then the fault's file is DEST).
   */
  check(spec: TemplateSpec): Inspection
  /** A template file has changed. */
  forget(path: string): void
}
