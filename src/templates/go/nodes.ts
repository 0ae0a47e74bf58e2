// The syntax tree of a Go template, and the source of a node as quoted in Go's messages.

interface At {
  /** Byte offset in the source, for messages. */
  readonly at: number
}
export type Text = At & { readonly kind: 'text'; readonly text: string }
export type Action = At & { readonly kind: 'action'; readonly pipe: Pipe }
export type Branch = At & {
  readonly kind: 'if' | 'with' | 'range'
  readonly pipe: Pipe
  readonly body: List
  readonly otherwise: List | null
}
export type Invoke = At & {
  readonly kind: 'template'
  readonly name: string
  readonly pipe: Pipe | null
}
export type Jump = At & { readonly kind: 'break' | 'continue' }
export type Statement = Text | Action | Branch | Invoke | Jump
export type List = readonly Statement[]

export type Pipe = At & {
  readonly kind: 'pipe'
  readonly declared: readonly Variable[]
  /** Whether the pipeline assigns with `=` instead of declaring with `:=`. */
  readonly assigns: boolean
  readonly commands: readonly Command[]
}
export type Command = At & { readonly kind: 'command'; readonly args: readonly Operand[] }
export type Dot = At & { readonly kind: 'dot' }
export type Nil = At & { readonly kind: 'nil' }
export type Bool = At & { readonly kind: 'bool'; readonly value: boolean }
export type Str = At & { readonly kind: 'string'; readonly source: string; readonly value: string }
export type Num = At & { readonly kind: 'number'; readonly source: string } & NumberForms
export type FieldNode = At & { readonly kind: 'field'; readonly names: readonly string[] }
export type Variable = At & {
  readonly kind: 'variable'
  /** The name with its `$`. */
  readonly name: string
  readonly fields: readonly string[]
}
export type Identifier = At & { readonly kind: 'identifier'; readonly name: string }
export type Chain = At & {
  readonly kind: 'chain'
  readonly of: Operand
  readonly fields: readonly string[]
}
export type Operand =
  Dot | Nil | Bool | Str | Num | FieldNode | Variable | Identifier | Chain | Pipe

/** The possible values of a number literal; the type of the parameter selects one. */
export interface NumberForms {
  readonly int?: bigint
  readonly uint?: bigint
  readonly float?: number
  readonly complex?: { readonly real: number; readonly imaginary: number }
}

const dotted = (names: readonly string[]): string => names.map((name) => `.${name}`).join('')

/** The normalized source of a node, as Go's messages print it. */
export function sourceOf(node: Statement | Command | Operand): string {
  switch (node.kind) {
    case 'text':
      return node.text
    case 'action':
      return `{{${sourceOf(node.pipe)}}}`
    case 'if':
    case 'with':
    case 'range':
      return `{{${node.kind} ${sourceOf(node.pipe)}}}`
    case 'template': {
      const data = node.pipe === null ? '' : ` ${sourceOf(node.pipe)}`
      return `{{template ${JSON.stringify(node.name)}${data}}}`
    }
    case 'break':
    case 'continue':
      return `{{${node.kind}}}`
    case 'pipe': {
      const names = node.declared.map(sourceOf).join(', ')
      const commands = node.commands.map(sourceOf).join(' | ')
      return names === '' ? commands : `${names} ${node.assigns ? '=' : ':='} ${commands}`
    }
    case 'command':
      return node.args
        .map((arg) => (arg.kind === 'pipe' ? `(${sourceOf(arg)})` : sourceOf(arg)))
        .join(' ')
    case 'dot':
      return '.'
    case 'nil':
      return 'nil'
    case 'bool':
      return String(node.value)
    case 'string':
    case 'number':
      return node.source
    case 'field':
      return dotted(node.names)
    case 'variable':
      return node.name + dotted(node.fields)
    case 'identifier':
      return node.name
    case 'chain':
      return `${node.of.kind === 'pipe' ? `(${sourceOf(node.of)})` : sourceOf(node.of)}${dotted(node.fields)}`
  }
}
