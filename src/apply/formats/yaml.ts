// Checks that rendered content is YAML: one document or several. A repeated name in a map is an error.
import { isScalar, visit, type Document } from 'yaml'
import { SyntaxFault } from '../../core/syntax.ts'
import { yamlDocuments } from '../../system/yaml.ts'

/** @throws SyntaxFault; RangeError if nested too deeply */
export function check(text: string): void {
  for (const document of yamlDocuments(text)) {
    const [error] = document.errors
    if (error !== undefined) throw SyntaxFault.at(text, error.pos[0], error.message)
    refuseRepeats(text, document)
  }
}

function refuseRepeats(text: string, document: Document.Parsed): void {
  visit(document, {
    Map(_, map) {
      const names = new Set<unknown>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        if (names.has(key.value)) {
          throw SyntaxFault.at(text, key.range?.[0] ?? 0, 'Map keys must be unique')
        }
        names.add(key.value)
      }
    },
  })
}
