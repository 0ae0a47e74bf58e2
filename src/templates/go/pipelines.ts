// Parses the inside of an action: pipelines with declarations, commands and operands.
import { nearest } from '../../core/nearest.ts'
import { hintForName } from '../foreign/hints.ts'
import { hintForKeyword } from './hints.ts'
import { characterConstant, complexConstant, numberConstant, unquote } from './literals.ts'
import type { Command, Operand, Pipe, Variable } from './nodes.ts'
import { TokenStream } from './token-stream.ts'
import { OPERANDS, type Token } from './tokens.ts'

/** The clause that contains a pipeline, as named in messages. */
type Context =
  | 'command'
  | 'if'
  | 'with'
  | 'range'
  | 'template clause'
  | 'block clause'
  | 'parenthesized pipeline'

export class Pipelines extends TokenStream {
  /** The names in scope, including their `$`. */
  protected variables: string[] = ['$']

  protected pipeline(context: Context, end: 'right' | ')'): Pipe {
    const at = this.peekWord().at
    const { declared, assigns } = this.#declarations(context)
    const commands: Command[] = []
    for (;;) {
      const token = this.nextWord()
      if (token.kind === end) break
      if (!OPERANDS.has(token.kind)) this.unexpected(token, context)
      this.back()
      commands.push(this.#command())
    }
    if (commands.length === 0) this.fail(`missing value for ${context}`)
    const constant = commands.findIndex((one, i) => i > 0 && isConstant(one.args[0]))
    if (constant > 0) this.fail(`non executable command in pipeline stage ${constant + 1}`)
    return { kind: 'pipe', at, declared, assigns, commands }
  }

  #declarations(context: Context): { declared: Variable[]; assigns: boolean } {
    const declared: Variable[] = []
    while (this.peekWord().kind === 'variable') {
      const token = this.next()
      const space = this.peek().kind === 'space' ? this.next() : undefined
      const next = this.peek()
      const variable: Variable = { kind: 'variable', at: token.at, name: token.text, fields: [] }
      if (next.kind === 'assign' || next.kind === 'declare') {
        this.next()
        declared.push(variable)
        this.variables.push(token.text)
        return { declared, assigns: next.kind === 'assign' }
      }
      if (next.kind !== 'char' || next.text !== ',') {
        if (space !== undefined) this.unread(space)
        this.unread(token)
        break
      }
      this.next()
      declared.push(variable)
      this.variables.push(token.text)
      if (context !== 'range' || declared.length > 1) {
        this.fail(`too many declarations in ${context}`)
      }
      const after = this.peekWord().kind
      if (after !== 'variable' && after !== 'right' && after !== ')') {
        this.fail('range can only initialize variables')
      }
    }
    return { declared, assigns: false }
  }

  #command(): Command {
    const at = this.peekWord().at
    const args: Operand[] = []
    for (;;) {
      this.peekWord()
      const operand = this.#operand()
      if (operand !== null) args.push(operand)
      const token = this.next()
      if (token.kind === 'space') continue
      if (token.kind === 'right' || token.kind === ')') this.back()
      else if (token.kind !== 'pipe') this.unexpected(token, 'operand')
      break
    }
    if (args.length === 0) this.fail('empty command')
    return { kind: 'command', at, args }
  }

  #operand(): Operand | null {
    const node = this.#term()
    if (node === null || this.peek().kind !== 'field') return node
    const at = this.peek().at
    const fields: string[] = []
    while (this.peek().kind === 'field') fields.push(this.next().text.slice(1))
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
        return this.fail(
          'unexpected . after term',
          undefined,
          'put the call in parentheses, such as (get "/app/port").Value',
        )
    }
  }

  #term(): Operand | null {
    const token = this.nextWord()
    const at = token.at
    switch (token.kind) {
      case 'identifier':
        if (!this.options.functions.has(token.text)) {
          const all = 'see docs/templates.md for all functions'
          const isAssigned = /^\s*:?=(?!=)/.test(this.source.slice(at + token.text.length))
          const hint = isAssigned
            ? `write {{$${token.text} := ...}}`
            : (hintForKeyword(token.text) ??
              hintForName(token.text, 'go', this.options.functions, all))
          this.unknown(`function "${token.text}" not defined`, hint)
        }
        return { kind: 'identifier', at, name: token.text }
      case 'dot':
        return { kind: 'dot', at }
      case 'nil':
        return { kind: 'nil', at }
      case 'variable':
        if (!this.variables.includes(token.text)) {
          const near = nearest(
            token.text,
            this.variables.filter((name) => name !== '$'),
          )
          const hint = near === undefined ? undefined : `did you mean ${near}?`
          this.unknown(`undefined variable "${token.text}"`, hint)
        }
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
        return this.deeper(() => this.pipeline('parenthesized pipeline', ')'))
      case 'string':
      case 'rawString':
        return { kind: 'string', at, source: token.text, value: this.literal(unquote, token) }
      default:
        this.back()
        return null
    }
  }

  #numberOf(read: (source: string) => object, token: Token): Operand {
    return { kind: 'number', at: token.at, source: token.text, ...this.literal(read, token) }
  }
}

const isConstant = (node: Operand | undefined): boolean =>
  node !== undefined && ['bool', 'dot', 'nil', 'number', 'string'].includes(node.kind)
