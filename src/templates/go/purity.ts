// Decides whether the output of a range's body depends only on the element, so that it can be cached.
import { pureFunctions } from './functions/pure.ts'
import type { Branch, Command, List, Operand, Pipe, Statement } from './nodes.ts'

/** The names of the variables that depend only on the element. */
type Scope = Set<string>

/** Whether the output of the body depends only on the element; false if in doubt. */
export function isPureBody({ pipe, body }: Branch): boolean {
  if (pipe.assigns) return false
  // The first of two variables is the index.
  const element = pipe.declared.at(-1)
  return isPureList(body, new Set(element === undefined ? [] : [element.name]))
}

/** Variables that the list declares are not in scope after it. */
function isPureList(list: List, outer: Scope): boolean {
  const scope = new Set(outer)
  return list.every((statement) => isPure(statement, scope))
}

function isPure(node: Statement, scope: Scope): boolean {
  switch (node.kind) {
    case 'text':
    case 'continue':
      return true
    case 'action':
      return isPurePipe(node.pipe, scope)
    case 'if':
    case 'with':
    case 'range': {
      const inner = new Set(scope)
      return (
        isPurePipe(node.pipe, inner) &&
        isPureList(node.body, inner) &&
        isPureList(node.otherwise ?? [], inner)
      )
    }
    case 'break':
    case 'template':
      return false
  }
}

function isPurePipe({ commands, declared, assigns }: Pipe, scope: Scope): boolean {
  if (!commands.every((command) => isPureCommand(command, scope))) return false
  if (assigns) return declared.every(({ name }) => scope.has(name))
  for (const { name } of declared) scope.add(name)
  return true
}

const isPureCommand = ({ args }: Command, scope: Scope): boolean =>
  args.every((arg) => isPureOperand(arg, scope))

function isPureOperand(node: Operand, scope: Scope): boolean {
  switch (node.kind) {
    case 'variable':
      return scope.has(node.name)
    case 'identifier':
      return pureFunctions.has(node.name)
    case 'chain':
      return isPureOperand(node.of, scope)
    case 'pipe':
      return isPurePipe(node, scope)
    default:
      return true
  }
}
