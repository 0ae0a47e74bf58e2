// The files that a Go template includes by a literal name, from its syntax tree.
import { fromBinary } from '../bytes.ts'
import type { Include } from '../inspection.ts'
import type { List, Operand, Pipe, Statement } from './nodes.ts'
import { faultAt } from './place.ts'
import type { Template } from './parser.ts'

/** @param src of the outermost file, which all names are seen from */
export function includesOf(template: Template, src: string): readonly Include[] {
  const { source, file, definitions } = template
  return [...definitions.values()].flatMap(pipesOf).flatMap(({ commands }) =>
    commands.flatMap(({ args: [called, named] }) => {
      if (called?.kind !== 'identifier' || called.name !== 'include') return []
      if (named?.kind !== 'string') return []
      const { line = 1, column = 1 } = faultAt(source, file, named.at, '')
      const name = fromBinary(named.value).replace(/^\/+/, '')
      return [{ name, from: src, optional: false, line, column }]
    }),
  )
}

/** All pipelines of a list of statements, those in parentheses included. */
function pipesOf(list: List): readonly Pipe[] {
  return list.flatMap((statement: Statement): readonly Pipe[] => {
    switch (statement.kind) {
      case 'action':
        return within(statement.pipe)
      case 'template':
        return statement.pipe === null ? [] : within(statement.pipe)
      case 'if':
      case 'with':
      case 'range':
        return [
          ...within(statement.pipe),
          ...pipesOf(statement.body),
          ...pipesOf(statement.otherwise ?? []),
        ]
      default:
        return []
    }
  })
}

function within(pipe: Pipe): readonly Pipe[] {
  const inner = (operand: Operand): readonly Pipe[] =>
    operand.kind === 'pipe' ? within(operand) : operand.kind === 'chain' ? inner(operand.of) : []
  return [pipe, ...pipe.commands.flatMap(({ args }) => args.flatMap(inner))]
}
