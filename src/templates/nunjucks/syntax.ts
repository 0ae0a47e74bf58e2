// Converts syntax errors of nunjucks to faults with a position.
import { codeFrame, type Fault } from '../../core/fault.ts'
import { messageHint, offsetOf, tagAt, tagHint } from './hints.ts'
import { faultOf } from './unit.ts'
import { unended } from './unended.ts'

/** The tags that need an end tag. */
const BLOCKS =
  'if for asyncEach asyncAll block macro call filter raw verbatim switch ifAsync'.split(' ')

/** Returns the fault for the first tag, comment, string or raw block without an end; undefined if there is none. */
export function endlessFault(path: string, text: string): Fault | undefined {
  const endless = unended(text)
  if (endless === undefined) return undefined
  const { line, column } = positionOf(text, endless.at)
  return {
    kind: 'template',
    message: `the ${endless.what} that begins here has no end`,
    hint: `put ${endless.end} where it ends`,
    ...placed(path, text, line, column),
  }
}

export function syntaxFault(error: unknown, path: string, text: string): Fault {
  const fault = faultOf(error)
  const { lineno, colno } = error as { readonly lineno?: number; readonly colno?: number }
  const message = fault.message.replace(/^(?:parse\w+|advanceAfter\w+|compile\w*): /, '')
  const atEnd = lineno === undefined || /end of file|EOF/.test(message)
  const endless = atEnd ? endlessFault(path, text) : undefined
  if (endless !== undefined) return endless
  const open = atEnd ? unclosed(text) : undefined
  if (open !== undefined) {
    return {
      kind: 'template',
      message: `{% ${open.tag} %} is never closed`,
      hint: `put {% end${open.tag} %} where it ends`,
      ...placed(path, text, open.line, open.column),
    }
  }
  const stray = /^unknown block tag: (end(\w+)|else|elif|elseif)$/.exec(message)
  if (stray !== null && lineno !== undefined) {
    const inner = unclosed(text.slice(0, offsetOf(text, lineno, colno ?? 1)))
    const reason =
      inner === undefined || inner.tag === stray[2]
        ? 'it belongs to no open tag'
        : `{% ${inner.tag} %} on line ${inner.line} is still open`
    return {
      kind: 'template',
      message: `{% ${stray[1]} %} is out of place: ${reason}`,
      ...placed(path, text, lineno, colno ?? 1),
    }
  }
  const start = lastTag(text)
  const [line, column] = [lineno ?? start.line, colno ?? start.column]
  const hint = fault.hint ?? tagHint(tagAt(text, line, column)) ?? messageHint(message)
  return {
    kind: 'template',
    message: `template syntax: ${inWords(message)}`,
    ...(hint === undefined ? {} : { hint }),
    ...placed(path, text, line, column),
  }
}

/** Replaces the terms of nunjucks' parser with the delimiters that a template contains. */
const inWords = (message: string): string =>
  message
    .replace('expected variable end', 'expected "}}" here')
    .replace(/expected block end in (\w+) statement/, 'expected "%}" here, in the tag $1')
    // An exception of nunjucks' own code.
    .replace(/^Cannot read properties of .*/, 'the tag before this one is incomplete')

/** The position of the last tag in the text: nunjucks expected the end of this tag. */
const lastTag = (text: string) =>
  positionOf(text, Math.max(0, ...['{{', '{%', '{#'].map((tag) => text.lastIndexOf(tag))))

function positionOf(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at).split('\n')
  return { line: before.length, column: (before.at(-1) as string).length + 1 }
}

const placed = (file: string, text: string, line: number, column: number) => ({
  file,
  line,
  column,
  frame: codeFrame(text, line, column),
})

/** The innermost tag that is never closed; undefined if all are closed. */
function unclosed(text: string) {
  const open: { readonly tag: string; readonly at: number }[] = []
  const plain = text.replace(/\{#.*?#\}/gs, (comment) => comment.replace(/[^\n]/g, ' '))
  for (const match of plain.matchAll(/\{%-?\s*(end)?(\w+)/g)) {
    const tag = match[2] as string
    // {% set name %} needs an end tag, {% set name = value %} does not.
    const isSet = tag === 'set' && /^[^=]*?%\}/.test(plain.slice(match.index))
    if (!BLOCKS.includes(tag) && !isSet) continue
    if (match[1] === undefined) open.push({ tag, at: match.index })
    else if (open.at(-1)?.tag === tag) open.pop()
  }
  const last = open.at(-1)
  if (last === undefined) return undefined
  return { tag: last.tag, ...positionOf(text, last.at) }
}
