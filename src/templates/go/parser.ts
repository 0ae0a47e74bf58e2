// The grammar of Go's text/template (https://pkg.go.dev/text/template), by recursive descent.
import { codeFrame, FaultError, type Fault } from '../../core/fault.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { Lexer, type Token, type TokenKind } from './lexer.ts'
import {
  characterConstant,
  complexConstant,
  LiteralError,
  numberConstant,
  unquote,
} from './literals.ts'
import type { Command, List, Operand, Pipe, Statement, Variable } from './nodes.ts'
import { toText } from './values.ts'

export interface Template {
  /** What `{{template}}` and messages call it: the file's name without its folder. */
  readonly name: string
  /** The file's path, for faults. */
  readonly file: string
  /** A binary string: one character a byte. */
  readonly source: string
  readonly definitions: ReadonlyMap<string, List>
}

export interface ParseOptions {
  /** The file's path, for faults; the name when absent. */
  readonly file?: string
  readonly leftDelim?: string
  readonly rightDelim?: string
  /** The functions a template may call. */
  readonly functions: { has(name: string): boolean }
}

/** Deeper nesting of blocks and parentheses is refused, before it could exhaust the stack. */
export const MAX_NESTING = 999

/**
 * @param source the file's bytes
 * @param name the file's name, for messages
 */
export function parse(
  source: Uint8Array | string,
  name: string,
  options: ParseOptions,
): Result<Template, Fault> {
  const text = Buffer.from(source as Uint8Array).toString('latin1')
  try {
    return ok({
      name,
      file: options.file ?? name,
      source: text,
      definitions: new Parser(text, name, options).file(),
    })
  } catch (error) {
    if (error instanceof FaultError) return err(error.fault)
    throw error
  }
}

/** A template fault at a byte offset of the source. */
export function faultAt(source: string, file: string, at: number, message: string): Fault {
  const before = source.slice(0, at)
  const line = before.split('\n').length
  const column = toText(before.slice(before.lastIndexOf('\n') + 1)).length + 1
  // A very long line says nothing as a frame.
  const start = before.lastIndexOf('\n') + 1
  const end = source.indexOf('\n', at)
  const short = (end < 0 ? source.length : end) - start < 400
  const frame = short ? { frame: codeFrame(toText(source), line, column) } : {}
  return { kind: 'template', message: toText(message), file, line, column, ...frame }
}

type Ending = 'end' | 'else'
type Context =
  | 'command'
  | 'if'
  | 'with'
  | 'range'
  | 'template clause'
  | 'block clause'
  | 'parenthesized pipeline'

class Parser {
  readonly #lexer: Lexer
  readonly #ahead: Token[] = []
  readonly #definitions = new Map<string, List>()
  #last: Token = { kind: 'eof', at: 0, text: '' }
  #variables: string[] = ['$']
  #ranges = 0
  #depth = 0
  /** Where the action began that is being read. */
  #actionAt = -1

  constructor(
    private readonly source: string,
    private readonly name: string,
    private readonly options: ParseOptions,
  ) {
    this.#lexer = new Lexer(source, options.leftDelim || '{{', options.rightDelim || '}}')
  }

  file(): ReadonlyMap<string, List> {
    const root: Statement[] = []
    while (this.#peek().kind !== 'eof') {
      if (this.#peek().kind === 'left') {
        const left = this.#next()
        if (this.#isKeyword(this.#nextWord(), 'define')) {
          this.#definition()
          continue
        }
        this.#back()
        this.#ahead.unshift(left)
      }
      const item = this.#statement()
      if (typeof item === 'string') this.#fail(`unexpected {{${item}}}`)
      root.push(item)
    }
    this.#define(this.name, root)
    return this.#definitions
  }

  // Tokens

  #next(): Token {
    this.#last = this.#ahead.shift() ?? this.#lexer.next()
    return this.#last
  }

  #back(): void {
    this.#ahead.unshift(this.#last)
  }

  #peek(): Token {
    if (this.#ahead.length === 0) this.#ahead.push(this.#lexer.next())
    return this.#ahead[0] as Token
  }

  /** The next token that is no space. */
  #nextWord(): Token {
    if (this.#peek().kind === 'space') this.#next()
    return this.#next()
  }

  #peekWord(): Token {
    if (this.#peek().kind === 'space') this.#next()
    return this.#peek()
  }

  #isKeyword = (token: Token, word: string): boolean =>
    token.kind === 'keyword' && token.text === word

  #expect(kind: TokenKind, context: string): Token {
    const token = this.#nextWord()
    if (token.kind !== kind) this.#unexpected(token, context)
    return token
  }

  #fail(message: string, at = this.#last.at): never {
    throw new FaultError(faultAt(this.source, this.options.file ?? this.name, at, message))
  }

  #unexpected(token: Token, context: string): never {
    if (token.kind === 'error') {
      const line = this.#actionAt < 0 ? 0 : this.#lineOf(this.#actionAt)
      const away = line !== 0 && line !== this.#lineOf(token.at)
      const extra = away ? ` in action started at ${this.name}:${line}` : ''
      const about = token.text.endsWith(' action') ? extra.replace(' in action', '') : extra
      this.#fail(token.text + about, token.at)
    }
    this.#fail(`unexpected ${describe(token)} in ${context}`, token.at)
  }

  #lineOf = (at: number): number => this.source.slice(0, at).split('\n').length

  #literal<T>(read: (source: string) => T, token: Token): T {
    try {
      return read(token.text)
    } catch (error) {
      if (error instanceof LiteralError) this.#fail(error.message, token.at)
      throw error
    }
  }

  /** Runs one level deeper. */
  #deeper<T>(read: () => T): T {
    this.#depth++
    if (this.#depth > MAX_NESTING) this.#fail(`nested deeper than ${MAX_NESTING} levels`)
    const result = read()
    this.#depth--
    return result
  }

  // Statements

  #define(name: string, list: List): void {
    const known = this.#definitions.get(name)
    if (known === undefined || isEmpty(known)) this.#definitions.set(name, list)
    else if (!isEmpty(list)) this.#fail(`multiple definition of template "${name}"`)
  }

  /** A named template has its own variables, and no loop around it. */
  #separately(read: () => void): void {
    const [variables, ranges] = [this.#variables, this.#ranges]
    this.#variables = ['$']
    this.#ranges = 0
    read()
    this.#variables = variables
    this.#ranges = ranges
  }

  #definition(): void {
    const name = this.#templateName('define clause')
    this.#expect('right', 'define clause')
    this.#separately(() => this.#define(name, this.#closedList('define clause')))
  }

  #closedList(context: string): List {
    const { list, ending } = this.#list()
    if (ending !== 'end') this.#fail(`unexpected {{${ending}}} in ${context}`)
    return list
  }

  #list(): { list: List; ending: Ending } {
    return this.#deeper(() => {
      const list: Statement[] = []
      while (this.#peekWord().kind !== 'eof') {
        const item = this.#statement()
        if (typeof item === 'string') return { list, ending: item }
        list.push(item)
      }
      return this.#fail('unexpected EOF', this.#peek().at)
    })
  }

  #statement(): Statement | Ending {
    const token = this.#nextWord()
    if (token.kind === 'text') return { kind: 'text', at: token.at, text: token.text }
    if (token.kind !== 'left') this.#unexpected(token, 'input')
    const outer = this.#actionAt
    this.#actionAt = token.at
    const item = this.#action()
    this.#actionAt = outer < 0 ? -1 : outer
    return item
  }

  #action(): Statement | Ending {
    const token = this.#nextWord()
    const at = token.at
    if (token.kind === 'keyword') {
      switch (token.text) {
        case 'if':
        case 'with':
        case 'range':
          return this.#branch(token.text)
        case 'break':
        case 'continue':
          return this.#jump(token.text, at)
        case 'else':
          return this.#else()
        case 'end':
          this.#expect('right', 'end')
          return 'end'
        case 'template':
          return this.#invoke(at)
        case 'block':
          return this.#block(at)
      }
    }
    this.#back()
    const pipe = this.#pipeline('command', 'right')
    return { kind: 'action', at: pipe.at, pipe }
  }

  #jump(kind: 'break' | 'continue', at: number): Statement {
    const token = this.#nextWord()
    if (token.kind !== 'right') this.#unexpected(token, `{{${kind}}}`)
    if (this.#ranges === 0) this.#fail(`{{${kind}}} outside {{range}}`, at)
    return { kind, at }
  }

  #else(): Ending {
    const token = this.#peekWord()
    // `else if` and `else with` are read by the branch that they belong to.
    if (!this.#isKeyword(token, 'if') && !this.#isKeyword(token, 'with')) {
      this.#expect('right', 'else')
    }
    return 'else'
  }

  #branch(kind: 'if' | 'with' | 'range'): Statement {
    const scope = this.#variables.length
    const pipe = this.#pipeline(kind, 'right')
    if (kind === 'range') this.#ranges++
    const { list: body, ending } = this.#list()
    if (kind === 'range') this.#ranges--
    const otherwise = ending === 'else' ? this.#otherwise(kind) : null
    this.#variables.length = scope
    return { kind, at: pipe.at, pipe, body, otherwise }
  }

  #otherwise(kind: 'if' | 'with' | 'range'): List {
    const token = this.#peek()
    if (kind !== 'range' && this.#isKeyword(token, kind)) {
      this.#next()
      return [this.#deeper(() => this.#branch(kind))]
    }
    const { list, ending } = this.#list()
    if (ending !== 'end') this.#fail(`expected end; found {{${ending}}}`)
    return list
  }

  #templateName(context: string): string {
    const token = this.#nextWord()
    if (token.kind !== 'string' && token.kind !== 'rawString') this.#unexpected(token, context)
    return this.#literal(unquote, token)
  }

  #invoke(at: number): Statement {
    const name = this.#templateName('template clause')
    if (this.#nextWord().kind === 'right') return { kind: 'template', at, name, pipe: null }
    this.#back()
    return { kind: 'template', at, name, pipe: this.#pipeline('template clause', 'right') }
  }

  #block(at: number): Statement {
    const name = this.#templateName('block clause')
    const pipe = this.#pipeline('block clause', 'right')
    this.#separately(() => this.#define(name, this.#closedList('block clause')))
    return { kind: 'template', at, name, pipe }
  }

  // Pipelines

  #pipeline(context: Context, end: 'right' | ')'): Pipe {
    const at = this.#peekWord().at
    const { declared, assigns } = this.#declarations(context)
    const commands: Command[] = []
    for (;;) {
      const token = this.#nextWord()
      if (token.kind === end) break
      if (!OPERANDS.has(token.kind)) this.#unexpected(token, context)
      this.#back()
      commands.push(this.#command())
    }
    if (commands.length === 0) this.#fail(`missing value for ${context}`)
    const constant = commands.findIndex((one, i) => i > 0 && isConstant(one.args[0]))
    if (constant > 0) this.#fail(`non executable command in pipeline stage ${constant + 1}`)
    return { kind: 'pipe', at, declared, assigns, commands }
  }

  #declarations(context: Context): { declared: Variable[]; assigns: boolean } {
    const declared: Variable[] = []
    while (this.#peekWord().kind === 'variable') {
      const token = this.#next()
      const space = this.#peek().kind === 'space' ? this.#next() : undefined
      const next = this.#peek()
      const variable: Variable = { kind: 'variable', at: token.at, name: token.text, fields: [] }
      if (next.kind === 'assign' || next.kind === 'declare') {
        this.#next()
        declared.push(variable)
        this.#variables.push(token.text)
        return { declared, assigns: next.kind === 'assign' }
      }
      if (next.kind !== 'char' || next.text !== ',') {
        if (space !== undefined) this.#ahead.unshift(space)
        this.#ahead.unshift(token)
        break
      }
      this.#next()
      declared.push(variable)
      this.#variables.push(token.text)
      if (context !== 'range' || declared.length > 1) {
        this.#fail(`too many declarations in ${context}`)
      }
      const after = this.#peekWord().kind
      if (after !== 'variable' && after !== 'right' && after !== ')') {
        this.#fail('range can only initialize variables')
      }
    }
    return { declared, assigns: false }
  }

  #command(): Command {
    const at = this.#peekWord().at
    const args: Operand[] = []
    for (;;) {
      this.#peekWord()
      const operand = this.#operand()
      if (operand !== null) args.push(operand)
      const token = this.#next()
      if (token.kind === 'space') continue
      if (token.kind === 'right' || token.kind === ')') this.#back()
      else if (token.kind !== 'pipe') this.#unexpected(token, 'operand')
      break
    }
    if (args.length === 0) this.#fail('empty command')
    return { kind: 'command', at, args }
  }

  #operand(): Operand | null {
    const node = this.#term()
    if (node === null || this.#peek().kind !== 'field') return node
    const at = this.#peek().at
    const fields: string[] = []
    while (this.#peek().kind === 'field') fields.push(this.#next().text.slice(1))
    switch (node.kind) {
      case 'field':
        return { ...node, at, names: [...node.names, ...fields] }
      case 'variable':
        return { ...node, at, fields: [...node.fields, ...fields] }
      case 'identifier':
      case 'chain':
      case 'pipe':
        return { kind: 'chain', at, of: node, fields }
      default:
        return this.#fail('unexpected . after term')
    }
  }

  #term(): Operand | null {
    const token = this.#nextWord()
    const at = token.at
    switch (token.kind) {
      case 'identifier':
        if (!this.options.functions.has(token.text)) {
          this.#fail(`function "${token.text}" not defined`)
        }
        return { kind: 'identifier', at, name: token.text }
      case 'dot':
        return { kind: 'dot', at }
      case 'nil':
        return { kind: 'nil', at }
      case 'variable':
        if (!this.#variables.includes(token.text)) this.#fail(`undefined variable "${token.text}"`)
        return { kind: 'variable', at, name: token.text, fields: [] }
      case 'field':
        return { kind: 'field', at, names: [token.text.slice(1)] }
      case 'bool':
        return { kind: 'bool', at, value: token.text === 'true' }
      case 'number':
        return this.#numberOf(numberConstant, token)
      case 'complex':
        return this.#numberOf(complexConstant, token)
      case 'charConstant':
        return this.#numberOf(characterConstant, token)
      case '(':
        return this.#deeper(() => this.#pipeline('parenthesized pipeline', ')'))
      case 'string':
      case 'rawString':
        return { kind: 'string', at, source: token.text, value: this.#literal(unquote, token) }
      default:
        this.#back()
        return null
    }
  }

  #numberOf(read: (source: string) => object, token: Token): Operand {
    return { kind: 'number', at: token.at, source: token.text, ...this.#literal(read, token) }
  }
}

const OPERANDS: ReadonlySet<TokenKind> = new Set<TokenKind>([
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

const isConstant = (node: Operand | undefined): boolean =>
  node !== undefined && ['bool', 'dot', 'nil', 'number', 'string'].includes(node.kind)

/** Only white space: may be replaced by another definition of the name. */
const isEmpty = (list: List): boolean =>
  list.every((node) => node.kind === 'text' && !/[^ \t\r\n\v\f\x85\xa0]/.test(node.text))

function describe(token: Token): string {
  if (token.kind === 'eof') return 'EOF'
  if (token.kind === 'keyword') return `<${token.text}>`
  const text = toText(token.text)
  return text.length > 10 ? `${JSON.stringify(text.slice(0, 10))}...` : JSON.stringify(text)
}
