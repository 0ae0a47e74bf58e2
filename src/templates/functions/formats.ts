// Encodes values as YAML and TOML, with the libraries that also parse keys files. Each library is loaded on demand.
import { raise } from '../../core/fault.ts'
import type { RenderContext } from '../context.ts'
import { define } from './define.ts'
import { plainOf } from './encode.ts'
import { anyParam } from './params.ts'

type Write = (value: unknown) => string

const writers = new Map<string, Write>()

/** Converts an exception of a library to a fault. */
function written(name: string, write: Write, value: unknown): string {
  try {
    return write(value).trimEnd()
  } catch {
    return raise('template', `${name}: the value has no ${name.slice(2).toUpperCase()} form`, {
      hint: 'remove null values and use lists with items of one type',
    })
  }
}

function write({ fact }: RenderContext, name: 'toYaml' | 'toToml', value: unknown): string {
  const plain = plainOf(name, value)
  const writer = writers.get(name) ?? fact(`the writer of ${name}`, () => loadWriter(name))
  return written(name, writer, plain)
}

/** Loads the library that a function needs. */
export async function loadWriter(name: 'toYaml' | 'toToml'): Promise<Write> {
  const writer = await (name === 'toYaml' ? yamlWriter() : tomlWriter())
  writers.set(name, writer)
  return writer
}

/** Returns a writer that also quotes strings that have another meaning in YAML 1.1, such as `yes`. */
async function yamlWriter(): Promise<Write> {
  const { stringify } = await import('yaml')
  return (value) =>
    stringify(value, {
      compat: 'yaml-1.1',
      lineWidth: 0,
      sortMapEntries: true,
      aliasDuplicateObjects: false,
    })
}

/** Returns a writer that writes a map as a document, and any other value as it would stand after `name =`. */
async function tomlWriter(): Promise<Write> {
  const { stringify } = await import('smol-toml')
  return (value) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return stringify(value)
    const line = stringify({ v: value })
    if (!line.startsWith('v = ')) throw new Error('a list of maps is not a single value')
    return line.slice(4)
  }
}

export const formatFunctions = [
  define('toYaml', {
    params: [anyParam('value')],
    doc: 'A value as YAML, with sorted keys and without a trailing newline.',
    filter: 0,
    examples: [
      {
        nunjucks: 'toYaml(dict("list", [1, "a"], "b", "yes"))',
        go: 'toYaml (dict "list" (list 1 "a") "b" "yes")',
        result: 'b: "yes"\nlist:\n  - 1\n  - a',
      },
      { nunjucks: 'toYaml("a: b")', go: 'toYaml "a: b"', result: '"a: b"' },
    ],
    run: (context, value) => write(context, 'toYaml', value),
  }),
  define('toToml', {
    params: [anyParam('value')],
    doc: 'A map as a TOML document; a string, a number, a boolean or a list of such values as a single TOML value.',
    filter: 0,
    examples: [
      {
        nunjucks: 'toToml(dict("port", 80, "tls", dict("on", true)))',
        go: 'toToml (dict "port" 80 "tls" (dict "on" true))',
        result: 'port = 80\n\n[tls]\non = true',
      },
      { nunjucks: 'toToml("say \\"hi\\"")', go: 'toToml "say \\"hi\\""', result: '"say \\"hi\\""' },
      {
        nunjucks: 'toToml([none])',
        error: 'toToml: the value has no TOML form',
      },
    ],
    run: (context, value) => write(context, 'toToml', value),
  }),
]
