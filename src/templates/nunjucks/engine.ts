// The nunjucks engine: renders compiled templates and converts every failure to a fault with its position.
import environmentModule, { type Environment, type Template } from 'nunjucks/src/environment.js'
import { encodeText } from '../../core/bytes.ts'
import { FaultError, raise } from '../../core/fault.ts'
import type { TemplateSpec } from '../../core/resource.ts'
import type { RenderContext } from '../context.ts'
import type { Engine } from '../engine.ts'
import { Item } from '../functions/item.ts'
import { isMap } from '../functions/params.ts'
import { checkFiles, type Inspected, type Inspection } from '../inspection.ts'
import { DEST, TemplateSources, type Texts } from '../sources.ts'
import { createEnvironment, vocabularyOf } from './environment.ts'
import { NunjucksParser } from './parse.ts'
import { CurrentRun, type NunjucksRender } from './run.ts'
import { faultOf, TemplateUnit, type Host } from './unit.ts'

/** Maximum depth of nested include, import and extends tags. */
const MAX_DEPTH = 50
/** Maximum depth of nested calls of the function `include`, as in confd. */
const MAX_INCLUDES = 10

export const createEngine = (templateDir: string, texts?: Texts): Engine =>
  new NunjucksEngine(templateDir, texts)

class NunjucksEngine implements Engine {
  readonly #current = new CurrentRun()
  readonly #environment: Environment = createEnvironment(this.#current)
  readonly #parser = new NunjucksParser(vocabularyOf(this.#environment), this.#environment.globals)
  readonly #host: Host = this.#createHost()
  readonly #sources: TemplateSources<Template>
  readonly #nothing: Template

  constructor(templateDir: string, texts: Texts | undefined) {
    this.#sources = new TemplateSources<Template>(
      templateDir,
      (path, text, variant) => this.#compile(path, text, variant),
      texts,
    )
    this.#nothing = this.#compile('', '', '')
  }

  check(spec: TemplateSpec): Inspection {
    const inspect = (path: string): Inspected | undefined => {
      const text = this.#sources.text(path)
      if (text === undefined) return undefined
      return this.#parser.inspect(path, text, variantOf(spec), spec.src)
    }
    return checkFiles(this.#sources, spec, inspect)
  }

  render(spec: TemplateSpec, context: RenderContext): Uint8Array {
    const find = (): Template =>
      this.#sources.open(spec.src, variantOf(spec)) ??
      raise('template', 'the template file does not exist', { file: spec.src })
    return encodeText(this.#render(spec, context, spec.src, find))
  }

  renderDest(spec: TemplateSpec, context: RenderContext): string {
    return this.#render(spec, context, DEST, () => this.#sources.dest(spec.dest))
  }

  forget(path: string): void {
    this.#sources.forget(path)
  }

  #render(spec: TemplateSpec, context: RenderContext, file: string, find: () => Template): string {
    const include = (name: string, data: unknown): string => this.#include(name, data)
    const item = context.item === undefined ? undefined : new Item(context)
    const run: NunjucksRender = {
      spec,
      context: { ...context, include },
      item,
      depth: 0,
      included: [],
    }
    try {
      const text = this.#current.during(run, () => find().render({}))
      if (run.failure !== undefined) throw run.failure
      return text
    } catch (error) {
      if (run.failure !== undefined) throw run.failure
      const fault = faultOf(error)
      const { unit, line, column } = run.passed ?? {}
      if (unit !== undefined) throw new FaultError(unit.locate(fault, line ?? 1, column ?? 1))
      throw new FaultError({ file, ...fault })
    }
  }

  #createHost(): Host {
    const { globals, filters, tests } = this.#environment
    const current = this.#current
    return {
      globals,
      filter: (name, context, args) => filters[name]?.apply(context, [...args]),
      test: (name, context, args) => tests[name]?.apply(context, [...args]),
      load: (name, from, ignoreMissing) => this.#load(name, from, ignoreMissing),
      passed(unit, line, column) {
        current.get().passed = { unit, line, column }
      },
      failed(error) {
        current.get().failure ??= error
      },
    }
  }

  /** Loads the file of a tag: include, import or extends. */
  #load(name: string, from: string, ignoreMissing: boolean): Template {
    if (this.#current.get().depth >= MAX_DEPTH) {
      raise('template', `more than ${MAX_DEPTH} nested templates`, {
        hint: 'look for an include, import or extends that leads back to itself',
      })
    }
    const path = this.#sources.resolve(name, from)
    return this.#open(path) ?? (ignoreMissing ? this.#nothing : missing(name, path))
  }

  /** Implements the function `include`. The tags call #load instead. */
  #include(name: string, data: unknown): string {
    const run = this.#current.get()
    const path = this.#sources.resolve(name.replace(/^\/+/, ''), run.spec.src)
    if (run.included.includes(path) || path === run.spec.src) {
      raise('template', `include cycle detected: ${path} is already being processed`)
    }
    if (run.included.length >= MAX_INCLUDES) {
      raise('template', `maximum include depth (${MAX_INCLUDES}) exceeded`)
    }
    const template = this.#open(path) ?? missing(name, path)
    run.included.push(path)
    try {
      const text = template.render(isMap(data) ? { data, ...data } : { data })
      if (run.failure !== undefined) throw run.failure
      return text
    } finally {
      run.included.pop()
    }
  }

  #open(path: string): Template | undefined {
    const { context, spec } = this.#current.get()
    context.reader.file(path)
    return this.#sources.open(path, variantOf(spec))
  }

  #compile(path: string, text: string, variant: string): Template {
    const { make, unknown } = this.#parser.parse(path, text, variant)
    if (unknown[0] !== undefined) throw new FaultError(unknown[0])
    const code = make(new TemplateUnit(this.#host, path, text))
    const { root } = code
    // nunjucks enters every file (include, import, extends) through its root.
    code.root = (...args) => {
      const run = this.#current.get()
      run.depth++
      try {
        root(...args)
      } finally {
        run.depth--
      }
    }
    return new environmentModule.Template({ type: 'code', obj: code }, this.#environment, path)
  }
}

const missing = (name: string, path: string): never =>
  raise('template', `template "${name}" does not exist`, {
    hint: `create ${path}, or correct the name`,
  })

/** The options that affect the compiled form. */
const variantOf = (spec: TemplateSpec): string =>
  (spec.trimBlocks ? 't' : '') + (spec.lstripBlocks ? 'l' : '')
