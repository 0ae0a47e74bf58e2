// The engines. One is loaded when it is first needed: who has templates of one language only never
// loads the other.
import type { EngineName, TemplateSpec } from '../core/resource.ts'
import type { RenderContext } from './context.ts'

export interface Engine {
  /** The text of a template. Throws a FaultError, or Pending when the context did. Synchronous. */
  render(spec: TemplateSpec, context: RenderContext): string
  /** The text of the template that `dest` is with for_each; its faults are in the file DEST. Throws as render() does. */
  renderDest(spec: TemplateSpec, context: RenderContext): string
  /** A template file has changed. */
  forget(path: string): void
}

type Load = (templateDir: string) => Promise<Engine>

export const engines: Readonly<Record<EngineName, Load>> = {
  nunjucks: async (dir) => (await import('./nunjucks/engine.ts')).createEngine(dir),
  go: async (dir) => (await import('./go/engine.ts')).createEngine(dir),
}
