// Parses template files: compiles them to JavaScript and finds includes, calls and unknown names.
import parser from 'nunjucks/src/parser.js'
import transformer from 'nunjucks/src/transformer.js'
import { FaultError, type Fault } from '../../core/fault.ts'
import type { Inspected } from '../inspection.ts'
import { wrongLanguage } from '../language.ts'
import { StrictCompiler, type Vocabulary } from './compiler.ts'
import { filterHint, nameHint } from './hints.ts'
import { callsIn, declaredIn, includesOf } from './inspect.ts'
import { endlessFault, syntaxFault } from './syntax.ts'
import { mentionsRaw } from './unended.ts'
import type { TemplateUnit } from './unit.ts'

type Root = (...args: readonly unknown[]) => void

interface Parsed {
  readonly ast: ReturnType<typeof transformer.transform>
  readonly compiler: StrictCompiler
  /** Instantiates the compiled code. */
  readonly make: (unit: TemplateUnit) => { root: Root }
  /** Faults about unknown filters and tests. */
  readonly unknown: readonly Fault[]
}

export class NunjucksParser {
  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly globals: Readonly<Record<string, unknown>>,
  ) {}

  /**
   * @param variant the options that affect the compiled form
   * @throws FaultError for a syntax error
   */
  parse(path: string, text: string, variant: string): Parsed {
    const wrong = wrongLanguage('nunjucks', text, path)
    if (wrong !== undefined) throw new FaultError(wrong)
    const { vocabulary } = this
    // nunjucks accepts a raw block without an end, and renders its content.
    const endless = mentionsRaw(text) ? endlessFault(path, text) : undefined
    if (endless !== undefined) throw new FaultError(endless)
    try {
      const options = { trimBlocks: variant.includes('t'), lstripBlocks: variant.includes('l') }
      const ast = transformer.transform(parser.parse(text, [], options), [])
      const compiler = new StrictCompiler(path, vocabulary)
      compiler.compile(ast)
      // Template code is as trusted as conf.d, because both come from the administrator.
      // eslint-disable-next-line @typescript-eslint/no-implied-eval
      const make = new Function('unit', compiler.getCode()) as Parsed['make']
      const unknown = compiler.unknown.map(({ name, kind, error }) => ({
        ...syntaxFault(error, path, text),
        hint: filterHint(name, vocabulary[`${kind}s`], vocabulary.functions),
      }))
      return { ast, compiler, make, unknown }
    } catch (error) {
      throw new FaultError(syntaxFault(error, path, text))
    }
  }

  /** @param src the outermost file: this file, or the one that includes it, directly or through other files */
  inspect(path: string, text: string, variant: string, src: string): Inspected {
    const { ast, compiler, unknown } = this.parse(path, text, variant)
    const names = Object.keys(this.globals)
    const declared = declaredIn(ast)
    const free = compiler.free
      .filter(({ name }) => !(name in this.globals))
      .map((use) => ({ ...use, hint: nameHint(use.name, [...names, ...declared]) }))
    return {
      faults: unknown,
      includes: includesOf(ast, path, src),
      calls: callsIn(ast),
      free,
      declared: [...declared, ...compiler.asked],
    }
  }
}
