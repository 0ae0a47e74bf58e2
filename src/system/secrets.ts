// Removes secrets from messages. An error message from a server or proxy may quote the request. So code that uses a
// password or token registers it here first, and all events and faults pass through `withoutSecrets`.

/** Maximum number of registered secrets. Passwords and tokens are renewed, so only the newest are kept. */
const KEPT = 32
const MASK = '***'
/** Secrets with fewer characters are masked only as whole words, because "abc" could be a part of any word. */
const LONG = 6
/** Maximum number of characters for one character of a secret: three bytes, encoded for a URL. */
const LONGEST_FORM = 9

/** A pattern that matches all forms of a secret, by user and secret; in order of the last registration. */
const known = new Map<string, RegExp>()
/** The same patterns, the longest first, because one secret may begin with another. */
let patterns: readonly RegExp[] = []

/**
 * Registers a secret. `withoutSecrets` then masks it in plain form, as encoded in URLs, JSON and HTML, and in the
 * base64 of basic authentication.
 * @param user the user name of basic authentication
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

/** Matches the password in a URL. It is masked even if it is unknown, because a setting may be in the wrong place. */
const IN_URL = /(?<=:\/\/[^\s/@:]*:)[^\s/]+(?=@)/g

/** Returns the text with each secret, and each password in a URL, replaced by `***`. */
export const withoutSecrets = (text: string): string =>
  patterns.reduce((rest, pattern) => rest.replace(pattern, MASK), text.replace(IN_URL, MASK))

/**
 * Returns the beginning and the end of a longer text with each secret replaced. Drops as many characters at the gap
 * as the longest secret may have, because a part of a secret is not recognized.
 */
export function withoutSecretsAround(beginning: string, end: string): readonly [string, string] {
  const most = LONGEST_FORM * Math.max(0, ...[...known.keys()].map((name) => name.length))
  const [before, after] = [withoutSecrets(beginning), withoutSecrets(end)]
  return [before.slice(0, Math.max(0, before.length - most)), after.slice(most)]
}

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

/** A pattern for the backslash that JSON puts before a quote, plain or encoded for a URL. */
const BACKSLASH = '(?:\\\\|%5[cC])'

/** Returns a pattern for all forms of a character: plain, and escaped for JSON, a URL or HTML. */
function charForms(char: string): string {
  const percent = [...Buffer.from(char)].map((byte) => `%${hex(byte, 2)}`).join('')
  const units = Array.from({ length: char.length }, (_, n) => char.charCodeAt(n))
  const json = units.map((unit) => `\\\\u${hex(unit, 4)}`).join('')
  const itself = `\\u{${char.codePointAt(0)?.toString(16)}}`
  // Longer forms first: `&amp;` begins with the `&` that it encodes.
  return `${BACKSLASH}?(?:${[...(ENTITIES[char] ?? []), percent, json, itself].join('|')})`
}

/** Returns a pattern for the hexadecimal digits of a number, in either case. */
const hex = (code: number, digits: number): string =>
  code
    .toString(16)
    .padStart(digits, '0')
    .replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)
