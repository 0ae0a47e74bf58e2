// Checks that rendered content is TOML.
import { parse, TomlError } from 'smol-toml'
import { SyntaxFault } from '../../core/syntax.ts'

/** @throws SyntaxFault */
export function check(text: string): void {
  try {
    parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    // The message ends in a block of source text.
    const [first = ''] = error.message.split('\n', 1)
    throw new SyntaxFault(first.replace(/^Invalid TOML document: /, ''), error.line, error.column)
  }
}
