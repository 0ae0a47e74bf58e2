// The tokens of a Go template: their kinds, the words that mean something, and how messages show one.
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
  /** The source of the token; the message of an error. */
  readonly text: string
}

/** The words that are no function's name. */
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

/** What an argument of a command can begin with. */
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

/** As messages quote it: shortened. */
export function describe(token: Token): string {
  if (token.kind === 'eof') return 'EOF'
  if (token.kind === 'keyword') return `<${token.text}>`
  const text = forMessage(token.text)
  return text.length > 10 ? `${JSON.stringify(text.slice(0, 10))}...` : JSON.stringify(text)
}
