// The table of keys of a `[template]`: one row is the whole definition of a key, its line in the docs
// included. `readTable` checks a table of a resource file against it and collects every fault.
import type { Fault } from '../core/fault.ts'
import { nearest } from './nearest.ts'
import type { TomlPath } from './positions.ts'
import type { TomlDocument } from './toml.ts'
import { describeType, durationFrom, parseMode } from './values.ts'

export interface KeySpec {
  readonly type: 'string' | 'delimiter' | 'strings' | 'id' | 'boolean' | 'mode' | 'duration'
  readonly required?: true
  /** Of a duration, in milliseconds. */
  readonly least?: number
  readonly doc: string
}

export const templateKeys = {
  src: { type: 'string', required: true, doc: 'The template, relative to the templates folder.' },
  dest: { type: 'string', required: true, doc: 'The file to write.' },
  keys: {
    type: 'strings',
    doc: 'The keys that the template may look up: each with all that is below it.',
  },
  prefix: { type: 'string', doc: 'Put before every key, behind the global prefix.' },
  mode: { type: 'mode', doc: 'Permissions, octal, in quotes: "0644".' },
  uid: { type: 'id', doc: 'Owner as a number; -1 is unset.' },
  gid: { type: 'id', doc: 'Group as a number; -1 is unset.' },
  owner: { type: 'string', doc: 'Owner by name.' },
  group: { type: 'string', doc: 'Group by name.' },
  check_cmd: {
    type: 'string',
    doc: 'Must succeed before the file is put in place; `{{.src}}` is the staged file.',
  },
  reload_cmd: { type: 'string', doc: 'Runs after the file was put in place.' },
  engine: {
    type: 'string',
    doc: '"go" or "nunjucks"; decides over the name of src: .tmpl, .gotmpl, .ctmpl and .tpl are Go, all else nunjucks.',
  },
  left_delim: { type: 'delimiter', doc: 'Of a Go template, instead of `{{`.' },
  right_delim: { type: 'delimiter', doc: 'Of a Go template, instead of `}}`.' },
  trim_blocks: { type: 'boolean', doc: 'Drop the newline behind a `{% %}`; default true.' },
  lstrip_blocks: { type: 'boolean', doc: 'Drop the blanks before a `{% %}`; default true.' },
  check_timeout: { type: 'duration', least: 1, doc: 'Instead of -check-timeout.' },
  reload_timeout: { type: 'duration', least: 1, doc: 'Instead of -reload-timeout.' },
  debounce: {
    type: 'duration',
    doc: 'Instead of -debounce; of several templates in one file the longest counts.',
  },
  debounce_max: { type: 'duration', doc: 'Instead of -debounce-max; likewise.' },
} as const satisfies Record<string, KeySpec>

type Types = {
  string: string
  delimiter: string
  strings: readonly string[]
  id: number
  boolean: boolean
  mode: number
  duration: number
}

/** A checked table: empty strings and -1 for an id are left out, as confd reads them. */
export type TemplateTable = {
  readonly [K in keyof typeof templateKeys]?: Types[(typeof templateKeys)[K]['type']]
}

/** Every fault of the table at `path` is added to `faults`; what is good is returned. */
export function readTable(
  document: TomlDocument,
  path: TomlPath,
  table: Readonly<Record<string, unknown>>,
  faults: Fault[],
): TemplateTable {
  const values: Record<string, unknown> = {}
  const specs = new Map<string, KeySpec>(Object.entries(templateKeys))
  for (const [key, value] of Object.entries(table)) {
    const spec = specs.get(key)
    if (spec === undefined) {
      const near = nearest(key, specs.keys())
      const hint =
        near === undefined
          ? `the keys are ${[...specs.keys()].join(', ')}`
          : `did you mean ${near}?`
      faults.push(document.fault([...path, key], 'key', `unknown key ${key}`, hint))
      continue
    }
    const read = readValue(key, spec, value)
    if ('fault' in read) {
      const at = read.index === undefined ? [...path, key] : [...path, key, read.index]
      faults.push(document.fault(at, 'value', read.fault, read.hint))
    } else if (read.value !== undefined) {
      values[key] = read.value
    }
  }
  for (const [key, spec] of specs) {
    if (spec.required === true && (table[key] === undefined || table[key] === '')) {
      const isEmpty = table[key] === ''
      const message = isEmpty ? `${key} is empty` : `${key} is missing`
      const at = isEmpty ? [...path, key] : path
      faults.push(document.fault(at, isEmpty ? 'value' : 'key', message, examples[key]))
    }
  }
  return values
}

const examples: Readonly<Record<string, string>> = {
  src: 'name the template, as in src = "haproxy.cfg.njk"',
  dest: 'name the file to write, as in dest = "/etc/haproxy/haproxy.cfg"',
}

type Read =
  | { readonly value: unknown }
  | { readonly fault: string; readonly hint?: string; readonly index?: number }

function readValue(key: string, spec: KeySpec, value: unknown): Read {
  const wanted = (type: string, hint?: string): Read => ({
    fault: `${key} must be ${type}, not ${describeType(value)}`,
    ...(hint === undefined ? {} : { hint }),
  })
  switch (spec.type) {
    case 'string':
      if (typeof value !== 'string') return wanted('a string')
      if (value.includes('\0')) return { fault: `${key} holds a NUL character` }
      return { value: value === '' ? undefined : value }
    case 'delimiter':
      if (typeof value !== 'string') return wanted('a string', `as in ${key} = "[["`)
      if (value === '') return { fault: `${key} is empty`, hint: 'leave it out for the usual one' }
      return value.includes('\0') ? { fault: `${key} holds a NUL character` } : { value }
    case 'strings': {
      if (!Array.isArray(value))
        return wanted('an array of strings', `as in ${key} = ["/services/web"]`)
      const index = value.findIndex((item) => typeof item !== 'string')
      if (index < 0) return { value }
      return { fault: `${key} must hold strings, not ${describeType(value[index])}`, index }
    }
    case 'boolean':
      return typeof value === 'boolean' ? { value } : wanted('true or false')
    case 'id':
      if (!Number.isInteger(value)) {
        return wanted(
          'an integer',
          `a name is written ${key === 'uid' ? 'owner' : 'group'} = "..."`,
        )
      }
      if (value === -1) return { value: undefined }
      // 2^32 - 1 is -1 to chown(2): "leave as it is".
      if ((value as number) >= 0 && (value as number) < 2 ** 32 - 1) return { value }
      return { fault: `${key}: ${String(value)} is out of range`, hint: '-1 means unset' }
    case 'mode': {
      const hint = 'write octal digits in quotes, as in mode = "0644"'
      if (typeof value !== 'string') return wanted('a string', hint)
      if (value === '') return { value: undefined }
      const mode = parseMode(value)
      return mode.ok ? mode : { fault: `${key}: "${value}" is not ${mode.error}`, hint }
    }
    case 'duration': {
      if (typeof value !== 'number' && typeof value !== 'string') return wanted('a duration')
      const parsed = durationFrom(value, spec.least)
      return parsed.ok
        ? parsed
        : { fault: `${key}: ${JSON.stringify(value)} is not ${parsed.error}` }
    }
  }
}
