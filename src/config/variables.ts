// `${NAME}` and `${NAME:-default}` in a resource, as a shell has them: expanded from the environment where
// the resource says expand_env = true, else taken literally, which is most likely a mistake.
import type { Fault } from '../core/fault.ts'
import type { Settings } from '../core/settings.ts'
import { programWords } from '../core/command-words.ts'
import type { Environment } from './ambient.ts'
import type { TomlPath } from './positions.ts'
import type { TomlDocument } from './toml.ts'

/** Where variables are expanded. Those in commands are the shell's business. */
const EXPANDED = ['src', 'dest', 'prefix', 'keys', 'for_each'] as const
/** Where a `$` is told of when it is not. */
const LITERAL = ['dest', 'prefix', 'keys'] as const
const COMMANDS = ['check_cmd', 'reload_cmd', 'verify_cmd', 'group_check_cmd'] as const

/** `$$` is a dollar sign. A default holds no further variable. */
const VARIABLE = /\$\$|\$\{([A-Za-z_]\w*)(:-((?:[^}$]|\$(?!\{))*))?\}/g

type Table = Readonly<Record<string, unknown>>

/** The variables of one resource. Every fault is added to `faults`. */
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

  /** The table at `path`, expanded where that is wanted. */
  expand(path: TomlPath, table: Table): Table {
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

  /** A variable that begins a command and is not set: the shell would run another program. */
  #programs(path: TomlPath, table: Table): void {
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
    const hint = `set it, or give a default: \${${name}:-default}`
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

/** What the resource says, above `[template]` or in one of its tables. */
function saysExpand({ template, ...above }: Table): boolean | undefined {
  return [above]
    .concat(template as Table)
    .map((table: Table | undefined) => table?.['expand_env'])
    .find((value) => typeof value === 'boolean')
}

/** Expands text; `missing` is told of each variable that is not set and has no default. */
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
  // A dest with for_each is a template, and says so otherwise.
  const template = key === 'dest' ? undefined : /\{\{.*?\}\}/.exec(text)?.[0]
  if (template !== undefined) {
    const name = /\bgetenv\b\W*(\w+)/.exec(template)?.[1] ?? 'NAME'
    const hint = `write \${${name}} and expand_env = true for a variable of the environment`
    return { message: `${key} is no template: ${template} is taken literally`, hint }
  }
  const fixed = text.replace(/\{\{.*?\}\}/gs, '').replace(isExpanded ? VARIABLE : /(?!)/, '')
  const [dollar, name = 'NAME'] = /\$\{?(\w+)?[^}/]*\}?/.exec(fixed) ?? []
  if (dollar === undefined) return undefined
  return {
    message: `${key} holds ${dollar}, which is taken literally`,
    hint: isExpanded
      ? `variables are written \${${name}}; a dollar sign is $$`
      : `say expand_env = true to have \${${name}} replaced from the environment`,
  }
}
