// Runs a template. Compiles its statements to functions at their first use, once for each version of the file.
import { type Fault, FaultError } from '../../core/fault.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { Frame, type RenderLimits, type Surroundings } from './frame.ts'
import type { Template } from './parser.ts'
import { Statements, type CompiledStatement, type Templates } from './statements.ts'
import type { Value } from './values.ts'

/** Maximum number of statements and calls in a render; executing this many takes a few seconds. */
export const MAX_STEPS = 10_000_000

export const LIMITS: RenderLimits = { depth: 1000, output: 256 * 1024 * 1024 }

/** `limits` defaults to LIMITS, and `budget` to MAX_STEPS. The files of one render share a budget. */
export type ExecuteOptions = Pick<Surroundings, 'functions'> & Partial<Surroundings>

/** Renders to a Go string, one character per byte. Every failure is a fault of kind `template`. */
export function execute(
  template: Template,
  data: Value,
  { limits = LIMITS, budget = { steps: MAX_STEPS }, ...options }: ExecuteOptions,
): Result<string, Fault> {
  const frame = new Frame(template, { ...options, limits, budget })
  frame.declare('$', data)
  try {
    templatesOf(template)(template.name)?.(frame, data, true)
    return ok(frame.out)
  } catch (error) {
    if (error instanceof FaultError) return err(error.fault)
    if (error instanceof RangeError) return err(frame.faultHere(exhausted(error)))
    throw error
  }
}

/** The message for a stack overflow, or for a string that is too long for V8. Both are mistakes in the template. */
const exhausted = ({ message }: RangeError): string =>
  /stack/.test(message) ? 'the template is nested too deeply' : 'the output is too large'

const compiled = new WeakMap<Template, Templates>()

function templatesOf(template: Template): Templates {
  const known = compiled.get(template)
  if (known !== undefined) return known
  const runs = new Map<string, CompiledStatement>()
  const templates: Templates = (name) => {
    const run = runs.get(name)
    if (run !== undefined) return run
    const list = template.definitions.get(name)
    if (list === undefined) return undefined
    const made = statements.list(list)
    runs.set(name, made)
    return made
  }
  const statements = new Statements(templates, () => template.definitions.keys())
  compiled.set(template, templates)
  return templates
}
