// Renders one template through one scope over a tree: picks the engine, records what is read, and
// fetches what a template asks of the network between two passes of a synchronous engine.
import { resolve } from 'node:path'
import { FaultError, type Fault } from '../core/fault.ts'
import { Reader, type Reads, type Scope } from '../core/reader.ts'
import { engineByName, type EngineName, type TemplateSpec } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Tree } from '../core/tree.ts'
import { toBytes } from './bytes.ts'
import { Facts, Pending, type RenderContext } from './context.ts'
import { engines, type Engine } from './engines.ts'

export interface Rendered {
  readonly bytes: Uint8Array
  readonly reads: Reads
}

/** A failed render has read something too: a change of it is a reason to try again. */
export interface RenderFailure {
  readonly fault: Fault
  readonly reads: Reads
}

export interface TemplateRenderer {
  /** Renders one template through one scope over a tree. Never throws for expected failures. */
  render(spec: TemplateSpec, tree: Tree, scope: Scope): Promise<Result<Rendered, RenderFailure>>
  /** A template file or one it includes has changed: it is read and compiled again at its next use. */
  forget(path: string): void
}

/** @param templateDir where templates live; nothing outside of it can be included */
export function createRenderer(templateDir: string): TemplateRenderer {
  const folder = resolve(templateDir)
  const loaded = new Map<EngineName, Promise<Engine>>()
  const ready = new Set<Engine>()

  const engine = (name: EngineName): Promise<Engine> => {
    const known = loaded.get(name)
    if (known !== undefined) return known
    const loading = engines[name](folder).then((made) => {
      ready.add(made)
      return made
    })
    loaded.set(name, loading)
    return loading
  }

  return {
    async render(spec, tree, scope) {
      const reader = new Reader(tree, scope)
      reader.file(spec.src)
      try {
        const name = spec.engine ?? engineByName(spec.src)
        const text = await passes(await engine(name), spec, reader)
        return ok({ bytes: toBytes(text), reads: reader.reads })
      } catch (error) {
        if (!(error instanceof FaultError)) throw error
        return err({ fault: error.fault, reads: reader.reads })
      }
    },
    forget(path) {
      for (const made of ready) made.forget(path)
    },
  }
}

/** Renders until nothing is pending any more. Facts ends this: there is a limit to their number. */
async function passes(engine: Engine, spec: TemplateSpec, reader: Reader): Promise<string> {
  const facts = new Facts()
  const context: RenderContext = {
    reader,
    now: new Date(),
    fact: (id, load) => facts.get(id, load),
  }
  for (;;) {
    try {
      return engine.render(spec, context)
    } catch (error) {
      if (!(error instanceof Pending)) throw error
      await facts.resolve(error)
    }
  }
}
