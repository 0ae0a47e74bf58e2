// Parses YAML with a limit on nesting. The library is recursive, and a stack overflow while V8 compiles a regular
// expression aborts the process.
import { Composer, Lexer, Parser, type CST, type Document } from 'yaml'

const DEEPEST = 500

/**
 * Returns the YAML documents in a string, at least one, each with its errors. Repeated names are not errors, because
 * the library's search for them is quadratic.
 * @throws RangeError if nested too deeply
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
