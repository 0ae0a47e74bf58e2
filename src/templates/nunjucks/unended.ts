// Finds the tag, comment or string without an end, for which nunjucks only reports the end of the file.

export interface Unended {
  /** The offset of the first character. */
  readonly at: number
  /** The missing end. */
  readonly end: string
  readonly what: 'tag' | 'comment' | 'string'
}

const ENDS: Readonly<Record<string, string>> = { '{{': '}}', '{%': '%}', '{#': '#}' }
const RAW = /\{%-?\s*(raw|verbatim)\s*-?%\}/y

/** Returns the first tag, comment or string without an end; undefined if there is none. */
export function unended(text: string): Unended | undefined {
  const begins = /\{[{%#]/g
  for (let begin = begins.exec(text); begin !== null; begin = begins.exec(text)) {
    const at = begin.index
    const after = rawEnd(text, at) ?? tagEnd(text, at, ENDS[begin[0]] as string)
    if (typeof after === 'object') return after
    begins.lastIndex = after
  }
  return undefined
}

/**
 * Returns a position in the end tag of the raw block that begins at `at`, or the end of the text if the end tag is
 * missing. Returns undefined if no raw block begins there.
 */
function rawEnd(text: string, at: number): number | undefined {
  RAW.lastIndex = at
  const [, name] = RAW.exec(text) ?? []
  if (name === undefined) return undefined
  const end = text.slice(at).search(new RegExp(`\\{%-?\\s*end${name}`))
  return end === -1 ? text.length : at + end + 2
}

function tagEnd(text: string, at: number, end: string): number | Unended {
  const parts = end === '#}' ? /#\}/g : /"(?:\\.|[^"\\])*("?)|'(?:\\.|[^'\\])*('?)|%\}|\}\}/gs
  parts.lastIndex = at + 2
  for (let part = parts.exec(text); part !== null; part = parts.exec(text)) {
    if (part[0] === end) return parts.lastIndex
    const closed = part[1] ?? part[2]
    if (closed === '') return { at: part.index, end: part[0].charAt(0), what: 'string' }
  }
  return { at, end, what: end === '#}' ? 'comment' : 'tag' }
}
