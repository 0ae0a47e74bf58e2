// Finds calls with literal arguments in a Go template: included files and looked-up keys.
import { fromBinary } from '../bytes.ts'
import type { Fault } from '../../core/fault.ts'
import { nearest } from '../../core/nearest.ts'
import type { Include, Lookup } from '../inspection.ts'
import type { List, Operand, Pipe, Statement } from './nodes.ts'
import { faultAt } from './place.ts'
import type { Template } from './parser.ts'

/** @param src the outermost file, to which names such as `./a` are relative */
export function includesOf(template: Template, src: string): readonly Include[] {
  const main = template.definitions.get(template.name) ?? []
  const always = new Set(callsOf(main.flatMap(pipesAt), template).map(placeOf))
  return callsIn(template)
    .filter(({ call }) => call === 'include')
    .map((lookup) => ({
      name: lookup.key.replace(/^\/+/, ''),
      from: src,
      optional: false,
      always: always.has(placeOf(lookup)),
      line: lookup.line,
      column: lookup.column,
    }))
}

const placeOf = ({ line, column }: Lookup): string => `${line}:${column}`

/** The function calls whose first argument is a string literal. */
export const callsIn = (template: Template): readonly Lookup[] =>
  callsOf([...template.definitions.values()].flatMap(pipesOf), template)

const callsOf = (pipes: readonly Pipe[], { source, file }: Template): readonly Lookup[] =>
  pipes.flatMap(({ commands }) =>
    commands.flatMap(({ args: [called, named, next] }) => {
      if (called?.kind !== 'identifier' || named?.kind !== 'string') return []
      const { line = 1, column = 1 } = faultAt(source, file, named.at, '')
      const second = next?.kind === 'string' ? fromBinary(next.value) : undefined
      return [{ call: called.name, key: fromBinary(named.value), second, line, column }]
    }),
  )

/** Returns a fault for each template that the file uses but does not define. */
export const undefinedTemplates = ({ source, file, definitions }: Template): readonly Fault[] =>
  [...definitions.values()].flatMap(statementsOf).flatMap((statement) => {
    if (statement.kind !== 'template' || definitions.has(statement.name)) return []
    const message = `template "${statement.name}" not defined`
    const fault = faultAt(source, file, statement.at, message)
    const near = nearest(fromBinary(statement.name), [...definitions.keys()].map(fromBinary))
    return [near === undefined ? fault : { ...fault, hint: `did you mean "${near}"?` }]
  })

/** All statements of a list, including nested ones. */
const statementsOf = (list: List): readonly Statement[] =>
  list.flatMap((statement) => [statement, ...statementsOf(inside(statement))])

const inside = (statement: Statement): List =>
  statement.kind === 'if' || statement.kind === 'with' || statement.kind === 'range'
    ? [...statement.body, ...(statement.otherwise ?? [])]
    : []

/** All pipelines of a list of statements, including those in parentheses. */
const pipesOf = (list: List): readonly Pipe[] => statementsOf(list).flatMap(pipesAt)

/** The pipelines that run whenever a statement runs: those of the statement itself, without those of its blocks. */
const pipesAt = (statement: Statement): readonly Pipe[] =>
  'pipe' in statement && statement.pipe !== null ? within(statement.pipe) : []

function within(pipe: Pipe): readonly Pipe[] {
  const inner = (operand: Operand): readonly Pipe[] =>
    operand.kind === 'pipe' ? within(operand) : operand.kind === 'chain' ? inner(operand.of) : []
  return [pipe, ...pipe.commands.flatMap(({ args }) => args.flatMap(inner))]
}
