// YAML for the file store: one document, no name twice, integers of any size, merge keys (`<<`).
import { isScalar, parseDocument, visit } from 'yaml'
import { SyntaxFault } from '../../core/syntax.ts'

/** Maps become Maps and integers BigInts. Throws a SyntaxFault. */
export function parseYaml(text: string): unknown {
  const fail = (at: number | undefined, message: string): never => {
    throw SyntaxFault.at(text, at ?? 0, message)
  }
  // The library's own search for doubles is quadratic; ours, below, is not.
  const document = parseDocument(text, {
    intAsBigInt: true,
    merge: true,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
  })
  const [error] = document.errors
  if (error?.code === 'MULTIPLE_DOCS') {
    return fail(error.pos[0], 'a second document begins here; put it into a file of its own')
  }
  if (error !== undefined) return fail(error.pos[0], withoutText(error.message))
  visit(document, {
    Map(_, map) {
      const names = new Set<string>()
      for (const { key } of map.items) {
        if (!isScalar(key)) return fail(map.range?.[0], 'a name must be plain text')
        const name = String(key.value)
        if (name !== '<<' && names.has(name)) {
          return fail(key.range?.[0], 'this name is in the map twice')
        }
        names.add(name)
      }
      return undefined
    },
  })
  try {
    return document.toJS({ mapAsMap: true })
  } catch (error) {
    // An alias without its anchor, a merge of what is no map, aliases that multiply without end.
    return fail(0, error instanceof Error ? withoutText(error.message) : 'it cannot be resolved')
  }
}

/** The library quotes what it stumbles over behind a colon, and that may be a secret. */
const withoutText = (message: string): string => message.split(': ', 1)[0] as string
