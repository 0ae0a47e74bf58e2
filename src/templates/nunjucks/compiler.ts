// A strict variant of nunjucks' compiler, with exact positions: the generated code calls the TemplateUnit (unit.ts) for
// every variable, attribute, call, filter and output, and passes the position in the file.
import compilerModule, { type CompileFrame } from 'nunjucks/src/compiler.js'
import nodes, { type Node } from 'nunjucks/src/nodes.js'

/**
 * The use of an expression determines whether it may be undefined. `value`: never. `test`: a missing attribute counts
 * as false. `maybe`: always, because the template tests whether it is defined (`is defined`, `default`).
 */
type Use = 'value' | 'test' | 'maybe'

const ASKING_TESTS = new Set(['defined', 'undefined', 'none', 'null'])
const ASKING_FILTERS = new Set(['default', 'd', 'empty', 'coalesce'])
const ASKING_FUNCTIONS = new Set(['default', 'empty', 'coalesce'])

/** The names that templates may use. */
export interface Vocabulary {
  readonly filters: ReadonlySet<string>
  readonly tests: ReadonlySet<string>
  readonly functions: ReadonlySet<string>
}

export class StrictCompiler extends compilerModule.Compiler {
  readonly #uses = new WeakMap<Node, Use>()
  /** Names that the template itself defines, and `caller` and `loop`, which nunjucks defines. */
  readonly #declared = new Set(['caller', 'loop'])
  /** Names that the file tests (`is defined`, `default`), so they may be missing. */
  readonly asked = new Set<string>()
  /** Names that are used as values, although no tag of the file has bound them at that position. */
  readonly free: { readonly name: string; readonly line: number; readonly column: number }[] = []
  /** Unknown filters and tests, each with the error that nunjucks would throw. */
  readonly unknown: {
    readonly name: string
    readonly kind: 'filter' | 'test'
    readonly error: unknown
  }[] = []

  constructor(
    path: string,
    private readonly vocabulary: Vocabulary,
  ) {
    super(path, true)
  }

  override compile(node: Node, frame?: CompileFrame): void {
    if (node.typename === 'Root') {
      for (const set of node.findAll(nodes.Set)) {
        for (const target of set.targets) this.#declared.add(String(target.value))
      }
    }
    this.#passDown(node, this.#use(node))
    super.compile(node, frame)
  }

  #note(kind: 'filter' | 'test', name: string, { lineno, colno }: Node): void {
    try {
      this.fail(`there is no ${kind} "${name}"`, lineno, colno)
    } catch (error) {
      this.unknown.push({ name, kind, error })
    }
  }

  #use(node: Node): Use {
    return this.#uses.get(node) ?? 'value'
  }

  /** Records the use of each child of a node, unless the use is `value`. */
  #passDown(node: Node, use: Use): void {
    const mark = (child: Node | null | undefined, as: Use) => {
      if (child !== null && child !== undefined) this.#uses.set(child, as)
    }
    switch (node.typename) {
      case 'If':
        return mark(node.cond, 'test')
      case 'InlineIf':
        mark(node.cond, 'test')
        mark(node.body, use)
        return mark(node.else_, use)
      case 'And':
      case 'Or':
        mark(node.left, use === 'maybe' ? 'maybe' : 'test')
        return mark(node.right, use)
      case 'Not':
        return mark(node.target, 'test')
      case 'Group':
        return node.children.forEach((child) => mark(child, use))
      case 'LookupVal':
        return mark(node.target, use)
      case 'Is':
        return mark(node.left, ASKING_TESTS.has(testName(node)) ? 'maybe' : 'value')
      case 'Filter':
        if (ASKING_FILTERS.has(String(node.name.value))) mark(node.args?.children[0], 'maybe')
        return
      case 'FunCall':
        if (ASKING_FUNCTIONS.has(nameOf(node.name))) {
          node.args?.children.forEach((child) => mark(child, 'maybe'))
        }
        return
      case 'Compare': {
        // `x.y == none` tests whether `x.y` is defined.
        const sides = [node.expr, ...node.ops.map((op) => op.expr)]
        if (sides.some((side) => side.typename === 'Literal' && side.value === null)) {
          sides.forEach((side) => mark(side, 'test'))
        }
      }
    }
  }

  // nunjucks calls the methods below by name: `compile` and the type of the node.

  compileSymbol(node: Node, frame: CompileFrame): void {
    const name = String(node.value)
    const use = this.#use(node)
    const local = frame.lookup(name)
    if (local !== null && local !== undefined && use !== 'value') return this._emit(local)
    const lenient = use === 'maybe' || (use === 'test' && this.#declared.has(name))
    if (use === 'maybe') this.asked.add(name)
    if (!lenient && typeof local !== 'string') {
      this.free.push({ name, line: node.lineno + 1, column: node.colno + 1 })
    }
    const value = local ?? `unit.find(context, frame, ${JSON.stringify(name)})`
    const quoted = JSON.stringify(name)
    this._emit(lenient ? value : `unit.defined(${value}, ${quoted}, context, ${place(node)})`)
  }

  compileLookupVal(node: Node, frame: CompileFrame): void {
    this._emit('unit.member(')
    this._compileExpression(node.target, frame)
    this._emit(', ')
    this._compileExpression(node.val, frame)
    const strict = this.#use(node) === 'value'
    const names = `${JSON.stringify(nameOf(node.target))}, ${JSON.stringify(nameOf(node))}`
    this._emit(`, ${strict}, ${names}, ${place(node)})`)
  }

  compileFunCall(node: Node, frame: CompileFrame): void {
    this._emit('unit.call(')
    this._compileExpression(node.name, frame)
    this._emit(`, ${JSON.stringify(nameOf(node.name))}, context, `)
    this._compileAggregate(node.args as Node, frame, '[', ']')
    this._emit(`, ${place(node)})`)
  }

  compileFilter(node: Node, frame: CompileFrame): void {
    const name = String(node.name.value)
    if (!this.vocabulary.filters.has(name)) {
      this.#note('filter', name, node.name)
    }
    this._emit(`unit.filter(${JSON.stringify(name)}, context, `)
    this._compileAggregate(node.args as Node, frame, '[', ']')
    this._emit(`, ${place(node.name)})`)
  }

  compileIs(node: Node, frame: CompileFrame): void {
    const name = testName(node)
    if (!this.vocabulary.tests.has(name)) {
      this.#note('test', name, node.right)
    }
    this._emit(`unit.test(${JSON.stringify(name)}, context, [`)
    this.compile(node.left, frame)
    if (node.right.args !== undefined) {
      this._emit(', ')
      this._compileAggregate(node.right.args, frame, '', '')
    }
    this._emit(`], ${place(node.right)})`)
  }

  compileIn(node: Node, frame: CompileFrame): void {
    this._emit('unit.isIn(')
    this.compile(node.left, frame)
    this._emit(', ')
    this.compile(node.right, frame)
    this._emit(`, ${place(node.right)})`)
  }

  compileOutput(node: Node, frame: CompileFrame): void {
    for (const child of node.children) {
      if (child instanceof nodes.TemplateData && child.value === '') continue
      this._emit(`${this.buffer} += `)
      if (child instanceof nodes.TemplateData) this.compileLiteral(child)
      else {
        this._emit('unit.output(')
        this.compile(child, frame)
        this._emit(`, ${JSON.stringify(nameOf(child))}, ${place(child)})`)
      }
      this._emitLine(';')
    }
  }

  /** For include, import and extends. The TemplateUnit finds the file. */
  _compileGetTemplate(
    node: Node,
    frame: CompileFrame,
    eager: boolean,
    ignoreMissing: boolean,
  ): string {
    const id = this._tmpid()
    this._emit('env.getTemplate(unit.load(')
    this._compileExpression(node.template, frame)
    this._emit(`, ${ignoreMissing === true}, ${place(node.template)}), `)
    this._emitLine(`${eager}, null, false, ${this._makeCallback(id)}`)
    return id
  }

  /**
   * Sets the variable `loop` to one object, but only if the loop body may use this variable. nunjucks sets seven
   * dotted variables in each iteration, which costs more than most loop bodies.
   */
  _emitLoopBindings(node: Node, _list: string, i: string, length: string): void {
    const { body } = node
    const looks =
      body.findAll(nodes.Symbol).some((symbol) => symbol.value === 'loop') ||
      body.findAll(nodes.Include).length > 0 ||
      body.findAll(nodes.Block).length > 0
    if (!looks) return
    this._emitLine(
      `frame.set("loop", { index: ${i} + 1, index0: ${i}, revindex: ${length} - ${i}, ` +
        `revindex0: ${length} - ${i} - 1, first: ${i} === 0, last: ${i} === ${length} - 1, ` +
        `length: ${length} });`,
    )
  }
}

const testName = (node: Node): string => String(node.right.name?.value ?? node.right.value)

/** The first known position of an expression, as `line, column`, 1-based. */
function place(node: Node): string {
  let first = node
  for (;;) {
    const next: Node | undefined =
      first.typename === 'LookupVal'
        ? first.target
        : first.typename === 'FunCall'
          ? first.name
          : first.typename === 'Filter'
            ? first.args?.children[0]
            : undefined
    if (next === undefined) return `${first.lineno + 1}, ${first.colno + 1}`
    first = next
  }
}

/** The name of an expression in messages; empty if it has no short name. */
function nameOf(node: Node): string {
  switch (node.typename) {
    case 'Symbol':
      return String(node.value)
    case 'FunCall':
      return nameOf(node.name) === '' ? '' : `${nameOf(node.name)}(...)`
    case 'LookupVal': {
      const target = nameOf(node.target)
      if (target === '') return ''
      if (node.val.typename !== 'Literal') return `${target}[...]`
      const key = String(node.val.value)
      return /^[A-Za-z_]\w*$/.test(key) ? `${target}.${key}` : `${target}[${JSON.stringify(key)}]`
    }
    default:
      return ''
  }
}
