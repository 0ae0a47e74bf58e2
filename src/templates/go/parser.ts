// The grammar of Go's text/template (https://pkg.go.dev/text/template), by recursive descent: files, definitions and
// statements. pipelines.ts parses the inside of actions.
import { attempt, type Fault } from '../../core/fault.ts'
import type { Result } from '../../core/result.ts'
import { unquote } from './literals.ts'
import type { List, Statement } from './nodes.ts'
import { Pipelines } from './pipelines.ts'
import type { ParseOptions } from './token-stream.ts'
import { isKeyword } from './tokens.ts'

export interface Template {
  /** The name in `{{template}}` and messages: the file name without the folder. */
  readonly name: string
  /** The file's path, for faults. */
  readonly file: string
  /** A binary string: one character per byte. */
  readonly source: string
  readonly definitions: ReadonlyMap<string, List>
}

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
  return attempt(() => ({
    name,
    file: options.file ?? name,
    source: text,
    definitions: new Parser(text, name, options).file(),
  }))
}

/** The keyword that closed a list of statements. */
type Ending = 'end' | 'else'

class Parser extends Pipelines {
  readonly #definitions = new Map<string, List>()
  /** The open blocks, the innermost last: keyword and position. */
  readonly #open: { readonly what: string; readonly at: number }[] = []
  /** The number of ranges around the current statement. */
  #ranges = 0

  file(): ReadonlyMap<string, List> {
    const root: Statement[] = []
    while (this.peek().kind !== 'eof') {
      if (this.peek().kind === 'left') {
        const left = this.next()
        if (isKeyword(this.nextWord(), 'define')) {
          this.#within('define', left.at, () => this.#definition())
          continue
        }
        this.back()
        this.unread(left)
      }
      const item = this.#statement()
      if (typeof item === 'string') {
        const hint = 'remove it: no block is open here'
        this.fail(`unexpected {{${item}}}`, undefined, hint)
      }
      root.push(item)
    }
    this.#define(this.name, root)
    return this.#definitions
  }

  #define(name: string, list: List): void {
    const known = this.#definitions.get(name)
    if (known === undefined || isEmpty(known)) this.#definitions.set(name, list)
    else if (!isEmpty(list)) this.fail(`multiple definition of template "${name}"`)
  }

  /** Reads a named template, which has its own variables and is outside of the loops around its definition. */
  #separately(read: () => void): void {
    const [variables, ranges] = [this.variables, this.#ranges]
    this.variables = ['$']
    this.#ranges = 0
    read()
    this.variables = variables
    this.#ranges = ranges
  }

  #definition(): void {
    const name = this.#templateName('define clause')
    this.expect('right', 'define clause')
    this.#separately(() => this.#define(name, this.#closedList('define clause')))
  }

  #closedList(context: string): List {
    const { list, ending } = this.#list()
    if (ending !== 'end') this.fail(`unexpected {{${ending}}} in ${context}`)
    return list
  }

  #list(): { list: List; ending: Ending } {
    return this.deeper(() => {
      const list: Statement[] = []
      while (this.peekWord().kind !== 'eof') {
        const item = this.#statement()
        if (typeof item === 'string') return { list, ending: item }
        list.push(item)
      }
      return this.#endless()
    })
  }

  #within<T>(what: string, at: number, read: () => T): T {
    this.#open.push({ what, at })
    const result = read()
    this.#open.pop()
    return result
  }

  #endless(): never {
    const open = this.#open.at(-1)
    if (open === undefined) return this.fail('unexpected EOF', this.peek().at)
    const line = this.lineOf(open.at)
    const { leftDelim, rightDelim } = this.options
    const end = `${leftDelim || '{{'}end${rightDelim || '}}'}`
    return this.fail(
      `unexpected EOF: the ${open.what} on line ${line} is never closed`,
      open.at,
      `put ${end} where the ${open.what} that begins on line ${line} ends`,
    )
  }

  #statement(): Statement | Ending {
    const token = this.nextWord()
    if (token.kind === 'text') return { kind: 'text', at: token.at, text: token.text }
    if (token.kind !== 'left') this.unexpected(token, 'input')
    const outer = this.actionAt
    this.actionAt = token.at
    const item = this.#action()
    this.actionAt = outer
    return item
  }

  #action(): Statement | Ending {
    const token = this.nextWord()
    const at = token.at
    if (token.kind === 'keyword') {
      switch (token.text) {
        case 'if':
        case 'with':
        case 'range':
          return this.#within(token.text, this.actionAt, () =>
            this.#branch(token.text as 'if' | 'with' | 'range'),
          )
        case 'break':
        case 'continue':
          return this.#jump(token.text, at)
        case 'else':
          return this.#else()
        case 'end':
          this.expect('right', 'end')
          return 'end'
        case 'template':
          return this.#invoke(at)
        case 'block':
          return this.#within('block', this.actionAt, () => this.#block(at))
      }
    }
    this.back()
    const pipe = this.pipeline('command', 'right')
    return { kind: 'action', at: pipe.at, pipe }
  }

  #jump(kind: 'break' | 'continue', at: number): Statement {
    const token = this.nextWord()
    if (token.kind !== 'right') this.unexpected(token, `{{${kind}}}`)
    if (this.#ranges === 0) this.fail(`{{${kind}}} outside {{range}}`, at)
    return { kind, at }
  }

  #else(): Ending {
    const token = this.peekWord()
    // The enclosing branch reads `else if` and `else with`.
    if (!isKeyword(token, 'if') && !isKeyword(token, 'with')) {
      this.expect('right', 'else')
    }
    return 'else'
  }

  #branch(kind: 'if' | 'with' | 'range'): Statement {
    const scope = this.variables.length
    const pipe = this.pipeline(kind, 'right')
    if (kind === 'range') this.#ranges++
    const { list: body, ending } = this.#list()
    if (kind === 'range') this.#ranges--
    const otherwise = ending === 'else' ? this.#otherwise(kind) : null
    this.variables.length = scope
    return { kind, at: pipe.at, pipe, body, otherwise }
  }

  #otherwise(kind: 'if' | 'with' | 'range'): List {
    const token = this.peek()
    if (kind !== 'range' && isKeyword(token, kind)) {
      this.next()
      return [this.deeper(() => this.#branch(kind))]
    }
    const { list, ending } = this.#list()
    if (ending !== 'end') this.fail(`expected end; found {{${ending}}}`)
    return list
  }

  #templateName(context: string): string {
    const token = this.nextWord()
    if (token.kind !== 'string' && token.kind !== 'rawString') this.unexpected(token, context)
    return this.literal(unquote, token)
  }

  #invoke(at: number): Statement {
    const name = this.#templateName('template clause')
    if (this.nextWord().kind === 'right') return { kind: 'template', at, name, pipe: null }
    this.back()
    return { kind: 'template', at, name, pipe: this.pipeline('template clause', 'right') }
  }

  #block(at: number): Statement {
    const name = this.#templateName('block clause')
    const pipe = this.pipeline('block clause', 'right')
    this.#separately(() => this.#define(name, this.#closedList('block clause')))
    return { kind: 'template', at, name, pipe }
  }
}

/** Whether a definition contains only white space, so that another definition may replace it. */
const isEmpty = (list: List): boolean =>
  list.every((node) => node.kind === 'text' && !/[^ \t\r\n\v\f\x85\xa0]/.test(node.text))
