// Renders one template with the given keys, without a store, destination or command.
import { dirname, join, resolve } from 'node:path'
import type { Fault } from '../core/fault.ts'
import { storeOf, storeRoot, type Key } from '../core/key.ts'
import type { Reads } from '../core/reads.ts'
import { engineNames, type EngineName, type TemplateSpec } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import { treeOf } from '../core/tree.ts'
import { defined } from '../config/defined.ts'
import { flatten } from '../stores/file/parse.ts'
import { createRenderer } from '../templates/render.ts'

/** A value, or a directory of values. Names become path components; the elements of a list are named 0, 1, 2, ... */
export type KeyValue =
  | string
  | number
  | bigint
  | boolean
  | Date
  | null
  | undefined
  | readonly KeyValue[]
  | ReadonlyMap<string, KeyValue>
  | Keys

/**
 * Keys and values, as in a JSON, YAML or TOML file of the file store: `{ web: { port: 80 } }` and
 * `{ '/web/port': '80' }` are equivalent. A key whose value is null or undefined is missing.
 */
export interface Keys {
  readonly [name: string]: KeyValue
}

/** The template: a string or a file. */
export type TemplateSource =
  | { readonly template: string; readonly file?: undefined }
  | { readonly file: string; readonly template?: undefined }

export type RenderOptions = TemplateSource & {
  /** Default: for a file, selected as in a resource (`.tmpl` means Go); for a string, nunjucks. */
  readonly engine?: EngineName | undefined
  readonly keys: Keys | ReadonlyMap<string, KeyValue>
  /** The folder of the included templates. Default: the folder of the file; for a string, the current folder. */
  readonly templates?: string | undefined
  /** These two options of nunjucks work as in a resource. */
  readonly trim_blocks?: boolean | undefined
  readonly lstrip_blocks?: boolean | undefined
  /** These two options of Go templates work as in a resource. */
  readonly left_delim?: string | undefined
  readonly right_delim?: string | undefined
}

export interface Rendered {
  /** The output as text. Bytes that are not valid UTF-8 appear as U+FFFD. */
  readonly text: string
  /** The bytes as they would be written to the destination. */
  readonly bytes: Uint8Array
  /** The keys, directories, listings, patterns and files that the template looked up. */
  readonly reads: Reads
}

/** The name that messages use for a template that is not a file. */
const TEXT = '<template>'

/**
 * Renders one template with the keys of an object. Reads only the template and its includes, unless a function in the
 * template reads more (such as `getenv`, `fileExists`, `lookupIP`).
 *
 * @returns the text with its reads, or the error in the template: a message with line and column (1-based), the
 *   surrounding lines and, if the template is a file, its path. A rejection is a bug in reconfd.
 * @example
 * const made = await render({
 *   template: 'port = {{ getv("/web/port") }}\n',
 *   keys: { web: { port: 8080 } },
 * })
 * console.log(made.ok ? made.value.text : made.error.message)
 */
export async function render(options: RenderOptions): Promise<Result<Rendered, Fault>> {
  const { template, file } = options
  const wrong = wrongOption(options)
  if (wrong !== undefined) return err({ kind: 'config', message: wrong })
  const keys = new Map<Key, string>()
  flatten(options.keys, '/', keys)
  const folder = resolve(options.templates ?? (file === undefined ? '.' : dirname(file)))
  const src = file === undefined ? join(folder, TEXT) : resolve(file)
  const texts = new Map(template === undefined ? [] : [[src, template]])
  // `/` covers only the default store; named stores have their own roots.
  const named = new Set([...keys.keys()].flatMap((key) => storeOf(key) ?? []))
  const spec = specOf(src, ['/', ...[...named].map(storeRoot)], options)
  const scope = { store: 'the given keys', prefix: spec.prefix, keys: spec.keys }
  const rendered = await createRenderer(folder, { texts }).render(spec, treeOf(keys), scope)
  if (!rendered.ok) return err(unlessText(rendered.error.fault, texts))
  const { bytes, reads } = rendered.value
  const files = new Set([...reads.files].filter((path) => !texts.has(path)))
  return ok({ text: Buffer.from(bytes).toString(), bytes, reads: { ...reads, files } })
}

/** Checks the options at run time, for callers without type checks. */
function wrongOption({ template, file, engine, keys }: RenderOptions): string | undefined {
  if (typeof (template ?? file) !== 'string' || (template !== undefined && file !== undefined)) {
    return 'render needs either template or file, as a string'
  }
  if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) {
    return 'keys must be an object'
  }
  if (engine === undefined || engineNames.includes(engine)) return undefined
  return `engine must be one of ${engineNames.join(', ')}`
}

const specOf = (src: string, keys: readonly Key[], options: RenderOptions): TemplateSpec => ({
  src,
  prefix: '/',
  keys,
  trimBlocks: options.trim_blocks ?? true,
  lstripBlocks: options.lstrip_blocks ?? true,
  ...defined({
    engine: options.engine ?? (options.file === undefined ? 'nunjucks' : undefined),
    leftDelim: options.left_delim,
    rightDelim: options.right_delim,
  }),
  // The following settings have no effect, because no file is written.
  dest: '',
  checkTimeout: 0,
  reloadTimeout: 0,
  followSymlinks: true,
  mkdirs: false,
})

/** Removes the file name from a fault if the template was passed as a string. */
function unlessText({ file, ...fault }: Fault, texts: ReadonlyMap<string, string>): Fault {
  return file === undefined || texts.has(file) ? fault : { ...fault, file }
}
