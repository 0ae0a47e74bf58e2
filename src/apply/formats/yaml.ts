// Whether a text is YAML: one document or several.
import { parseAllDocuments } from 'yaml'
import { SyntaxFault } from '../../core/syntax.ts'

/** Throws a SyntaxFault. */
export function check(text: string): void {
  const parsed = parseAllDocuments(text, { prettyErrors: false, logLevel: 'error' })
  for (const { errors } of Array.isArray(parsed) ? parsed : []) {
    const [error] = errors
    if (error !== undefined) throw SyntaxFault.at(text, error.pos[0], error.message)
  }
}
