// HTML as a value: a template escapes everything that is not HTML already.
import { printableText } from '../core/escape.ts'

export class Html {
  constructor(readonly text: string) {}
}

export type Child = string | number | Html | false | undefined | readonly Child[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text that needs no escaping, such as most names and numbers. */
const PLAIN = /^[\w ./:,@+-]*$/

const textOf = (child: Child): string => {
  if (child === undefined || child === false) return ''
  if (child instanceof Html) return child.text
  if (typeof child === 'object') return child.map(textOf).join('')
  const text = String(child)
  if (PLAIN.test(text)) return text
  return printableText(text).replace(/[&<>"']/g, (char) => ENTITIES[char] as string)
}

/**
 * Caches the strings of each template without the indentation of the source, because a page may have hundreds of rows.
 */
const known = new WeakMap<TemplateStringsArray, readonly string[]>()

function textsOf(strings: TemplateStringsArray): readonly string[] {
  let texts = known.get(strings)
  if (texts === undefined) known.set(strings, (texts = strings.map(withoutIndent)))
  return texts
}

const withoutIndent = (text: string): string => text.replace(/\n\s+/g, '\n')

export const html = (strings: TemplateStringsArray, ...children: readonly Child[]): Html => {
  const [first = '', ...others] = textsOf(strings)
  return new Html(others.reduce((text, other, n) => text + textOf(children[n]) + other, first))
}
