// Hints for authors who use the syntax of another language, or pass strings from the store where Go requires numbers.
import type { Token } from './tokens.ts'

const OPERATORS =
  'use a function instead of the operator: eq, ne, lt, gt, and, or, not or add, such as {{if eq $a 1}}'
const QUOTES = 'write text in double quotes, such as getv "/app/port"'

/** What the first characters of an unexpected token suggest. */
const BEGINNINGS: readonly (readonly [beginning: string, hint: string])[] = [
  ['//', 'write a comment as {{/* ... */}}'],
  ['#', 'write a comment as {{/* ... */}}'],
  ['-}}', 'put a blank before -}}'],
  ['||', OPERATORS],
  ['?', 'write {{if ...}}...{{else}}...{{end}}'],
  ['[', 'take an item with index, such as index $list 0'],
]

/**
 * The hint for an unexpected token.
 * @param context the clause that contains the token, as named in messages
 */
export function hintForToken(source: string, token: Token, context: string): string | undefined {
  const around = source.slice(Math.max(0, token.at - 1), token.at + 2)
  if (token.kind === 'identifier' && /^(template|define|block) clause$/.test(context))
    return 'write the name in double quotes'
  // The second bar of "||" is the unexpected token.
  const start = around.startsWith('||') ? token.at - 1 : token.at
  const beginning = BEGINNINGS.find(([text]) => source.startsWith(text, start))
  if (beginning !== undefined) return beginning[1]
  if (/^\w\(/.test(around)) return 'call a function without parentheses, such as getv "/app/port"'
  if (/^[\s(]\/\w/.test(around)) return QUOTES
  return token.kind === 'assign' || /^[&=!<>+*/%]$/.test(token.text) ? OPERATORS : undefined
}

/** The hint for an invalid number or character. */
export function hintForLiteral(text: string): string | undefined {
  if (text.startsWith("'")) return QUOTES
  return /^[+-]$/.test(text) ? OPERATORS : undefined
}

/** The hint for text that is not a token. @param message Go's message */
export function hintForError(message: string): string | undefined {
  if (message === 'unterminated quoted string') return 'put " where the text ends'
  if (message === 'unclosed comment') return 'put */}} where the comment ends'
  return message.startsWith('bad number syntax: "-') ? 'put a blank after {{-' : undefined
}

/** The hint for a keyword of another language that is used where Go expects a function. */
export function hintForKeyword(word: string): string | undefined {
  if (/^for(each)?$/.test(word)) return 'write {{range gets "/dir/*"}}...{{end}}'
  if (/^els?e?_?if$/.test(word)) return 'write {{else if ...}}'
  if (/^(end[a-z]+|fi|done)$/.test(word)) return 'write {{end}}'
  if (/^(set|let|var)$/.test(word)) return 'write {{$name := ...}}'
  if (/^[A-Z][A-Z0-9_]+$/.test(word)) return QUOTES
  return word === 'unless' ? 'write {{if not (...)}}' : undefined
}

/** The hint for an argument whose type the parameter does not accept. Both types have Go's names. */
export function hintForType(wanted: string, given: string): string | undefined {
  if (wanted === 'int' && given === 'string') return 'convert the string with atoi: (atoi $value)'
  if (wanted === 'string' && /^(u?int|float)/.test(given))
    return 'convert the number with (printf "%v" $value)'
  if (wanted === '[]string' && given === 'memkv.KVPairs')
    return 'gets returns pairs: use getvs for the values, or ls for the names'
  return undefined
}

export const INNER_CALL =
  'put parentheses around a call that is an argument, such as not (exists "/app/port")'
export const NOT_A_LIST =
  'range over a list: gets "/dir/*" and ls "/dir" return lists, split makes one from a string, and jsonArray parses one'

/** The hint for a comparison of two values whose kinds cannot be compared. */
export function hintForComparison(a: string | null, b: string | null): string | undefined {
  const kinds = [a, b]
  if (kinds.includes('string') && kinds.some((kind) => /^(u?int|float)/.test(kind ?? '')))
    return 'write the number in quotes, or convert the string: a value from the store is a string'
  if (kinds.includes('float') && kinds.some((kind) => /^u?int/.test(kind ?? '')))
    return 'write the number with a decimal point, such as 1.0: numbers in JSON are floats'
  return undefined
}
