// The secrets of this process, and texts without them. A server, or a proxy before it, may repeat in an error
// what it was sent; so whoever uses a password or a token names it here first, and no event leaves a run, and
// no fault the command, that has not passed through `withoutSecrets`.

/** Passwords and tokens are renewed: of an endless row of them the newest are known. */
const KEPT = 32
const MASK = '***'
/** Shorter ones are left out as whole words only: "abc" may be a part of any word. */
const LONG = 6

/** By what was named, a pattern of all its forms. The one that was named last stands last. */
const known = new Map<string, RegExp>()
/** The longest first: one secret may begin with another. */
let patterns: readonly RegExp[] = []

/**
 * Leaves a secret out of all texts from here on: as it is, as URLs and JSON have it, and in the
 * `user:password` of basic authentication.
 */
export function keepSecret(secret: string | undefined, user = ''): void {
  if (secret === undefined || secret === '') return
  const name = JSON.stringify([user, secret])
  const pattern = known.get(name)
  known.delete(name)
  known.set(name, pattern ?? new RegExp(formsOf(secret, user), 'gu'))
  if (pattern !== undefined) return
  for (const oldest of known.keys()) {
    if (known.size <= KEPT) break
    known.delete(oldest)
  }
  patterns = [...known.values()].sort((a, b) => b.source.length - a.source.length)
}

/** The text with each secret in it replaced by `***`. */
export const withoutSecrets = (text: string): string =>
  patterns.reduce((rest, pattern) => rest.replace(pattern, MASK), text)

function formsOf(secret: string, user: string): string {
  const pair = Buffer.from(`${user}:${secret}`)
  const base64 = ['base64', 'base64url'] as const
  return [
    bounded([...secret].map(charForms).join(''), secret),
    ...base64.map((encoding) => pair.toString(encoding).replace(/=+$/, '')).map(base64Forms),
  ].join('|')
}

const bounded = (forms: string, text: string): string =>
  text.length < LONG ? `(?<![\\p{L}\\p{N}_])${forms}(?![\\p{L}\\p{N}_])` : forms

const base64Forms = (text: string): string => bounded(text.replace(/[+/]/g, '\\$&'), text)

const ENTITIES: Readonly<Record<string, readonly string[]>> = {
  '&': ['&amp;', '&#0*38;'],
  '<': ['&lt;', '&#0*60;'],
  '>': ['&gt;', '&#0*62;'],
  '"': ['&quot;', '&#0*34;'],
  "'": ['&apos;', '&#0*39;'],
  ' ': ['\\+'],
}

/** What JSON puts before a quote, and a URL made of that. */
const BACKSLASH = '(?:\\\\|%5[cC])'

/** What a character may look like: itself, escaped for JSON, for a URL, for HTML. */
function charForms(char: string): string {
  const percent = [...Buffer.from(char)].map((byte) => `%${hex(byte, 2)}`).join('')
  const units = Array.from({ length: char.length }, (_, n) => char.charCodeAt(n))
  const json = units.map((unit) => `\\\\u${hex(unit, 4)}`).join('')
  const itself = `\\u{${char.codePointAt(0)?.toString(16)}}`
  // The longer ones first: an entity begins with the character that it stands for.
  return `${BACKSLASH}?(?:${[...(ENTITIES[char] ?? []), percent, json, itself].join('|')})`
}

/** Hexadecimal digits in either case. */
const hex = (code: number, digits: number): string =>
  code
    .toString(16)
    .padStart(digits, '0')
    .replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)
