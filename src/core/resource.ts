// What a resource is once conf.d has been read and found good. Paths are absolute, times in milliseconds.
import { fullKey, outermost, type Key } from './key.ts'

export type EngineName = 'nunjucks' | 'go'
export const engineNames: readonly EngineName[] = ['nunjucks', 'go']

/**
 * The engine that a template file's name asks for; `engine = ` in the resource decides over it. Undefined
 * for any other name: then the content of the file decides.
 */
export const engineByName = (src: string): EngineName | undefined =>
  /\.(?:tmpl|gotmpl|ctmpl|tpl)$/i.test(src)
    ? 'go'
    : /\.(?:njk|nunjucks|j2|jinja2?)$/i.test(src)
      ? 'nunjucks'
      : undefined

export const outputFormats = ['json', 'yaml', 'toml', 'xml'] as const
export type OutputFormat = (typeof outputFormats)[number]

/** One file of conf.d. */
export interface Resource {
  /** The file's name in conf.d, such as `haproxy.toml`: how logs and status call it. */
  readonly name: string
  /** One for `[template]`, several for `[[template]]`. Never empty. */
  readonly templates: readonly TemplateSpec[]
  /** Coalescing of this resource, else that of the settings. */
  readonly quiet?: number
  readonly quietMax?: number
  /** All resources of a group change together, or not at all. */
  readonly group?: string
  /** Runs when all files of the resource, and of its group, are in place and before any reload. */
  readonly groupCheck?: Command
  /** A key that vanishes counts as present until it was gone that long. 0: at once. */
  readonly holdDown: number
  /** It may lose all keys of a store, unless a guard says otherwise. */
  readonly allowEmpty: boolean
  readonly reload: ReloadPolicy
  /** The contents of its files are shown to nobody. */
  readonly sensitive?: true
  /** Stores and datacenters without which its files are rendered while these are unreachable. */
  readonly optionalStores?: ReadonlySet<string>
  /** `reload = "exec"`: its reload is that of the program that reconfd has started. */
  readonly reloadsExec?: true
  /** False: that program starts before this resource has been applied. */
  readonly waitForStart?: false
}

/** The full keys that resources name, each once: one that another covers is left out. */
export const keysOf = (resources: readonly Resource[]): readonly Key[] =>
  outermost(
    resources.flatMap(({ templates }) =>
      templates.flatMap(({ prefix, keys }) => keys.map((key) => fullKey(prefix, key))),
    ),
  )

/** A command and how long it may run. */
export interface Command {
  readonly command: string
  readonly timeout: number
  /** What it prints is not shown. */
  readonly sensitive?: boolean
}

/** How the reloads of a resource are done. */
export interface ReloadPolicy {
  /** `rollback`: after `attempts` the previous files come back. `retry`: for ever. */
  readonly onFailure: 'retry' | 'rollback'
  readonly attempts: number
  /** Runs after the reload and counts as part of it: `attempts` times before it has failed. */
  readonly verify?: Command & { readonly attempts: number }
  /** The least time between the starts of two reloads. */
  readonly minInterval: number
  /** A reload waits a random time up to this, so that a fleet does not reload at once. */
  readonly splay: number
  /** What the reload and its verification print is not shown. */
  readonly sensitive?: true
}

export const plainReload: ReloadPolicy = {
  onFailure: 'retry',
  attempts: 3,
  minInterval: 0,
  splay: 0,
}

/**
 * Hides what the commands of a group print when one of its members is sensitive: they look at the files
 * of all members.
 */
export function hidingOutput(resources: readonly Resource[]): readonly Resource[] {
  const groups = new Set(
    resources.flatMap(({ sensitive, group }) => (sensitive === true ? (group ?? []) : [])),
  )
  const hidden = { sensitive: true } as const
  return resources.map((resource) => {
    const { sensitive, group = '', groupCheck, reload } = resource
    if (sensitive !== true && !groups.has(group)) return resource
    return {
      ...resource,
      ...(groupCheck === undefined ? {} : { groupCheck: { ...groupCheck, ...hidden } }),
      reload: { ...reload, ...hidden },
    }
  })
}

/** With one more reload: of all templates that have none of their own. */
export const withReload = (
  resource: Resource,
  command: string,
  timeout: number,
  splay: number,
): Resource => ({
  ...resource,
  templates: resource.templates.map((spec) =>
    spec.reloadCmd === undefined ? { ...spec, reloadCmd: command, reloadTimeout: timeout } : spec,
  ),
  reload: { ...resource.reload, splay: Math.max(resource.reload.splay, splay) },
})

/** For `-no-reload`: what is written is checked, and no program is told. */
export const withoutReload = (resource: Resource): Resource => ({
  ...resource,
  templates: resource.templates.map(({ reloadCmd: _reload, ...spec }) => spec),
  reload: plainReload,
})

/** For `-sync-only`: files are written, no command runs. */
export function withoutCommands({ groupCheck: _groupCheck, ...resource }: Resource): Resource {
  const silent = withoutReload(resource)
  return { ...silent, templates: silent.templates.map(({ checkCmd: _check, ...spec }) => spec) }
}

/** A number of things, or a share of them in percent. */
export type Limit =
  | { readonly kind: 'count'; readonly most: number }
  | { readonly kind: 'share'; readonly percent: number }

/** What a change of a file may not do unasked; compared with the last applied render. */
export interface Guard {
  /** At least so many keys are read. */
  readonly minKeys?: number
  /** Of the keys that the last applied render read. */
  readonly maxRemoved?: Limit
  /** Of the size, in bytes, that the last applied render had. */
  readonly maxShrink?: Limit
  /** Whether a render that reads no key at all passes. */
  readonly allowEmpty: boolean
  readonly groups: readonly GuardGroup[]
  /** How long the number of keys has to stand still before a half-returned set is judged. */
  readonly settle: number
}

/** Of a guard that a resource has not set. */
export const SETTLE = 5000

/** Limits for some of the keys of a template. */
export interface GuardGroup {
  /**
   * A pattern of full keys: what matches, a key or a directory, counts as one. Without a special character
   * it is a directory, and each key in it counts.
   */
  readonly pattern: string
  readonly minKeys?: number
  readonly maxRemoved?: Limit
}

/** Running HAProxy processes that follow their file without a reload where they can. */
export interface HaproxySpec {
  /** A path each, or `host:port`. Never empty. */
  readonly sockets: readonly string[]
  /** How long a removed server may finish its connections. */
  readonly drain: number
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
  /** From `engine = `; absent: by the file's name, or else by its content. */
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
  /** What the file has to parse as before check_cmd runs. */
  readonly outputFormat?: OutputFormat
  readonly checkTimeout: number
  readonly reloadTimeout: number
  readonly guard?: Guard
  /**
   * A pattern of keys, without the prefix: the template is rendered once for each match (a key, or a
   * directory), and `dest` is a template of its own.
   */
  readonly forEach?: string
  /** False: a destination that is a symbolic link is refused. */
  readonly followSymlinks: boolean
  /** With forEach: the folder that `dest` fixes, and that no file leaves. */
  readonly within?: string
  /** With forEach: a file that was there before is taken over, whatever it holds. */
  readonly adopt?: boolean
  /** The former file is kept, as `dest` with `.bak` behind it. */
  readonly backup?: boolean
  /** What the commands of its resource print is not shown. */
  readonly sensitive?: boolean
  /** As its resource has it. */
  readonly optionalStores?: ReadonlySet<string>
  readonly haproxy?: HaproxySpec
  /** Missing folders above the destination are made. */
  readonly mkdirs: boolean
}
