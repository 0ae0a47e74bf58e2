// The engines, and which of them a template belongs to. An engine is loaded when it is first needed.
import { extname } from 'node:path'
import type { Fault } from '../core/fault.ts'
import type { EngineName, TemplateSpec } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { RenderContext } from './context.ts'

export interface Engine {
  /** The text of a template. Throws a FaultError, or Pending when the context did. Synchronous. */
  render(spec: TemplateSpec, context: RenderContext): string
  /** A template file has changed. */
  forget(path: string): void
}

type Load = (templateDir: string) => Promise<Engine>

const engines: Readonly<Partial<Record<EngineName, Load>>> = {
  nunjucks: async (dir) => (await import('./nunjucks/engine.ts')).createEngine(dir),
}

const GO_FILES = new Set(['.tmpl', '.gotmpl', '.ctmpl', '.tpl'])

/**
 * The engine of a template file: what the resource says, else by the file's name.
 * @param src the template file's path
 * @param asked the resource's `engine`
 */
export function engineFor(src: string, asked?: EngineName): Result<EngineName, Fault> {
  const name = asked ?? (GO_FILES.has(extname(src).toLowerCase()) ? 'go' : 'nunjucks')
  if (engines[name] !== undefined) return ok(name)
  return err({
    kind: 'template',
    message: 'templates in Go syntax are not supported yet',
    hint: 'write the template for nunjucks and name it .njk, or say engine = "nunjucks" in the resource if it already is',
    file: src,
  })
}

/** Loads an engine that engineFor() named. */
export async function loadEngine(name: EngineName, templateDir: string): Promise<Engine> {
  const load = engines[name]
  if (load === undefined) throw new Error(`no engine ${name}`)
  return load(templateDir)
}
