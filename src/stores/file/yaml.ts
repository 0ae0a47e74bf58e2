// Parses YAML for the file store: one document, unique names, integers of any size, merge keys (`<<`).
import { isScalar, visit, type ScalarTag } from 'yaml'
import { decodeValue } from '../../core/bytes.ts'
import { SyntaxFault } from '../../core/syntax.ts'
import { yamlDocuments } from '../../system/yaml.ts'

/** `!!binary`: any bytes, in base64. */
const binary: ScalarTag = {
  tag: 'tag:yaml.org,2002:binary',
  resolve(text, onError) {
    const data = text.replace(/\s/g, '')
    if (data.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(data)) onError('invalid base64')
    return decodeValue(Buffer.from(data, 'base64'))
  },
}

/**
 * Reads integers by the rules of confd's parser. These are the rules of YAML 1.2, with the octal numbers (`0644` is
 * 420) and underscores (`1_000`) of YAML 1.1. A number with a leading zero that is not a valid octal number is decimal.
 */
const integer: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^[-+]?(?:0x[0-9a-f_]+|0b[01_]+|0o[0-7_]+|[0-9][0-9_]*)$/i,
  resolve(text) {
    const [, sign, digits = ''] = /^([-+]?)(.*)$/.exec(text.replaceAll('_', '')) ?? []
    if (!/[0-9a-f]$/i.test(digits) || /^0[bo]$/i.test(digits)) return text
    const size = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits.toLowerCase())
    return sign === '-' ? -size : size
  },
}

const float: ScalarTag = {
  tag: 'tag:yaml.org,2002:float',
  default: true,
  test: /^[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:e[-+]?[0-9_]+)?$/i,
  resolve(text) {
    const value = Number(text.replaceAll('_', ''))
    return Number.isFinite(value) ? value : text
  },
}

/**
 * YAML's maps become Map objects, and integers become BigInts. Throws a SyntaxFault if the text is invalid, and a
 * RangeError if it is nested too deeply.
 */
export function parseYaml(text: string): unknown {
  const fail = (at: number | undefined, message: string): never => {
    throw SyntaxFault.at(text, at ?? 0, message)
  }
  const [document, second] = yamlDocuments(text, {
    intAsBigInt: true,
    merge: true,
    customTags: (tags) => [integer, float, binary, ...tags],
  })
  if (document === undefined) return null
  const [error] = document.errors
  if (error !== undefined) return fail(error.pos[0], withoutText(error.message))
  if (second !== undefined) {
    return fail(second.range[0], 'a second document begins here; put it into a file of its own')
  }
  visit(document, {
    Map(_, map) {
      const names = new Set<string>()
      for (const { key } of map.items) {
        if (!isScalar(key)) return fail(map.range?.[0], 'a name must be plain text')
        // The name in `0644: x` is the text 0644, and not the number 420.
        if (typeof key.value !== 'string' && key.source !== undefined) key.value = key.source
        const name = String(key.value)
        if (name !== '<<' && names.has(name)) {
          return fail(key.range?.[0], 'duplicate name in the map')
        }
        names.add(name)
      }
      return undefined
    },
  })
  try {
    return document.toJS({ mapAsMap: true })
  } catch (error) {
    // The cause is an alias without its anchor, a merge of something other than a map, or exponential aliases.
    return fail(
      0,
      error instanceof Error ? withoutText(error.message) : 'the document cannot be resolved',
    )
  }
}

/** The library's messages quote the source after a colon. Removes that quotation, because it may be a secret. */
const withoutText = (message: string): string => message.split(': ', 1)[0] as string
