// Tells Go's template syntax from nunjucks' where a file plainly is the other one than its name says:
// such a file is refused, never written out as literal text.
import { codeFrame, type Fault } from '../core/fault.ts'
import type { EngineName } from '../core/resource.ts'

const PLAINLY: Readonly<Record<EngineName, RegExp>> = {
  nunjucks:
    /\{%[-+]?\s*(?:if|elif|else|endif|for|endfor|set|endset|block|endblock|extends|include|import|from|macro|endmacro|call|filter|raw|verbatim)\b[^%]*%\}/,
  go: /\{\{-?\s*(?:(?:end|else)\s*-?\}\}|(?:if|with|template|block|define)\s+["`$.(\w][^}]*\}\}|else\s+(?:if|with)\b|range\s+["`$.\w][^}]*\}\}|\$\w*\s*:?=)/,
}

const HINTS: Readonly<Record<EngineName, string>> = {
  nunjucks:
    'this is nunjucks syntax: name the file .njk, or say engine = "nunjucks" in the resource',
  go: 'this is Go template syntax: name the file .tmpl, or say engine = "go" in the resource',
}

/** The fault of a text that is plainly written for another engine than `engine`; undefined when it is not. */
export function wrongLanguage(engine: EngineName, text: string, file: string): Fault | undefined {
  const other: EngineName = engine === 'go' ? 'nunjucks' : 'go'
  const found = PLAINLY[other].exec(text)
  if (found === null) return undefined
  const before = text.slice(0, found.index)
  const line = before.split('\n').length
  const column = found.index - before.lastIndexOf('\n')
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
