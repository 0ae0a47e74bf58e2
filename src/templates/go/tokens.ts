// The tokens of a Go template: their kinds, keywords, and representation in messages.
import { forMessage } from '../bytes.ts'

export type TokenKind =
  | 'text'
  | 'left'
  | 'right'
  | 'space'
  | 'bool'
  | 'char'
  | 'charConstant'
  | 'complex'
  | 'number'
  | 'string'
  | 'rawString'
  | 'field'
  | 'variable'
  | 'identifier'
  | 'keyword'
  | 'dot'
  | 'nil'
  | 'assign'
  | 'declare'
  | 'pipe'
  | '('
  | ')'
  | 'error'
  | 'eof'

export interface Token {
  readonly kind: TokenKind
  /** Byte offset. */
  readonly at: number
  /** The source of the token; for an error, its message. */
  readonly text: string
}

/** Words that are not names of functions. */
const WORDS: ReadonlyMap<string, TokenKind> = new Map([
  ...'block break continue define else end if range template with'
    .split(' ')
    .map((word) => [word, 'keyword'] as const),
  ['true', 'bool'],
  ['false', 'bool'],
  ['nil', 'nil'],
])

export const kindOfWord = (word: string): TokenKind => WORDS.get(word) ?? 'identifier'

export const isKeyword = (token: Token, word: string): boolean =>
  token.kind === 'keyword' && token.text === word

/** The tokens with which an argument of a command can begin. */
export const OPERANDS: ReadonlySet<TokenKind> = new Set<TokenKind>([
  'bool',
  'charConstant',
  'complex',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  '(',
])

/** Describes a token in messages. Long tokens are shortened. */
export function tokenInWords(token: Token): string {
  if (token.kind === 'eof') return 'EOF'
  if (token.kind === 'keyword') return `<${token.text}>`
  const text = forMessage(token.text)
  return text.length > 10 ? `${JSON.stringify(text.slice(0, 10))}...` : JSON.stringify(text)
}
