// The tokens of a template for the parser, which can put tokens back and report faults.
import { FaultError, type Fault } from '../../core/fault.ts'
import { hintForError, hintForLiteral, hintForToken } from './hints.ts'
import { Lexer } from './lexer.ts'
import { LiteralError } from './literals.ts'
import { faultAt } from './place.ts'
import { tokenInWords, type Token, type TokenKind } from './tokens.ts'

export interface ParseOptions {
  /** The file's path, for faults; defaults to the name. */
  readonly file?: string
  readonly leftDelim?: string
  readonly rightDelim?: string
  /** The names of the functions that a template may call. */
  readonly functions: ReadonlySet<string>
  /** Called for each unknown name; then parsing continues. If absent, parsing fails at the first unknown name. */
  readonly onUnknown?: (fault: Fault) => void
}

/** Maximum depth of nested blocks and parentheses. Without this limit, a template could exhaust the stack. */
const MAX_NESTING = 999

export class TokenStream {
  readonly #lexer: Lexer
  readonly #ahead: Token[] = []
  #last: Token = { kind: 'eof', at: 0, text: '' }
  #depth = 0
  /** The beginning of the current action; -1 outside of actions. */
  protected actionAt = -1

  constructor(
    protected readonly source: string,
    protected readonly name: string,
    protected readonly options: ParseOptions,
  ) {
    this.#lexer = new Lexer(source, options.leftDelim || '{{', options.rightDelim || '}}')
  }

  protected next(): Token {
    this.#last = this.#ahead.shift() ?? this.#lexer.next()
    return this.#last
  }

  protected back(): void {
    this.unread(this.#last)
  }

  /** Puts a token back. */
  protected unread(token: Token): void {
    this.#ahead.unshift(token)
  }

  protected peek(): Token {
    if (this.#ahead.length === 0) this.#ahead.push(this.#lexer.next())
    return this.#ahead[0] as Token
  }

  /** The next token that is not a space. */
  protected nextWord(): Token {
    if (this.peek().kind === 'space') this.next()
    return this.next()
  }

  protected peekWord(): Token {
    if (this.peek().kind === 'space') this.next()
    return this.peek()
  }

  protected expect(kind: TokenKind, context: string): Token {
    const token = this.nextWord()
    if (token.kind !== kind) this.unexpected(token, context)
    return token
  }

  protected fail(message: string, at = this.#last.at, hint = this.#hintOf(at)): never {
    throw new FaultError(this.#fault(message, at, hint))
  }

  /** Reports an unknown name, after which parsing can continue. */
  protected unknown(message: string, hint: string | undefined): void {
    const at = this.#last.at
    const advice = this.#hintOf(at) ?? hint
    const { onUnknown = () => this.fail(message, at, advice) } = this.options
    onUnknown(this.#fault(message, at, advice))
  }

  #fault(message: string, at: number, hint: string | undefined): Fault {
    const fault = faultAt(this.source, this.options.file ?? this.name, at, message)
    return hint === undefined ? fault : { ...fault, hint }
  }

  /** Returns the hint to close an action if a mistake is on a later line of the action or at the end of the file. */
  #hintOf(at: number): string | undefined {
    const close = this.options.rightDelim || '}}'
    if (this.actionAt < 0 || this.source.slice(this.actionAt, at).includes(close)) return undefined
    const line = this.lineOf(this.actionAt)
    const isEnd = at >= this.source.trimEnd().length
    if (line === this.lineOf(at) && !isEnd) return undefined
    return `add the closing ${close} of the action that begins on line ${line}`
  }

  protected unexpected(token: Token, context: string): never {
    if (token.kind === 'error') {
      const line = this.actionAt < 0 ? 0 : this.lineOf(this.actionAt)
      const away = line !== 0 && line !== this.lineOf(token.at)
      const extra = away ? ` in action started at ${this.name}:${line}` : ''
      const about = token.text.endsWith(' action') ? extra.replace(' in action', '') : extra
      this.fail(token.text + about, token.at, this.#hintOf(token.at) ?? hintForError(token.text))
    }
    this.fail(
      `unexpected ${tokenInWords(token)} in ${context}`,
      token.at,
      this.#hintOf(token.at) ?? hintForToken(this.source, token, context),
    )
  }

  /** 1-based. */
  protected readonly lineOf = (at: number): number => this.source.slice(0, at).split('\n').length

  protected literal<T>(read: (source: string) => T, token: Token): T {
    try {
      return read(token.text)
    } catch (error) {
      if (!(error instanceof LiteralError)) throw error
      this.fail(error.message, token.at, this.#hintOf(token.at) ?? hintForLiteral(token.text))
    }
  }

  /** Calls `read` one nesting level deeper. */
  protected deeper<T>(read: () => T): T {
    this.#depth++
    if (this.#depth > MAX_NESTING) this.fail(`nested deeper than ${MAX_NESTING} levels`)
    const result = read()
    this.#depth--
    return result
  }
}
