// Expands `${NAME}` and `${NAME:-default}` in resources from the environment, as a shell does, if expand_env is set.
// Otherwise, both forms are literal text, and a warning is logged, because that is probably a mistake.
import type { Fault } from '../core/fault.ts'
import type { Settings } from '../core/settings.ts'
import { programWords } from '../core/command-words.ts'
import type { Environment } from './ambient.ts'
import type { TomlPath } from './positions.ts'
import type { TomlDocument } from './toml.ts'

/** Keys in which reconfd expands variables. In commands, the shell expands them. */
const EXPANDED = ['src', 'dest', 'prefix', 'keys', 'for_each'] as const
/** Keys in which a literal `$` causes a warning. */
const LITERAL = ['dest', 'prefix', 'keys'] as const
const COMMANDS = ['check_cmd', 'reload_cmd', 'verify_cmd', 'group_check_cmd'] as const

/** Matches variables, and `$$`, which means a dollar sign. A default contains no further variable. */
const VARIABLE = /\$\$|\$\{([A-Za-z_]\w*)(:-((?:[^}$]|\$(?!\{))*))?\}/g

type ResourceTable = Readonly<Record<string, unknown>>

/** Handles the variables of one resource. Adds every fault to `faults`. */
export class Variables {
  readonly notices: Fault[] = []
  readonly #env: Environment
  readonly #isExpanded: boolean

  constructor(
    private readonly document: TomlDocument,
    { env, expandEnv }: Pick<Settings, 'env' | 'expandEnv'>,
    private readonly faults: Fault[],
  ) {
    this.#env = env
    this.#isExpanded = saysExpand(document.data) ?? expandEnv
    if (this.#isExpanded) this.#programs([], document.data)
  }

  /** Returns the table at `path`, expanded if expand_env is set. */
  expand(path: TomlPath, table: ResourceTable): ResourceTable {
    const expanded: Record<string, unknown> = { ...table }
    if (this.#isExpanded) {
      this.#programs(path, table)
      for (const key of EXPANDED) {
        if (table[key] !== undefined) expanded[key] = this.#expanded(table[key], [...path, key])
      }
    }
    for (const key of LITERAL) this.#literal(table[key], [...path, key], key)
    return expanded
  }

  #expanded(value: unknown, at: TomlPath): unknown {
    if (Array.isArray(value)) return value.map((item, i) => this.#expanded(item, [...at, i]))
    if (typeof value !== 'string') return value
    return expandText(value, this.#env, (name) => this.faults.push(this.#unset(at, name)))
  }

  /** Reports unset variables in the program names of a command, because the shell would run another program. */
  #programs(path: TomlPath, table: ResourceTable): void {
    for (const key of COMMANDS) {
      const command = table[key]
      if (typeof command !== 'string') continue
      const missing = new Set<string>()
      for (const word of programWords(command)) {
        if (!word.startsWith("'")) expandText(word, this.#env, (name) => missing.add(name))
      }
      for (const name of missing) this.faults.push(this.#unset([...path, key], name))
    }
  }

  #unset(at: TomlPath, name: string): Fault {
    const message = `the environment variable ${name} is not set`
    const hint = `set it, or add a default: \${${name}:-default}`
    return this.document.fault(at, 'value', message, hint)
  }

  #literal(value: unknown, at: TomlPath, key: (typeof LITERAL)[number]): void {
    if (Array.isArray(value)) return value.forEach((one, i) => this.#literal(one, [...at, i], key))
    if (typeof value !== 'string') return
    const found = literal(key, value, this.#isExpanded)
    if (found === undefined) return
    this.notices.push(this.document.fault(at, 'value', found.message, found.hint))
  }
}

/** The expand_env of the resource, above `[template]` or in one of its tables. */
function saysExpand({ template, ...above }: ResourceTable): boolean | undefined {
  return [above]
    .concat(template as ResourceTable)
    .map((table: ResourceTable | undefined) => table?.['expand_env'])
    .find((value) => typeof value === 'boolean')
}

/** @param missing called for each unset variable without a default */
function expandText(text: string, env: Environment, missing: (name: string) => void): string {
  const replace = (all: string, name?: string, withDefault?: string, fallback = ''): string => {
    if (name === undefined) return '$'
    const value = env[name]
    if (withDefault !== undefined) return value || fallback
    if (value === undefined) missing(name)
    return value ?? all
  }
  return text.replace(VARIABLE, replace)
}

function literal(
  key: (typeof LITERAL)[number],
  text: string,
  isExpanded: boolean,
): { readonly message: string; readonly hint: string } | undefined {
  // A dest with for_each is a template and is checked elsewhere.
  const template = key === 'dest' ? undefined : /\{\{.*?\}\}/.exec(text)?.[0]
  if (template !== undefined) {
    const name = /\bgetenv\b\W*(\w+)/.exec(template)?.[1] ?? 'NAME'
    const hint = `for an environment variable, write \${${name}} and set expand_env = true`
    return { message: `${key} is not a template: ${template} is literal text`, hint }
  }
  const fixed = text.replace(/\{\{.*?\}\}/gs, '').replace(isExpanded ? VARIABLE : /(?!)/, '')
  const [dollar, name = 'NAME'] = /\$\{?(\w+)?[^}/]*\}?/.exec(fixed) ?? []
  if (dollar === undefined) return undefined
  return {
    message: `${key} contains ${dollar}, which is literal text`,
    hint: isExpanded
      ? `write variables as \${${name}}, and a dollar sign as $$`
      : `set expand_env = true to replace \${${name}} from the environment`,
  }
}
