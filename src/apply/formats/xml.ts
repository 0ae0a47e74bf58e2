// Whether a text is XML: well-formed, with every namespace declared.
import { SaxesParser } from 'saxes'
import { SyntaxFault } from '../../core/syntax.ts'

/** Throws a SyntaxFault. */
export function check(text: string): void {
  const parser = new SaxesParser({ xmlns: true })
  parser.on('error', (error) => {
    const message = error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, '')
    // It counts the characters that it has read: none, at the start of a line.
    throw new SyntaxFault(message, parser.line, Math.max(1, parser.column))
  })
  parser.write(text).close()
}
