// The engines, each loaded on demand.
import type { EngineName } from '../core/resource.ts'
import type { Engine } from './engine.ts'
import type { Texts } from './sources.ts'

type Load = (templateDir: string, texts?: Texts) => Promise<Engine>

export const engines: Readonly<Record<EngineName, Load>> = {
  nunjucks: async (...args) => (await import('./nunjucks/engine.ts')).createEngine(...args),
  go: async (...args) => (await import('./go/engine.ts')).createEngine(...args),
}
