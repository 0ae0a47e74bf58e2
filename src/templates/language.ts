// Tells Go's template syntax from nunjucks'. A file whose name says nothing is read in the language that
// it plainly is written in; one that plainly is in the other language than its name says is refused,
// never written out as literal text.
import { codeFrame, raise, type Fault } from '../core/fault.ts'
import type { EngineName } from '../core/resource.ts'

/** A tag in double braces, up to its end; `}}` inside of a string is not the end. */
const BRACES = /\{\{(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`|[^"'`}]|\}(?!\}))*\}\}/g
/** What nunjucks does not look into. */
const UNREAD = /\{#[^]*?#\}|\{%-?\s*(raw|verbatim)\b[^]*?%\}[^]*?\{%-?\s*end\1\b/g

/** A statement of nunjucks. */
const STATEMENT =
  /\{%[-+]?\s*(?:if|elif|elseif|else|endif|for|endfor|asyncEach|asyncAll|set|endset|block|endblock|extends|include|import|from|macro|endmacro|call|endcall|filter|endfilter|switch|case|endswitch|raw|endraw|verbatim|endverbatim)\b[^]*?%\}/
/**
 * An action of Go: a keyword, a variable, a field, a comment, or a call by blanks such as `getv "/a"`, which may
 * be in parentheses.
 */
const ACTION =
  /\{\{[^"'`{}]*\(\s*(?!(?:not|and|or|in|is|if|else)\b)[A-Za-z_]\w*\s+["`]|\{\{(?:-\s)?\s*(?:(?:end|else)\s*-?\}\}|(?:if|with)\s+["`$.(\w]|range\s+["`$.\w]|(?:template|block|define)\s+["`]|else\s+(?:if|with)\b|\$|\.[A-Za-z_]|\.\s*-?\}\}|\/\*|(?!not\b)[A-Za-z_]\w*\s+["`])/

/** A function without arguments, which nunjucks cannot put out. */
const BARE = /\{\{(?:-\s)?\s*(?:hostname|datetime)\s*(?:\||-?\}\})/

const HINTS: Readonly<Record<EngineName, string>> = {
  nunjucks:
    'this is nunjucks syntax: name the file .njk, or say engine = "nunjucks" in the resource; {{"{%"}} puts such a tag out',
  go: 'this is Go template syntax: name the file .tmpl, or say engine = "go" in the resource; {% raw %} puts such text out',
}

/** The engine of a file whose name does not say it. Throws a fault when it could be either. */
export function engineOf(text: string, file: string): EngineName {
  const [go, nunjucks] = [goIn(text), nunjucksIn(text)]
  if (go < 0) return nunjucks < 0 && BARE.test(text) ? 'go' : 'nunjucks'
  if (nunjucks < 0) return 'go'
  const [goLine, nunjucksLine] = [placeOf(text, go).line, placeOf(text, nunjucks).line]
  return raise(
    'template',
    `the template could be Go's (line ${goLine}) or nunjucks' (line ${nunjucksLine})`,
    {
      hint: 'say engine = "go" or engine = "nunjucks" in the resource, or give the file a name that does: .tmpl or .njk',
      ...placed(text, file, Math.max(go, nunjucks)),
    },
  )
}

/** Where a Go template holds a statement of nunjucks, outside of its own actions. */
const nunjucksIn = (text: string): number => blank(text, BRACES).search(STATEMENT)

/** Where a nunjucks template holds an action of Go. */
function goIn(text: string): number {
  const read = blank(text, UNREAD)
  // `end` may be a variable, where a tag of the template makes it one.
  const isVariable = /\{%[^%]*\bend\b/.test(read)
  return (isVariable ? blank(read, /\{\{-?\s*end\s*-?\}\}/g) : read).search(ACTION)
}

/** The same length, with blanks in place of what matches. */
const blank = (text: string, what: RegExp): string =>
  text.replace(what, (found) => found.replace(/[^\n]/g, ' '))

/** The fault of a text that is plainly written for another engine than `engine`; undefined when it is not. */
export function wrongLanguage(engine: EngineName, text: string, file: string): Fault | undefined {
  const other: EngineName = engine === 'go' ? 'nunjucks' : 'go'
  const at = engine === 'go' ? nunjucksIn(text) : goIn(text)
  if (at < 0) return undefined
  return {
    kind: 'template',
    message: `the template is written for ${other}, but would be rendered by ${engine}`,
    hint: HINTS[other],
    ...placed(text, file, at),
  }
}

function placeOf(text: string, at: number) {
  const before = text.slice(0, at)
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') }
}

function placed(text: string, file: string, at: number) {
  const { line, column } = placeOf(text, at)
  return { file, line, column, frame: codeFrame(text, line, column) }
}
