// Types of the nunjucks 3.2.4 internals used here, which @types/nunjucks lacks. Importing the internals separately
// avoids loading the file watchers and loaders of the package.

declare module 'nunjucks/src/nodes.js' {
  class Node {
    readonly typename: string
    /** 0-based. */
    readonly lineno: number
    readonly colno: number
    findAll<T extends Node>(type: new (...args: never[]) => T): T[]
    // The following exist only on some types of nodes.
    readonly value: unknown
    readonly name: Node
    readonly target: Node
    readonly val: Node
    readonly cond: Node
    readonly body: Node
    readonly else_: Node | null
    readonly left: Node
    readonly right: Node
    readonly expr: Node
    readonly ops: readonly { readonly expr: Node }[]
    readonly args: Node | undefined
    readonly template: Node
    readonly ignoreMissing: boolean | null | undefined
    readonly names: Node
    readonly key: Node
    readonly targets: readonly Node[]
    readonly children: readonly Node[]
  }
  const nodes: {
    readonly Symbol: typeof Node
    readonly Set: typeof Node
    readonly Include: typeof Node
    readonly Block: typeof Node
    readonly If: typeof Node
    readonly InlineIf: typeof Node
    readonly And: typeof Node
    readonly Or: typeof Node
    readonly For: typeof Node
    readonly Macro: typeof Node
    readonly Caller: typeof Node
    readonly Import: typeof Node
    readonly FromImport: typeof Node
    readonly Extends: typeof Node
    readonly FunCall: typeof Node
    readonly Literal: typeof Node
    readonly TemplateData: typeof Node
  }
  export default nodes
  export type { Node }
}

declare module 'nunjucks/src/parser.js' {
  import type { Node } from 'nunjucks/src/nodes.js'
  const parser: {
    parse(
      text: string,
      extensions: readonly never[],
      options: { readonly trimBlocks: boolean; readonly lstripBlocks: boolean },
    ): Node
  }
  export default parser
}

declare module 'nunjucks/src/transformer.js' {
  import type { Node } from 'nunjucks/src/nodes.js'
  const transformer: { transform(ast: Node, asyncFilters: readonly never[]): Node }
  export default transformer
}

declare module 'nunjucks/src/compiler.js' {
  import type { Node } from 'nunjucks/src/nodes.js'
  /** The compiler's scope, which maps names in the template to names in the generated code. */
  interface CompileFrame {
    lookup(name: string): string | null | undefined
  }
  export class Compiler {
    constructor(name: string, throwOnUndefined: boolean)
    buffer: string
    compile(node: Node, frame?: CompileFrame): void
    getCode(): string
    fail(message: string, lineno: number, colno: number): never
    protected _emit(code: string): void
    protected _emitLine(code: string): void
    protected _tmpid(): string
    protected _makeCallback(result?: string): string
    protected _compileExpression(node: Node, frame: CompileFrame | undefined): void
    protected _compileAggregate(
      node: Node,
      frame: CompileFrame | undefined,
      start: string,
      end: string,
    ): void
    protected compileLiteral(node: Node): void
  }
  const compiler: { readonly Compiler: typeof Compiler }
  export default compiler
  export type { CompileFrame }
}

declare module 'nunjucks/src/environment.js' {
  /** The variables of a running template. */
  interface Context {
    readonly ctx: Record<string, unknown>
  }
  /** The scopes of a running template. */
  interface Frame {
    lookup(name: string): unknown
  }
  class Environment {
    constructor(
      loaders: readonly never[],
      options: { autoescape: boolean; throwOnUndefined: boolean },
    )
    globals: Record<string, unknown>
    filters: Record<string, (this: Context, ...args: readonly unknown[]) => unknown>
    tests: Record<string, (this: Context, ...args: readonly unknown[]) => unknown>
    addFilter(name: string, filter: (...args: readonly unknown[]) => unknown): this
  }
  class Template {
    constructor(source: { type: 'code'; obj: object }, environment: Environment, path: string)
    render(context: object): string
  }
  const environment: { Environment: typeof Environment; Template: typeof Template }
  export default environment
  export type { Context, Frame, Environment, Template }
}
