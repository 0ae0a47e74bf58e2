// What a resource is once conf.d has been read and found good. Paths are absolute, times in milliseconds.
import type { Key } from './key.ts'

export const engineNames = ['nunjucks', 'go'] as const
export type EngineName = (typeof engineNames)[number]

/** The engine that a template file's name asks for; `engine = ` in the resource decides over it. */
export const engineByName = (src: string): EngineName =>
  /\.(?:tmpl|gotmpl|ctmpl|tpl)$/i.test(src) ? 'go' : 'nunjucks'

/** One file of conf.d. */
export interface Resource {
  /** The file's name in conf.d, such as `haproxy.toml`: how logs and status call it. */
  readonly name: string
  /** The file's path, for messages. */
  readonly file: string
  /** One for `[template]`, several for `[[template]]`. Never empty. */
  readonly templates: readonly TemplateSpec[]
  /** Coalescing of this resource, else that of the settings. */
  readonly quiet?: number
  readonly quietMax?: number
}

/** One destination and the template that makes it. */
export interface TemplateSpec {
  /** Absolute path of the template file. */
  readonly src: string
  /** Absolute path of the destination. */
  readonly dest: string
  /** Global and own prefix, joined. */
  readonly prefix: Key
  /** Without the prefix. */
  readonly keys: readonly Key[]
  /** From `engine = `; absent: by file name. */
  readonly engine?: EngineName
  /** Of Go templates; absent: `{{` and `}}`. */
  readonly leftDelim?: string
  readonly rightDelim?: string
  readonly trimBlocks: boolean
  readonly lstripBlocks: boolean
  /** Absent: what the destination has; a new file gets 0644 and the effective user. */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** With `{{.src}}` and `{{.dest}}` not yet put in. */
  readonly checkCmd?: string
  readonly reloadCmd?: string
  readonly checkTimeout: number
  readonly reloadTimeout: number
  /** Where this template's table starts in the file, 1-based; for messages. */
  readonly line: number
}
