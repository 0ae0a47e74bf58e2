// A valid resource of conf.d. Paths are absolute, times are in milliseconds.
import { fullKey, outermost, type Key } from './key.ts'

export type EngineName = 'nunjucks' | 'go'
export const engineNames: readonly EngineName[] = ['nunjucks', 'go']

/**
 * The engine selected by a template's file name, which `engine = ` in the resource overrides. Undefined for any other
 * name; then the content of the file decides.
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
  /** The file's name in conf.d, such as `haproxy.toml`, as used in logs and status. */
  readonly name: string
  /** Never empty. Contains several templates if the file uses `[[template]]`. */
  readonly templates: readonly TemplateSpec[]
  /** Quiet period and maximum delay of coalescing; absent: those of the settings. */
  readonly quiet?: number
  readonly quietMax?: number
  /** The resources of a group change together or not at all. */
  readonly group?: string
  /** Runs when all files of the resource and its group are in place, before any reload. */
  readonly groupCheck?: TimedCommand
  /** How long a vanished key counts as present; 0: not at all. */
  readonly holdDown: number
  /** Whether the resource may lose all keys of a store, unless a guard forbids it. */
  readonly allowEmpty: boolean
  readonly reload: ReloadPolicy
  /** Never show the contents of its files. */
  readonly sensitive?: true
  /** Stores and datacenters that may be unreachable during a render. */
  readonly optionalStores?: ReadonlySet<string>
  /** `reload = "exec"`: reloads the program of exec mode. */
  readonly reloadsExec?: true
  /** False: the program may start before this resource has been applied. */
  readonly waitForStart?: false
}

/** The full keys of all resources, without keys that another key covers. */
export const resourceKeys = (resources: readonly Resource[]): readonly Key[] =>
  outermost(
    resources.flatMap(({ templates }) =>
      templates.flatMap(({ prefix, keys }) => keys.map((key) => fullKey(prefix, key))),
    ),
  )

/** A command with its timeout. */
export interface TimedCommand {
  readonly command: string
  readonly timeout: number
  /** Hide its output. */
  readonly sensitive?: boolean
}

/** The reload policy of a resource. */
export interface ReloadPolicy {
  /** `rollback`: restore the newest proved files after `attempts` failures. `retry`: retry without limit. */
  readonly onFailure: 'retry' | 'rollback'
  readonly attempts: number
  /** Runs after the reload and counts as part of it. The reload has failed if `attempts` runs of this command fail. */
  readonly verify?: TimedCommand & { readonly attempts: number }
  /** Minimum time between the starts of two reloads. */
  readonly minInterval: number
  /** Maximum random delay of a reload, so that the machines of a fleet do not all reload at the same time. */
  readonly splay: number
  /** Hide the output of the reload and of its verification. */
  readonly sensitive?: true
}

export const plainReload: ReloadPolicy = {
  onFailure: 'retry',
  attempts: 3,
  minInterval: 0,
  splay: 0,
}

/**
 * Hides the output of all commands of a group if one of its members is sensitive, because each command may read the
 * files of all members.
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
      templates: resource.templates.map((spec) => ({ ...spec, ...hidden })),
      ...(groupCheck === undefined ? {} : { groupCheck: { ...groupCheck, ...hidden } }),
      reload: { ...reload, ...hidden },
    }
  })
}

/** Adds a reload command to all templates without one. */
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

/** For `-no-reload`: checks and writes files, but reloads nothing. */
export const withoutReload = (resource: Resource): Resource => ({
  ...resource,
  templates: resource.templates.map(({ reloadCmd: _reload, ...spec }) => spec),
  reload: plainReload,
})

/** For `-sync-only`: writes files, but runs no command. */
export function withoutCommands({ groupCheck: _groupCheck, ...resource }: Resource): Resource {
  const silent = withoutReload(resource)
  return { ...silent, templates: silent.templates.map(({ checkCmd: _check, ...spec }) => spec) }
}

/** An absolute limit, or a share in percent. */
export type Limit =
  | { readonly kind: 'count'; readonly most: number }
  | { readonly kind: 'share'; readonly percent: number }

/** Limits for a change to a file, compared with the last applied render. A change beyond these limits is held. */
export interface Guard {
  /** Minimum number of keys read. */
  readonly minKeys?: number
  /** How many keys of the last applied render may vanish, as a number or a share. */
  readonly maxRemoved?: Limit
  /** How much the file may shrink: a number of bytes, or a share of its size. */
  readonly maxShrink?: Limit
  /** Allow a render that reads no key. */
  readonly allowEmpty: boolean
  readonly groups: readonly GuardGroup[]
  /** If only some keys have come back, a held change passes once the number of keys has not changed for this long. */
  readonly settle: number
}

/** Default `settle` of a guard. */
export const SETTLE = 5000

/** Limits for a group of keys. */
export interface GuardGroup {
  /**
   * A pattern of full keys. Each matching key or directory counts as one. A pattern without special characters is a
   * directory in which each key counts.
   */
  readonly pattern: string
  readonly minKeys?: number
  readonly maxRemoved?: Limit
}

/** Running HAProxy processes that are changed without a reload where possible. */
export interface HaproxySpec {
  /** Paths or `host:port`. Never empty. */
  readonly sockets: readonly string[]
  /** Time for a removed server to finish its connections. */
  readonly drain: number
}

/** One template and its destination. */
export interface TemplateSpec {
  /** Absolute path of the template file. */
  readonly src: string
  /** Absolute path of the destination. */
  readonly dest: string
  /** The global prefix, joined with the prefix of the template. */
  readonly prefix: Key
  /** Keys without the prefix. */
  readonly keys: readonly Key[]
  /** The `engine` of the resource. If absent, the file name selects the engine, or else the content. */
  readonly engine?: EngineName
  /** Delimiters of Go templates; default `{{` and `}}`. */
  readonly leftDelim?: string
  readonly rightDelim?: string
  readonly trimBlocks: boolean
  readonly lstripBlocks: boolean
  /**
   * If metadata is absent, that of the existing file is kept. A new file gets mode 0644 and belongs to the effective
   * user.
   */
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** The command, in which `{{.src}}` and `{{.dest}}` have not been expanded yet. */
  readonly checkCmd?: string
  readonly reloadCmd?: string
  /** Format that the file must have, checked before check_cmd runs. */
  readonly outputFormat?: OutputFormat
  readonly checkTimeout: number
  readonly reloadTimeout: number
  readonly guard?: Guard
  /**
   * A pattern of keys, without the prefix. The template is rendered once for each matching key or directory, and `dest`
   * is itself a template.
   */
  readonly forEach?: string
  /** False: refuse a destination that is a symbolic link. */
  readonly followSymlinks: boolean
  /** With forEach: the fixed folder of `dest`, which contains all files. */
  readonly within?: string
  /** With forEach: adopt an existing file, whatever its content. */
  readonly adopt?: boolean
  /** Keep the previous file as `dest` with the suffix `.bak`. */
  readonly backup?: boolean
  /** Hide the output of the resource's commands. */
  readonly sensitive?: boolean
  /** The optional stores of the resource. */
  readonly optionalStores?: ReadonlySet<string>
  readonly haproxy?: HaproxySpec
  /** Create missing folders of the destination. */
  readonly mkdirs: boolean
}
