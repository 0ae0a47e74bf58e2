// Reads template files: compiles them to JavaScript, and finds what they use and which names they do not know.
import parser from 'nunjucks/src/parser.js'
import transformer from 'nunjucks/src/transformer.js'
import { FaultError, type Fault } from '../../core/fault.ts'
import type { Inspected } from '../inspection.ts'
import { wrongLanguage } from '../language.ts'
import { StrictCompiler, type Vocabulary } from './compiler.ts'
import { filterHint, nameHint } from './hints.ts'
import { callsIn, declaredIn, includesOf } from './inspect.ts'
import { syntaxFault } from './syntax.ts'
import type { TemplateUnit } from './unit.ts'

type Root = (...args: readonly unknown[]) => void

interface Parsed {
  readonly ast: ReturnType<typeof transformer.transform>
  readonly compiler: StrictCompiler
  /** Instantiates the compiled code. */
  readonly make: (unit: TemplateUnit) => { root: Root }
  /** Faults about unknown filters, tests and functions. */
  readonly unknown: readonly Fault[]
}

export class Parser {
  constructor(
    private readonly vocabulary: Vocabulary,
    private readonly globals: Readonly<Record<string, unknown>>,
  ) {}

  /**
   * @param variant the options that change what a file compiles to
   * @throws FaultError for text that nunjucks cannot read
   */
  parse(path: string, text: string, variant: string): Parsed {
    const wrong = wrongLanguage('nunjucks', text, path)
    if (wrong !== undefined) throw new FaultError(wrong)
    const { vocabulary } = this
    try {
      const options = { trimBlocks: variant.includes('t'), lstripBlocks: variant.includes('l') }
      const ast = transformer.transform(parser.parse(text, [], options), [])
      const compiler = new StrictCompiler(path, vocabulary)
      compiler.compile(ast)
      // Template code is trusted as conf.d is: both come from the administrator.
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

  /** @param src the template that includes this file, or the file itself */
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
