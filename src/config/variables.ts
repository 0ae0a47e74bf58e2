// `${NAME}` and `${NAME:-default}` in a resource, as a shell has them: expanded from the environment where
// the resource says expand_env = true, else taken literally, which is most likely a mistake.
import type { Fault } from '../core/fault.ts'
import { programWords } from '../core/command-words.ts'
import type { Environment } from './ambient.ts'
import type { TomlPath } from './positions.ts'
import type { TomlDocument } from './toml.ts'

/** Where variables are expanded. Those in commands are the shell's business. */
const EXPANDED = ['src', 'dest', 'prefix', 'keys', 'for_each'] as const
/** Where a `$` is told of when it is not. */
const LITERAL = ['dest', 'prefix', 'keys'] as const
const COMMANDS = ['check_cmd', 'reload_cmd', 'verify_cmd', 'group_check_cmd'] as const

/** `$$` is a dollar sign. */
const VARIABLE = /\$\$|\$\{([A-Za-z_]\w*)(:-([^}]*))?\}/g

type Table = Readonly<Record<string, unknown>>

/** Expands text; `missing` is told of each variable that is not set and has no default. */
export const expandText = (
  text: string,
  env: Environment,
  missing: (name: string) => void,
): string =>
  text.replace(VARIABLE, (all, name: string | undefined, withDefault?: string, fallback = '') => {
    if (name === undefined) return '$'
    const value = env[name]
    if (withDefault !== undefined) return value || fallback
    if (value === undefined) missing(name)
    return value ?? all
  })

/**
 * The table at `path` with its variables expanded. A variable that is not set is a fault, also where it
 * begins a command: the shell would run another program.
 */
export function expandTable(
  document: TomlDocument,
  path: TomlPath,
  table: Table,
  env: Environment,
  faults: Fault[],
): Table {
  const expand = (value: unknown, at: TomlPath): unknown => {
    if (Array.isArray(value)) return value.map((item, i) => expand(item, [...at, i]))
    if (typeof value !== 'string') return value
    return expandText(value, env, (name) => faults.push(unset(document, at, name)))
  }
  const expanded: Record<string, unknown> = { ...table }
  for (const key of EXPANDED) {
    if (table[key] !== undefined) expanded[key] = expand(table[key], [...path, key])
  }
  return expanded
}

/** The variables that begin a command of the table at `path` and are not set. */
export function unsetPrograms(
  document: TomlDocument,
  path: TomlPath,
  table: Table,
  env: Environment,
): readonly Fault[] {
  return COMMANDS.flatMap((key) => {
    const command = table[key]
    if (typeof command !== 'string') return []
    const missing = new Set<string>()
    for (const word of programWords(command)) {
      if (!word.startsWith("'")) expandText(word, env, (name) => missing.add(name))
    }
    return [...missing].map((name) => unset(document, [...path, key], name))
  })
}

const unset = (document: TomlDocument, at: TomlPath, name: string): Fault =>
  document.fault(
    at,
    'value',
    `the environment variable ${name} is not set`,
    `set it, or give a default: \${${name}:-default}`,
  )

/** What looks like a variable or a template in the table at `path`, and is taken as it stands. */
export function literalNotices(
  document: TomlDocument,
  path: TomlPath,
  table: Table,
  isExpanded: boolean,
): readonly Fault[] {
  return LITERAL.flatMap((key) => {
    const value = table[key]
    const texts = Array.isArray(value) ? value : [value]
    return texts.flatMap((text: unknown, i): Fault[] => {
      if (typeof text !== 'string') return []
      const at = Array.isArray(value) ? [...path, key, i] : [...path, key]
      const found = literal(key, text, isExpanded)
      return found === undefined ? [] : [document.fault(at, 'value', found.message, found.hint)]
    })
  })
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
