// YAML documents whose nesting has an end. The library calls itself for each level, and where the stack
// ends, V8 may be compiling a regular expression: then it aborts the process, which nothing catches.
import { Composer, Lexer, Parser, type CST, type Document } from 'yaml'

const DEEPEST = 500

/**
 * The documents of a text, at least one, each with its errors. Repeated names are no errors: the
 * library's own search for them is quadratic. Throws a RangeError for a text that is nested too deeply.
 */
export function yamlDocuments(
  text: string,
  options: ConstructorParameters<typeof Composer>[0] = {},
): readonly Document.Parsed[] {
  const composer = new Composer({ ...options, prettyErrors: false, uniqueKeys: false })
  return [...composer.compose(tokens(text), true, text.length)]
}

function* tokens(text: string): Generator<CST.Token> {
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme)
    if (parser.stack.length > DEEPEST) throw new RangeError(`more than ${DEEPEST} levels`)
  }
  yield* parser.end()
}
