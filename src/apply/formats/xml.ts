// Checks that rendered content is XML: well-formed, with every namespace declared.
import { SaxesParser } from 'saxes'
import { SyntaxFault } from '../../core/syntax.ts'

/**
 * Maximum depth of nested elements. The parser searches all ancestors of an element for its namespace, so the time
 * grows with the square of the depth. libxml2 allows 256.
 */
const DEEPEST = 1000

/** @throws SyntaxFault; RangeError if nested too deeply */
export function check(text: string): void {
  const parser = new SaxesParser({ xmlns: true })
  let depth = 0
  parser.on('opentag', () => {
    if (++depth > DEEPEST) throw new RangeError('too many levels of elements')
  })
  parser.on('closetag', () => {
    depth--
  })
  parser.on('error', (error) => {
    const message = error.message.replace(/^\d+:\d+: /, '').replace(/\.$/, '')
    // The parser's column is 0 at the start of a line.
    throw new SyntaxFault(message, parser.line, Math.max(1, parser.column))
  })
  parser.write(text).close()
}
