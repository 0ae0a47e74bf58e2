// What nunjucks' parser and compiler complain about, as a fault with its place.
import { codeFrame, type Fault } from '../../core/fault.ts'
import { faultOf } from './unit.ts'

/** The tags that need an end, and what ends them. */
const BLOCKS = 'if for asyncEach asyncAll block macro call filter raw verbatim switch ifAsync'.split(' ')

export function syntaxFault(error: unknown, path: string, text: string): Fault {
  const fault = faultOf(error)
  const { lineno, colno } = error as { readonly lineno?: number; readonly colno?: number }
  const message = fault.message.replace(/^(?:parse\w+|advanceAfter\w+|compile\w*): /, '')
  const open = lineno === undefined || /end of file|EOF/.test(message) ? unclosed(text) : undefined
  if (open !== undefined) {
    return {
      kind: 'template',
      message: `{% ${open.tag} %} is never closed`,
      hint: `put {% end${open.tag} %} where it ends`,
      ...placed(path, text, open.line, open.column),
    }
  }
  const line = lineno ?? text.split('\n').length
  return { ...fault, message: `template syntax: ${message}`, ...placed(path, text, line, colno ?? 1) }
}

const placed = (file: string, text: string, line: number, column: number) => ({
  file,
  line,
  column,
  frame: codeFrame(text, line, column),
})

/** The innermost tag that is opened and never closed; undefined when all are. */
function unclosed(text: string) {
  const open: { readonly tag: string; readonly at: number }[] = []
  const plain = text.replace(/\{#.*?#\}/gs, (comment) => comment.replace(/[^\n]/g, ' '))
  for (const match of plain.matchAll(/\{%-?\s*(end)?(\w+)/g)) {
    const tag = match[2] as string
    if (!BLOCKS.includes(tag)) continue
    if (match[1] === undefined) open.push({ tag, at: match.index })
    else if (open.at(-1)?.tag === tag) open.pop()
  }
  const last = open.at(-1)
  if (last === undefined) return undefined
  const before = text.slice(0, last.at).split('\n')
  return { tag: last.tag, line: before.length, column: (before.at(-1) as string).length + 1 }
}
