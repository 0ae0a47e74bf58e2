// Parses TOML for the file store, with integers of any size.
import { parse, TomlError } from 'smol-toml'
import { SyntaxFault } from '../../core/syntax.ts'

/** Integers become BigInts, and dates and times become Dates. Throws a SyntaxFault if the text is not valid TOML. */
export function parseToml(text: string): unknown {
  try {
    return parse(text, { integersAsBigInt: true })
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // The message ends with a block of source text, which contains values.
    const [first = ''] = error.message.split('\n', 1)
    throw new SyntaxFault(first.replace(/^Invalid TOML document: /, ''), error.line, error.column)
  }
}
