// Finds the tag, comment or string without an end, for which nunjucks only reports the end of the file, and the raw block
// without an end, which nunjucks renders as if the tag were absent.

export interface Unended {
  /** The offset of the first character. */
  readonly at: number
  /** The missing end. */
  readonly end: string
  readonly what: 'tag' | 'comment' | 'string' | 'raw block'
}

const ENDS: Readonly<Record<string, string>> = { '{{': '}}', '{%': '%}', '{#': '#}' }
const RAW = /\{%-?\s*(raw|verbatim)\s*-?%\}/y

/** Returns the first tag, comment, string or raw block without an end; undefined if there is none. */
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

/** Whether the text may contain a raw block. */
export const mentionsRaw = (text: string): boolean => /\{%-?\s*(?:raw|verbatim)\b/.test(text)

/**
 * Returns a position in the end tag of the raw block that begins at `at`; undefined if no raw block begins there. Raw
 * blocks can be nested, and nunjucks finds their tags only without dashes.
 */
function rawEnd(text: string, at: number): number | Unended | undefined {
  RAW.lastIndex = at
  const [, name] = RAW.exec(text) ?? []
  if (name === undefined) return undefined
  const tags = new RegExp(`\\{%\\s*(end)?${name}\\s*%\\}`, 'g')
  tags.lastIndex = RAW.lastIndex
  let level = 1
  for (let tag = tags.exec(text); tag !== null; tag = tags.exec(text)) {
    level += tag[1] === undefined ? 1 : -1
    if (level === 0) return tag.index + 2
  }
  return { at, end: `{% end${name} %}, without dashes,`, what: 'raw block' }
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
