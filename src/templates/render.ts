// Renders one template from the part of a tree that a scope selects: chooses the engine, records the look-ups, and
// fetches network facts between passes of the synchronous engine.
import { resolve } from 'node:path'
import { encodeText } from '../core/bytes.ts'
import { FaultError, raise, type Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import { Matches } from '../core/matches.ts'
import { Reader } from '../core/reader.ts'
import type { Reads, Scope } from '../core/reads.ts'
import { engineByName, type EngineName, type TemplateSpec } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Tree } from '../core/tree.ts'
import { Times, type RenderClock } from './clocks.ts'
import { Facts, PendingFact, type RenderContext } from './context.ts'
import type { Engine } from './engine.ts'
import { engines } from './engines.ts'
import { faultsOf, type Inspection } from './inspection.ts'
import { engineOf } from './language.ts'
import { DEST, read, type Texts } from './sources.ts'

export interface RenderResult {
  readonly bytes: Uint8Array
  readonly reads: Reads
}

/** One file of a template with for_each. */
export interface RenderedItem extends RenderResult {
  /** The rendered `dest`, not validated. */
  readonly dest: string
}

/** A failed render. Includes the reads, because the render is retried when one of them changes. */
export interface RenderFailure {
  readonly fault: Fault
  readonly reads: Reads
}

export interface TemplateRenderer {
  /** Renders one template from the part of a tree that a scope selects. Never throws for expected failures. */
  render(spec: TemplateSpec, tree: Tree, scope: Scope): Promise<Result<RenderResult, RenderFailure>>
  /**
   * Renders a for_each template and its `dest` for one match.
   * @param item the matching key or directory, without the prefix
   */
  renderItem(
    spec: TemplateSpec,
    tree: Tree,
    scope: Scope,
    item: Key,
  ): Promise<Result<RenderedItem, RenderFailure>>
  /** See Engine.check. */
  check(spec: TemplateSpec): Promise<Inspection>
  /** Call when a template or included file has changed, so that it is read and compiled again at its next use. */
  forget(path: string): void
}

export interface RendererOptions {
  /** Templates used instead of files, by path. */
  readonly texts?: Texts
  /** Called once for each file that reconfd recognizes as a Go template only by its content. */
  readonly notice?: (message: string) => void
  /** The times of earlier renders; absent if each render uses the current time. */
  readonly times?: Times
}

/** @param templateDir the templates folder; files outside of it cannot be included */
export function createRenderer(
  templateDir: string,
  { texts, notice = () => undefined, times }: RendererOptions = {},
): TemplateRenderer {
  const folder = resolve(templateDir)
  const languages = new Languages(texts, notice)
  const loaded = new Map<EngineName, Promise<Engine>>()
  const ready = new Set<Engine>()
  const matches = new Matches()

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

  /** Runs an engine and converts a fault to a failure with the reads. */
  const attempt = async <T>(
    spec: TemplateSpec,
    reader: Reader,
    work: (engine: Engine, name: EngineName) => Promise<T>,
  ): Promise<Result<T & { readonly reads: Reads }, RenderFailure>> => {
    reader.file(spec.src)
    try {
      const name = languages.of(spec)
      const made = await work(await engine(name), name)
      return ok({ ...made, reads: reader.reads })
    } catch (error) {
      if (!(error instanceof FaultError)) throw error
      return err({ fault: error.fault, reads: reader.reads })
    }
  }

  return {
    render(spec, tree, scope) {
      const reader = new Reader(tree, scope, matches)
      return attempt(spec, reader, async (engine) => {
        const passes = passesOf(reader, undefined)
        const bytes = await (times ?? new Times()).steady(
          idOf(spec, undefined),
          (clock) => passes(clock, (context) => engine.render(spec, context)),
          (made) => [made],
        )
        return { bytes }
      })
    },
    renderItem(spec, tree, scope, item) {
      const reader = new Reader(tree, scope, matches)
      return attempt(spec, reader, async (engine, name) => {
        const passes = passesOf(reader, item)
        return (times ?? new Times()).steady(
          idOf(spec, item),
          async (clock) => ({
            dest: await passes(clock, (context) => destOf(engine, name, spec, context)),
            bytes: await passes(clock, (context) => engine.render(spec, context)),
          }),
          ({ dest, bytes }) => [encodeText(dest), bytes],
        )
      })
    },
    async check(spec) {
      const found: { name?: EngineName } = {}
      const faults = faultsOf(() => (found.name = languages.of(spec)))
      if (found.name === undefined) return { faults, doubts: [] }
      return (await engine(found.name)).check(spec)
    },
    forget(path) {
      languages.forget(path)
      for (const made of ready) made.forget(path)
    },
  }
}

/** Determines the engine of each template from its resource, file name or content. */
class Languages {
  /** Engines that were determined from the content of the template, by its path. */
  readonly #known = new Map<string, EngineName>()
  readonly #noticed = new Set<string>()

  constructor(
    private readonly texts: Texts | undefined,
    private readonly notice: (message: string) => void,
  ) {}

  /** Throws a fault if the engine cannot be determined. */
  of({ engine, src, leftDelim, rightDelim }: TemplateSpec): EngineName {
    const said = engine ?? engineByName(src)
    if (said !== undefined) return said
    if (leftDelim !== undefined || rightDelim !== undefined) return 'go'
    const known = this.#known.get(src)
    if (known !== undefined) return known
    const text = this.texts?.get(src) ?? read(src)
    if (text === undefined) return 'nunjucks'
    const found = engineOf(text, src)
    this.#known.set(src, found)
    if (found === 'go' && !this.#noticed.has(src)) {
      this.#noticed.add(src)
      this.notice(
        `${src} contains Go template syntax and is rendered as a Go template; set engine = "go" in the resource to silence this notice`,
      )
    }
    return found
  }

  /** Call when the file has changed. */
  forget(src: string): void {
    this.#known.delete(src)
  }
}

const idOf = (spec: TemplateSpec, item: Key | undefined): string =>
  JSON.stringify([spec.src, spec.dest, item])

/** Returns a function that repeats a render until all facts are loaded. MAX_FACTS limits the number of passes. */
function passesOf(reader: Reader, item: Key | undefined) {
  const facts = new Facts()
  return async <T>(clock: RenderClock, render: (context: RenderContext) => T): Promise<T> => {
    const context: RenderContext = {
      reader,
      now: clock.now,
      fact: (id, load) => facts.get(id, load),
      ...(item === undefined ? {} : { item }),
    }
    for (;;) {
      try {
        return render(context)
      } catch (error) {
        if (!(error instanceof PendingFact)) throw error
        await facts.resolve(error)
      }
    }
  }
}

/** Renders the `dest`. A fault in `dest` has no file, so its message begins with "in dest". */
function destOf(
  engine: Engine,
  name: EngineName,
  spec: TemplateSpec,
  context: RenderContext,
): string {
  try {
    const dest = engine.renderDest(spec, context)
    if (dest.isWellFormed()) return dest
    return raise('template', 'the path is not valid UTF-8', {
      hint: 'rename the key, or build the name differently, for example with sha256sum(item.key)',
      file: DEST,
    })
  } catch (error) {
    if (!(error instanceof FaultError) || error.fault.file !== DEST) throw error
    const { kind, message, hint, frame } = error.fault
    throw new FaultError({
      kind,
      message: `in dest: ${message}`,
      hint: hint === undefined ? DEST_HINTS[name] : `${hint}; ${DEST_HINTS[name]}`,
      ...(frame === undefined ? {} : { frame }),
    })
  }
}

const DEST_HINTS: Readonly<Record<EngineName, string>> = {
  nunjucks: 'write dest in the language of the template (nunjucks), as in {{ base(item.key) }}',
  go: 'write dest in the language of the template (Go template syntax), as in {{base item.Key}}',
}
