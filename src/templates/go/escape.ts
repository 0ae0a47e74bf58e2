// Go's html, js and urlquery: escape a Go string (bytes) for another language.
import { encodeRune, isPrintable, runeAt } from './utf8.ts'

const HTML: Readonly<Record<string, string>> = {
  '\0': '\xef\xbf\xbd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
}

export const escapeHtml = (text: string): string => text.replace(/[\0"'&<>]/g, (c) => HTML[c] ?? c)

const JS: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
}

const hex = (code: number): string => code.toString(16).toUpperCase().padStart(4, '0')

export function escapeJs(text: string): string {
  let out = ''
  for (let at = 0; at < text.length;) {
    const char = text[at] ?? ''
    const { rune, width } = runeAt(text, at)
    if (rune < 0x80) out += JS[char] ?? (rune < 0x20 ? `\\u${hex(rune)}` : char)
    else if (isPrintable(rune)) out += width === 1 ? char : encodeRune(rune)
    else out += `\\u${hex(rune)}`
    at += width
  }
  return out
}

export const escapeQuery = (text: string): string =>
  text.replace(/[^A-Za-z0-9_.~-]/g, (c) =>
    c === ' ' ? '+' : `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
