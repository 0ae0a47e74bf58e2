// Whether a text is XML: well-formed, with every namespace declared.
import { SaxesParser } from 'saxes'
import { SyntaxFault } from '../../core/syntax.ts'

/**
 * Levels of elements. The parser looks for the namespace of an element in all that are around it, so
 * without a limit the time would grow with the square of the depth. libxml2 takes 256.
 */
const DEEPEST = 1000

/** Throws a SyntaxFault, or a RangeError. */
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
    // It counts the characters that it has read: none, at the start of a line.
    throw new SyntaxFault(message, parser.line, Math.max(1, parser.column))
  })
  parser.write(text).close()
}
