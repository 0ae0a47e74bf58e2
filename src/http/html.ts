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

const textOf = (child: Child): string => {
  if (child === undefined || child === false) return ''
  if (child instanceof Html) return child.text
  if (typeof child === 'object') return child.map(textOf).join('')
  return printableText(String(child)).replace(/[&<>"']/g, (char) => ENTITIES[char] as string)
}

export const html = (strings: TemplateStringsArray, ...children: readonly Child[]): Html =>
  new Html(String.raw({ raw: strings }, ...children.map(textOf)))
