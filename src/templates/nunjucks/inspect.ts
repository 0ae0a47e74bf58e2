// Finds included files, calls and names in the syntax tree of a nunjucks template.
import nodes, { type Node } from 'nunjucks/src/nodes.js'
import type { Include, Lookup } from '../inspection.ts'

/** Nodes whose children are not rendered every time. */
const CONDITIONS = [
  nodes.If,
  nodes.InlineIf,
  nodes.For,
  nodes.Macro,
  nodes.Caller,
  nodes.And,
  nodes.Or,
]

const includesIn = (node: Node): readonly Node[] => [
  ...node.findAll(nodes.Include),
  ...node.findAll(nodes.FunCall),
]

/**
 * Returns the files whose names are string literals in tags or in calls of the function `include`.
 * @param path the file itself, to which names such as `./a` in tags are relative
 * @param src the outermost file, to which names such as `./a` in calls are relative
 */
export function includesOf(ast: Node, path: string, src: string): readonly Include[] {
  const tags = [nodes.Include, nodes.Extends, nodes.Import, nodes.FromImport].flatMap((type) =>
    ast.findAll(type).map((tag) => ({
      named: tag.template,
      from: path,
      optional: tag.ignoreMissing === true,
      isCall: false,
      tag,
    })),
  )
  const conditional = new Set(CONDITIONS.flatMap((type) => ast.findAll(type)).flatMap(includesIn))
  const calls = ast
    .findAll(nodes.FunCall)
    .filter((call) => call.name.value === 'include')
    .map((call) => ({
      named: call.args?.children[0],
      from: src,
      optional: false,
      isCall: true,
      tag: call,
    }))
  return [...tags, ...calls].flatMap(({ named, from, optional, isCall, tag }) => {
    if (named?.typename !== 'Literal' || typeof named.value !== 'string') return []
    // As in confd, the function ignores leading slashes.
    const name = isCall ? named.value.replace(/^\/+/, '') : named.value
    const always = !conditional.has(tag)
    return [{ name, from, optional, always, line: named.lineno + 1, column: named.colno + 1 }]
  })
}

/** The function calls whose first argument is a string literal. */
export const callsIn = (ast: Node): readonly Lookup[] =>
  ast.findAll(nodes.FunCall).flatMap(({ name, args }) => {
    const [first, next] = args?.children ?? []
    if (name.typename !== 'Symbol' || first?.typename !== 'Literal') return []
    if (typeof first.value !== 'string') return []
    const place = { line: first.lineno + 1, column: first.colno + 1 }
    const second =
      typeof next?.value === 'string' && next.typename === 'Literal' ? next.value : undefined
    return [{ call: String(name.value), key: first.value, second, ...place }]
  })

/** All names bound by tags of the file, in any scope. */
export function declaredIn(ast: Node): readonly string[] {
  const names = (node: Node | undefined): string[] => {
    if (node === undefined) return []
    if (node.typename === 'Symbol') return [String(node.value)]
    if (node.typename === 'Pair') return [...names(node.key), ...names(node.value as Node)]
    return (node.children ?? []).flatMap(names)
  }
  return [
    'caller',
    'loop',
    ...ast.findAll(nodes.Set).flatMap(({ targets }) => targets.flatMap(names)),
    ...ast.findAll(nodes.For).flatMap(({ name }) => names(name)),
    ...[nodes.Macro, nodes.Caller].flatMap((type) =>
      ast.findAll(type).flatMap(({ name, args }) => [...names(name), ...names(args)]),
    ),
    ...ast.findAll(nodes.Import).flatMap(({ target }) => names(target)),
    ...ast.findAll(nodes.FromImport).flatMap((tag) => names(tag.names)),
  ]
}
