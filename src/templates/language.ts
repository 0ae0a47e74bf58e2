// Distinguishes Go templates from nunjucks templates. If the name of a file does not determine its language, the
// content does. A file whose content contradicts its name is refused; it is never written as literal text.
import { codeFrame, raise, type Fault } from '../core/fault.ts'
import type { EngineName } from '../core/resource.ts'

/** A tag in double braces; `}}` in a string does not end it. */
const BRACES = /\{\{(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`|[^"'`}]|\}(?!\}))*\}\}/g
/** Parts that nunjucks does not interpret: comments and raw blocks. */
const UNREAD = /\{#[^]*?#\}|\{%-?\s*(raw|verbatim)\b[^]*?%\}[^]*?\{%-?\s*end\1\b/g

/** A nunjucks statement. */
const STATEMENT =
  /\{%[-+]?\s*(?:if|elif|elseif|else|endif|for|endfor|asyncEach|asyncAll|set|endset|block|endblock|extends|include|import|from|macro|endmacro|call|endcall|filter|endfilter|switch|case|endswitch|raw|endraw|verbatim|endverbatim)\b[^]*?%\}/
/**
 * The beginning of a Go action: a keyword, variable, field or comment, or a call in Go's form, such as `getv "/a"`,
 * possibly in parentheses.
 */
const ACTION =
  /\{\{[^"'`{}]*\(\s*(?!(?:not|and|or|in|is|if|else)\b)[A-Za-z_]\w*\s+["`]|\{\{(?:-\s)?\s*(?:(?:end|else)\s*-?\}\}|(?:if|with)\s+["`$.(\w]|range\s+["`$.\w]|(?:template|block|define)\s+["`]|else\s+(?:if|with)\b|\$|\.[A-Za-z_]|\.\s*-?\}\}|\/\*|(?!not\b)[A-Za-z_]\w*\s+["`])/

/** A call of `hostname` or `datetime` without parentheses, as in Go. nunjucks cannot print the function itself. */
const BARE = /\{\{(?:-\s)?\s*(?:hostname|datetime)\s*(?:\||-?\}\})/

const HINTS: Readonly<Record<EngineName, string>> = {
  nunjucks:
    'this is nunjucks syntax: give the file the extension .njk, or set engine = "nunjucks" in the resource; to print such a tag, write {{"{%"}}',
  go: 'this is Go template syntax: give the file the extension .tmpl, or set engine = "go" in the resource; to print such text, put it into {% raw %}',
}

/** Determines the engine of a file from its content. Throws a fault if it contains the syntax of both engines. */
export function engineOf(text: string, file: string): EngineName {
  const [go, nunjucks] = [goIn(text), nunjucksIn(text)]
  if (go < 0) return nunjucks < 0 && BARE.test(text) ? 'go' : 'nunjucks'
  if (nunjucks < 0) return 'go'
  const [goLine, nunjucksLine] = [placeOf(text, go).line, placeOf(text, nunjucks).line]
  return raise(
    'template',
    `the template contains Go syntax (line ${goLine}) and nunjucks syntax (line ${nunjucksLine})`,
    {
      hint: 'set engine = "go" or engine = "nunjucks" in the resource, or give the file the extension .tmpl or .njk',
      ...placed(text, file, Math.max(go, nunjucks)),
    },
  )
}

/** The position of a nunjucks statement in a Go template, outside of Go actions; -1 if there is none. */
const nunjucksIn = (text: string): number => blank(text, BRACES).search(STATEMENT)

/** The position of a Go action in a nunjucks template; -1 if there is none. */
function goIn(text: string): number {
  const read = blank(text, UNREAD)
  // If a nunjucks tag contains the name `end`, `{{ end }}` may print a variable of this name.
  const isVariable = /\{%[^%]*\bend\b/.test(read)
  return (isVariable ? blank(read, /\{\{-?\s*end\s*-?\}\}/g) : read).search(ACTION)
}

/** Replaces each match with spaces of the same length. */
const blank = (text: string, what: RegExp): string =>
  text.replace(what, (found) => found.replace(/[^\n]/g, ' '))

/** Returns a fault if a template is written for the other engine; otherwise undefined. */
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
