// Renders one template through one scope over a tree: picks the engine, records what is read, and
// fetches what a template asks of the network between two passes of a synchronous engine.
import { resolve } from 'node:path'
import { encodeText } from '../core/bytes.ts'
import { FaultError, raise, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import { Reader, type Reads, type Scope } from '../core/reader.ts'
import { engineByName, type EngineName, type TemplateSpec } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Tree } from '../core/tree.ts'
import { Facts, Pending, type RenderContext } from './context.ts'
import type { Engine } from './engine.ts'
import { engines } from './engines.ts'
import type { Inspection } from './inspection.ts'
import { DEST, type Texts } from './sources.ts'

export interface Rendered {
  readonly bytes: Uint8Array
  readonly reads: Reads
}

/** One file of a template with for_each. */
export interface RenderedItem extends Rendered {
  /** What the template that `dest` is gave, as it came out: nobody has looked where it leads. */
  readonly dest: string
}

/** A failed render has read something too: a change of it is a reason to try again. */
export interface RenderFailure {
  readonly fault: Fault
  readonly reads: Reads
}

export interface TemplateRenderer {
  /** Renders one template through one scope over a tree. Never throws for expected failures. */
  render(spec: TemplateSpec, tree: Tree, scope: Scope): Promise<Result<Rendered, RenderFailure>>
  /**
   * Renders a template with for_each, and its `dest`, for one match.
   * @param item the key or directory that matches, without the prefix
   */
  renderItem(
    spec: TemplateSpec,
    tree: Tree,
    scope: Scope,
    item: Key,
  ): Promise<Result<RenderedItem, RenderFailure>>
  /** What can be seen without keys; of a `dest` that is a template the file is DEST. */
  check(spec: TemplateSpec): Promise<Inspection>
  /** A template file or one it includes has changed: it is read and compiled again at its next use. */
  forget(path: string): void
}

/**
 * @param templateDir where templates live; nothing outside of it can be included
 * @param texts what stands in for files, by path
 */
export function createRenderer(templateDir: string, texts?: Texts): TemplateRenderer {
  const folder = resolve(templateDir)
  const loaded = new Map<EngineName, Promise<Engine>>()
  const ready = new Set<Engine>()

  const engine = (name: EngineName): Promise<Engine> => {
    const known = loaded.get(name)
    if (known !== undefined) return known
    const loading = engines[name](folder, texts).then((made) => {
      ready.add(made)
      return made
    })
    loaded.set(name, loading)
    return loading
  }

  /** Lets an engine work for a template; what it throws as a fault becomes a failure, with the reads. */
  const attempt = async <T>(
    spec: TemplateSpec,
    reader: Reader,
    work: (engine: Engine) => Promise<T>,
  ): Promise<Result<T & { readonly reads: Reads }, RenderFailure>> => {
    reader.file(spec.src)
    try {
      const made = await work(await engine(spec.engine ?? engineByName(spec.src)))
      return ok({ ...made, reads: reader.reads })
    } catch (error) {
      if (!(error instanceof FaultError)) throw error
      return err({ fault: error.fault, reads: reader.reads })
    }
  }

  return {
    render(spec, tree, scope) {
      const reader = new Reader(tree, scope)
      return attempt(spec, reader, async (engine) => {
        const text = await passes(reader, undefined, (context) => engine.render(spec, context))
        return { bytes: encodeText(text) }
      })
    },
    renderItem(spec, tree, scope, item) {
      const reader = new Reader(tree, scope)
      return attempt(spec, reader, async (engine) => {
        const dest = await passes(reader, item, (context) => destOf(engine, spec, context))
        const text = await passes(reader, item, (context) => engine.render(spec, context))
        return { dest, bytes: encodeText(text) }
      })
    },
    async check(spec) {
      return (await engine(spec.engine ?? engineByName(spec.src))).check(spec)
    },
    forget(path) {
      for (const made of ready) made.forget(path)
    },
  }
}

/** Renders until nothing is pending any more. Facts ends this: there is a limit to their number. */
async function passes(
  reader: Reader,
  item: Key | undefined,
  render: (context: RenderContext) => string,
): Promise<string> {
  const facts = new Facts()
  const context: RenderContext = {
    reader,
    now: new Date(),
    fact: (id, load) => facts.get(id, load),
    ...(item === undefined ? {} : { item }),
  }
  for (;;) {
    try {
      return render(context)
    } catch (error) {
      if (!(error instanceof Pending)) throw error
      await facts.resolve(error)
    }
  }
}

/** A fault of the `dest` says so; it has no file of its own to point at. */
function destOf(engine: Engine, spec: TemplateSpec, context: RenderContext): string {
  try {
    const dest = engine.renderDest(spec, context)
    if (dest.isWellFormed()) return dest
    return raise('template', 'the path is not valid UTF-8', {
      hint: 'rename the key, or make the name of something else, such as sha256sum(item.key)',
      file: DEST,
    })
  } catch (error) {
    if (!(error instanceof FaultError) || error.fault.file !== DEST) throw error
    const { kind, message, hint, frame } = error.fault
    throw new FaultError({
      kind,
      message: `in dest: ${message}`,
      hint: hint ?? DEST_HINTS[spec.engine ?? engineByName(spec.src)],
      ...(frame === undefined ? {} : { frame }),
    })
  }
}

const DEST_HINTS: Readonly<Record<EngineName, string>> = {
  nunjucks: 'dest is written as the template is, in nunjucks: {{ base(item.key) }}',
  go: 'dest is written as the template is, in Go template syntax: {{base item.Key}}',
}
