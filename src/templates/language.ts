// Tells Go's template syntax from nunjucks' where a file plainly is the other one than its name says:
// such a file is refused, never written out as literal text.
import { codeFrame, type Fault } from '../core/fault.ts'
import type { EngineName } from '../core/resource.ts'

/** A tag in double braces, up to its end; `}}` inside of a string is not the end. */
const BRACES = /\{\{(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`|[^"'`}]|\}(?!\}))*\}\}/g
/** What nunjucks does not look into. */
const UNREAD = /\{#[^]*?#\}|\{%-?\s*(raw|verbatim)\b[^]*?%\}[^]*?\{%-?\s*end\1\b/g

/** A statement of nunjucks. */
const STATEMENT =
  /\{%[-+]?\s*(?:if|elif|elseif|else|endif|for|endfor|asyncEach|asyncAll|set|endset|block|endblock|extends|include|import|from|macro|endmacro|call|endcall|filter|endfilter|switch|case|endswitch|raw|endraw|verbatim|endverbatim)\b[^]*?%\}/
/** An action of Go: a keyword, a variable, a field, a comment, or a call by blanks such as `getv "/a"`. */
const ACTION =
  /\{\{(?:-\s)?\s*(?:(?:end|else)\s*-?\}\}|(?:if|with)\s+["`$.(\w]|range\s+["`$.\w]|(?:template|block|define)\s+["`]|else\s+(?:if|with)\b|\$|\.[A-Za-z_]|\.\s*-?\}\}|\/\*|(?!not\b)[A-Za-z_]\w*\s+["`])/

const HINTS: Readonly<Record<EngineName, string>> = {
  nunjucks:
    'this is nunjucks syntax: name the file .njk, or say engine = "nunjucks" in the resource; {{"{%"}} puts such a tag out',
  go: 'this is Go template syntax: name the file .tmpl, or say engine = "go" in the resource; {% raw %} puts such text out',
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
  const before = text.slice(0, at)
  const line = before.split('\n').length
  const column = at - before.lastIndexOf('\n')
  return {
    kind: 'template',
    message: `the template is written for ${other}, but would be rendered by ${engine}`,
    hint: HINTS[other],
    file,
    line,
    column,
    frame: codeFrame(text, line, column),
  }
}
