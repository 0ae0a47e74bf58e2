// The nunjucks engine: compiles template files once, provides the functions, and converts every failure to a fault with
// its position.
import environmentModule, { type Template } from 'nunjucks/src/environment.js'
import parser from 'nunjucks/src/parser.js'
import transformer from 'nunjucks/src/transformer.js'
import { encodeText } from '../../core/bytes.ts'
import { FaultError, raise } from '../../core/fault.ts'
import type { TemplateSpec } from '../../core/resource.ts'
import { checkFiles, type Inspected } from '../inspection.ts'
import type { PendingFact, RenderContext } from '../context.ts'
import type { Engine } from '../engine.ts'
import { functions } from '../functions/index.ts'
import { Item } from '../functions/item.ts'
import { isMap } from '../functions/params.ts'
import { wrongLanguage } from '../language.ts'
import { DEST, TemplateSources, type Texts } from '../sources.ts'
import { StrictCompiler } from './compiler.ts'
import { callsIn, declaredIn, includesOf } from './inspect.ts'
import { safeFilters } from './filters.ts'
import { filterHint, nameHint } from './hints.ts'
import { syntaxFault } from './syntax.ts'
import { faultOf, TemplateUnit, type Host } from './unit.ts'

/** Limit of nested include, import and extends tags. */
const MAX_DEPTH = 50
/** Limit of nested calls of the function `include`, as in confd. */
const MAX_INCLUDES = 10

const { Environment, Template: TemplateClass } = environmentModule

/** The current render: rendering is synchronous, so there is at most one. */
interface Run {
  readonly spec: TemplateSpec
  readonly context: RenderContext
  readonly item: Item | undefined
  failure?: FaultError | PendingFact
  /** The position where the render last entered another file. */
  passed?: { readonly unit: TemplateUnit; readonly line: number; readonly column: number }
  /** The number of nested files. */
  depth: number
  /** The files being included by the function `include`. */
  readonly included: string[]
}

type Root = (...args: readonly unknown[]) => void

export function createEngine(templateDir: string, texts?: Texts): Engine {
  const environment = new Environment([], { autoescape: false, throwOnUndefined: true })
  let run: Run | undefined
  const current = (): Run => run ?? raise('template', 'nothing is being rendered')

  // Without a prototype, so that `{{ constructor }}` and `select("constructor")` find nothing.
  environment.globals = bare(environment.globals)
  environment.filters = bare(environment.filters)
  environment.tests = bare(environment.tests)
  // A global rather than a variable, so that included and imported files see it, and loops may use the name.
  Object.defineProperty(environment.globals, 'item', { get: () => run?.item })
  const builtin = new Set(Object.keys(environment.filters))
  Object.assign(environment.filters, safeFilters({ ...environment.filters }))
  for (const fn of functions.filter(({ only }) => only !== 'go')) {
    const call = (args: readonly unknown[]) => fn.call(current().context, args)
    environment.globals[fn.name] = (...args: readonly unknown[]) => call(args)
    const { filter } = fn
    if (filter === undefined || builtin.has(fn.name)) continue
    environment.addFilter(fn.name, (subject: unknown, ...args: readonly unknown[]) =>
      call(args.toSpliced(filter, 0, subject)),
    )
  }
  const vocabulary = {
    filters: new Set(Object.keys(environment.filters)),
    tests: new Set(Object.keys(environment.tests)),
    functions: new Set(functions.map(({ name }) => name)),
  }

  const host: Host = {
    globals: environment.globals,
    filter: (name, context, args) => environment.filters[name]?.apply(context, [...args]),
    test: (name, context, args) => environment.tests[name]?.apply(context, [...args]),
    load(name, from, ignoreMissing) {
      if (current().depth >= MAX_DEPTH) {
        raise('template', `more than ${MAX_DEPTH} templates within one another`, {
          hint: 'look for an include, import or extends that leads back to itself',
        })
      }
      const path = sources.resolve(name, from)
      return open(path) ?? (ignoreMissing ? nothing : missing(name, path))
    },
    passed(unit, line, column) {
      current().passed = { unit, line, column }
    },
    failed(error) {
      current().failure ??= error
    },
  }

  const open = (path: string): Template | undefined => {
    current().context.reader.file(path)
    return sources.open(path, variantOf(current().spec))
  }

  /** The function `include`; the tag uses host.load. */
  const include = (name: string, data: unknown): string => {
    const mine = current()
    const path = sources.resolve(name.replace(/^\/+/, ''), mine.spec.src)
    if (mine.included.includes(path) || path === mine.spec.src) {
      raise('template', `include cycle detected: ${path} is already being processed`)
    }
    if (mine.included.length >= MAX_INCLUDES) {
      raise('template', `maximum include depth (${MAX_INCLUDES}) exceeded`)
    }
    const template = open(path) ?? missing(name, path)
    mine.included.push(path)
    try {
      const text = template.render(isMap(data) ? { data, ...data } : { data })
      if (mine.failure !== undefined) throw mine.failure
      return text
    } finally {
      mine.included.pop()
    }
  }

  /** Parses a file, and collects its unknown names. Throws a syntax error of nunjucks. */
  const parse = (path: string, text: string, variant: string) => {
    const wrong = wrongLanguage('nunjucks', text, path)
    if (wrong !== undefined) throw new FaultError(wrong)
    try {
      const options = { trimBlocks: variant.includes('t'), lstripBlocks: variant.includes('l') }
      const ast = transformer.transform(parser.parse(text, [], options), [])
      const compiler = new StrictCompiler(path, vocabulary)
      compiler.compile(ast)
      // Template code is as trusted as conf.d: both come from the administrator.
      // eslint-disable-next-line @typescript-eslint/no-implied-eval
      const make = new Function('unit', compiler.getCode()) as (unit: TemplateUnit) => {
        root: Root
      }
      const unknown = compiler.unknown.map(({ name, kind, error }) => ({
        ...syntaxFault(error, path, text),
        hint: filterHint(name, vocabulary[`${kind}s`], vocabulary.functions),
      }))
      return { ast, compiler, make, unknown }
    } catch (error) {
      throw new FaultError(syntaxFault(error, path, text))
    }
  }

  const compile = (path: string, text: string, variant: string): Template => {
    const { make, unknown } = parse(path, text, variant)
    if (unknown[0] !== undefined) throw new FaultError(unknown[0])
    const unit = new TemplateUnit(host, path, text)
    const code = make(unit)
    const { root } = code
    // nunjucks enters every file (include, import, extends) through its root.
    code.root = (...args) => {
      const mine = current()
      mine.depth++
      try {
        root(...args)
      } finally {
        mine.depth--
      }
    }
    return new TemplateClass({ type: 'code', obj: code }, environment, path)
  }
  const sources = new TemplateSources<Template>(templateDir, compile, texts)
  const nothing = compile('', '', '')

  const render = (
    spec: TemplateSpec,
    context: RenderContext,
    file: string,
    find: () => Template,
  ): string => {
    const item = context.item === undefined ? undefined : new Item(context)
    const mine: Run = { spec, context: { ...context, include }, item, depth: 0, included: [] }
    run = mine
    try {
      const text = find().render({})
      if (mine.failure !== undefined) throw mine.failure
      return text
    } catch (error) {
      if (mine.failure !== undefined) throw mine.failure
      const fault = faultOf(error)
      const { unit, line, column } = mine.passed ?? {}
      if (unit !== undefined) throw new FaultError(unit.locate(fault, line ?? 1, column ?? 1))
      throw new FaultError({ file, ...fault })
    } finally {
      run = undefined
    }
  }

  const inspect = (path: string, spec: TemplateSpec): Inspected | undefined => {
    const text = sources.text(path)
    if (text === undefined) return undefined
    const { ast, compiler, unknown } = parse(path, text, variantOf(spec))
    const names = Object.keys(environment.globals)
    const free = compiler.free
      .filter(({ name }) => !(name in environment.globals))
      .map((use) => ({ ...use, hint: nameHint(use.name, [...names, ...declaredIn(ast)]) }))
    return {
      faults: unknown,
      includes: includesOf(ast, path, spec.src),
      calls: callsIn(ast),
      free,
      declared: [...declaredIn(ast), ...compiler.asked],
    }
  }

  return {
    check: (spec) => checkFiles(sources, spec, (path) => inspect(path, spec)),
    render: (spec, context) =>
      encodeText(
        render(
          spec,
          context,
          spec.src,
          () =>
            sources.open(spec.src, variantOf(spec)) ??
            raise('template', 'the template file does not exist', { file: spec.src }),
        ),
      ),
    renderDest: (spec, context) => render(spec, context, DEST, () => sources.dest(spec.dest)),
    forget: (path) => sources.forget(path),
  }
}

const bare = <T extends object>(record: T): T => Object.assign(Object.create(null), record) as T

const missing = (name: string, path: string): never =>
  raise('template', `template "${name}" does not exist`, { hint: `there is no file ${path}` })

/** The options that affect the compiled form. */
const variantOf = (spec: TemplateSpec): string =>
  (spec.trimBlocks ? 't' : '') + (spec.lstripBlocks ? 'l' : '')
