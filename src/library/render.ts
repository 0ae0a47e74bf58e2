// One template over keys that are at hand: no store, no destination, no command.
import { dirname, join, resolve } from 'node:path'
import type { Fault } from '../core/fault.ts'
import { storeOf, storeRoot, type Key } from '../core/key.ts'
import type { Reads } from '../core/reader.ts'
import { engineNames, type EngineName, type TemplateSpec } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import { treeOf } from '../core/tree.ts'
import { defined } from '../config/defined.ts'
import { flatten } from '../stores/file/parse.ts'
import { createRenderer } from '../templates/render.ts'

/** A value of the store, or a folder of them: names become the parts of a path, lists have 0, 1, 2. */
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
 * `{ '/web/port': '80' }` are the same. What is null or undefined is not there.
 */
export interface Keys {
  readonly [name: string]: KeyValue
}

/** The template: a text, or a file. */
export type TemplateSource =
  | { readonly template: string; readonly file?: undefined }
  | { readonly file: string; readonly template?: undefined }

export type RenderOptions = TemplateSource & {
  /** Default: by the name of the file, as in a resource (`.tmpl` and its like are Go's); nunjucks for a text. */
  readonly engine?: EngineName | undefined
  readonly keys: Keys | ReadonlyMap<string, KeyValue>
  /** Below it lies what the template includes. Default: the file's own folder; the current one for a text. */
  readonly templates?: string | undefined
  /** As in a resource, for nunjucks. */
  readonly trim_blocks?: boolean | undefined
  readonly lstrip_blocks?: boolean | undefined
  /** As in a resource, for Go templates. */
  readonly left_delim?: string | undefined
  readonly right_delim?: string | undefined
}

export interface Rendered {
  /** Bytes that are no UTF-8 are U+FFFD here. */
  readonly text: string
  /** As they would be written to the destination. */
  readonly bytes: Uint8Array
  /** What the template has looked up. */
  readonly reads: Reads
}

/** How messages call a template that is no file. */
const TEXT = '<template>'

/**
 * Renders one template over an object. Reads the template and what it includes, and nothing else, unless
 * a function of the template asks for it (such as `getenv`, `fileExists`, `lookupIP`).
 *
 * @returns the text and what it was made of, or what is wrong with the template: a message with line and
 *   column (1-based), the lines around the place and, where the template is a file, its path. A rejection
 *   is a bug of reconfd.
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
  // The root is that of the default store; those of named ones lie beside it.
  const named = new Set([...keys.keys()].flatMap((key) => storeOf(key) ?? []))
  const spec = specOf(src, ['/', ...[...named].map(storeRoot)], options)
  const scope = { store: 'the keys given', prefix: spec.prefix, keys: spec.keys }
  const rendered = await createRenderer(folder, { texts }).render(spec, treeOf(keys), scope)
  if (!rendered.ok) return err(unlessText(rendered.error.fault, texts))
  const { bytes, reads } = rendered.value
  const files = new Set([...reads.files].filter((path) => !texts.has(path)))
  return ok({ text: Buffer.from(bytes).toString(), bytes, reads: { ...reads, files } })
}

/** What the types rule out, for callers who have none. */
function wrongOption({ template, file, engine, keys }: RenderOptions): string | undefined {
  if (typeof (template ?? file) !== 'string' || (template !== undefined && file !== undefined)) {
    return 'render needs either template or file, a text'
  }
  if (typeof keys !== 'object' || keys === null || Array.isArray(keys)) {
    return 'keys must be an object of names and values'
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
  // Of the file that is made of it elsewhere.
  dest: '',
  checkTimeout: 0,
  reloadTimeout: 0,
  followSymlinks: true,
  mkdirs: false,
})

/** A place in a text is not in a file. */
function unlessText({ file, ...fault }: Fault, texts: ReadonlyMap<string, string>): Fault {
  return file === undefined || texts.has(file) ? fault : { ...fault, file }
}
