// The engine for Go's text/template: parses each version of a file once, renders it, and includes other files.
import { basename } from 'node:path'
import { encodeText } from '../../core/bytes.ts'
import { FaultError, raise, type Fault } from '../../core/fault.ts'
import { err, type Result } from '../../core/result.ts'
import type { TemplateSpec } from '../../core/resource.ts'
import { fromBinary, toBinary } from '../bytes.ts'
import { checkFiles } from '../inspection.ts'
import type { RenderContext } from '../context.ts'
import type { Engine } from '../engine.ts'
import { wrongLanguage } from '../language.ts'
import { TemplateSources, type Texts } from '../sources.ts'
import { goFunction, type Functions } from './builtins.ts'
import { execute, MAX_STEPS, type ExecuteOptions } from './evaluator.ts'
import type { Budget, RootField } from './frame.ts'
import { functionNames, functionsFor } from './functions/table.ts'
import { callsIn, includesOf, undefinedTemplates } from './includes.ts'
import { olderRoot } from './older.ts'
import { parse, type Template } from './parser.ts'
import { ANY, STRING } from './types.ts'
import { CallError, type Call, type Value } from './values.ts'

/** Maximum depth of nested includes, as in confd. */
const MAX_INCLUDES = 10

/** Separates the two delimiters in a variant. A delimiter cannot contain this character. */
const SEPARATOR = '\0'

const variantOf = (spec: TemplateSpec): string =>
  [spec.leftDelim ?? '', spec.rightDelim ?? ''].join(SEPARATOR)

function compile(path: string, text: string, variant: string): Template {
  const parsed = read(path, text, variant)
  if (!parsed.ok) throw new FaultError(parsed.error)
  return parsed.value
}

function read(
  path: string,
  text: string,
  variant: string,
  onUnknown?: (fault: Fault) => void,
): Result<Template, Fault> {
  const [leftDelim = '', rightDelim = ''] = variant.split(SEPARATOR)
  // A template that uses custom delimiters may contain any other syntax literally.
  const isOwn = leftDelim !== '' && text.includes(leftDelim)
  const wrong = isOwn ? undefined : wrongLanguage('go', text, path)
  if (wrong !== undefined) return err(wrong)
  return parse(encodeText(text), basename(path), {
    file: path,
    functions: functionNames,
    leftDelim: toBinary(leftDelim),
    rightDelim: toBinary(rightDelim),
    ...(onUnknown === undefined ? {} : { onUnknown }),
  })
}

export function createEngine(templateDir: string, texts?: Texts): Engine {
  const sources = new TemplateSources<Template>(templateDir, compile, texts)
  let running: Render | undefined
  const current = (): Render => running ?? raise('template', 'nothing is being rendered')
  // The functions are created once, because creating them takes longer than rendering a small template.
  const functions = functionsOf(current)
  /** Returns the output as a Go string. Synchronous, so there is only one render at a time. */
  const render = (spec: TemplateSpec, context: RenderContext, template: Template): string => {
    running = new Render(sources, functions, spec, context)
    try {
      return running.run(template, undefined)
    } finally {
      running = undefined
    }
  }
  return {
    render(spec, context) {
      const template = sources.open(spec.src, variantOf(spec))
      if (template === undefined) {
        raise('template', 'the template file does not exist', { file: spec.src })
      }
      // The output has one character per byte, so no decoding is needed.
      return Buffer.from(render(spec, context, template), 'latin1')
    },
    renderDest: (spec, context) => fromBinary(render(spec, context, sources.dest(spec.dest))),
    check: (spec) =>
      checkFiles(sources, spec, (path) => {
        const text = sources.text(path)
        if (text === undefined) return undefined
        const faults: Fault[] = []
        const parsed = read(path, text, variantOf(spec), (fault) => faults.push(fault))
        const nothing = { includes: [], calls: [], free: [], declared: [] }
        if (!parsed.ok) return { ...nothing, faults: [...faults, parsed.error] }
        const template = parsed.value
        const includes = includesOf(template, spec.src)
        faults.push(...undefinedTemplates(template))
        return { ...nothing, faults, includes, calls: callsIn(template) }
      }),
    forget: (path) => sources.forget(path),
  }
}

/** The functions for all renders. Each of them works on the current render. */
function functionsOf(current: () => Render): Functions {
  const context = {
    get reader() {
      return current().context.reader
    },
    get item() {
      return current().context.item
    },
    now: () => current().context.now(),
    fact: <T>(id: string, load: () => Promise<T>): T => current().context.fact(id, load),
  } as RenderContext
  const include: Call = ([name, data]) => current().include(name as string, data)
  return new Map(functionsFor(context)).set(
    'include',
    goFunction([STRING, ANY], STRING, include, true),
  )
}

/** One render of a file and its includes. */
class Render {
  readonly #root: RootField
  readonly #budget: Budget = { steps: MAX_STEPS }
  /** The paths of the files being rendered, the outermost first. */
  readonly #open: string[]

  constructor(
    private readonly sources: TemplateSources<Template>,
    private readonly functions: Functions,
    private readonly spec: TemplateSpec,
    readonly context: RenderContext,
  ) {
    this.#open = [spec.src]
    this.#root = olderRoot(context.reader)
  }

  /** Returns the output as a Go string. */
  run(template: Template, data: Value): string {
    const options: ExecuteOptions = {
      functions: this.functions,
      rootField: this.#root,
      budget: this.#budget,
    }
    const out = execute(template, data, options)
    if (!out.ok) throw new FaultError(out.error)
    return out.value
  }

  include(name: string, data: Value): string {
    // As in confd, a name is relative to the templates folder, even with a leading slash.
    const path = this.sources.resolve(fromBinary(name).replace(/^\/+/, ''), this.spec.src)
    if (this.#open.includes(path)) {
      throw new CallError(`include cycle detected: ${path} is already being processed`)
    }
    if (this.#open.length > MAX_INCLUDES) {
      throw new CallError(`maximum include depth (${MAX_INCLUDES}) exceeded`)
    }
    this.context.reader.file(path)
    const template = this.sources.open(path, variantOf(this.spec))
    if (template === undefined) {
      raise('template', `template "${fromBinary(name)}" does not exist`, {
        hint: `create ${path}, or correct the name`,
      })
    }
    this.#open.push(path)
    try {
      return this.run(template, data ?? undefined)
    } finally {
      this.#open.pop()
    }
  }
}
