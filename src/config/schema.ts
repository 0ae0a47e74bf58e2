// The tables of keys for resource files. Each row defines one key, including its line in the docs. `table.ts` checks
// files against them.

export interface KeySpec {
  readonly type:
    | 'string'
    | 'delimiter'
    | 'strings'
    | 'id'
    | 'boolean'
    | 'mode'
    | 'duration'
    | 'count'
    | 'limit'
    | 'choice'
    | 'words'
    | 'table'
    | 'tables'
    /** A string or an array of strings. */
    | 'one or more'
  readonly required?: true
  /** Minimum of a duration, in milliseconds, or of a number. */
  readonly least?: number
  readonly choices?: readonly string[]
  /** Aliases of choices. */
  readonly synonyms?: Readonly<Record<string, string>>
  /** Aliases of the key. */
  readonly aliases?: readonly string[]
  readonly doc: string
}

/** The keys of `[template]` that apply to one template and its file. */
export const templateKeys = {
  src: { type: 'string', required: true, doc: 'The template, relative to the templates folder.' },
  dest: {
    type: 'string',
    required: true,
    doc: 'The file to write; with for_each, a template for the paths of the files.',
  },
  keys: {
    type: 'strings',
    doc: 'The keys that the template may look up, each with everything below it.',
  },
  prefix: { type: 'string', doc: 'Prefix of every key, appended to the global prefix.' },
  mode: { type: 'mode', doc: 'Permissions as a quoted octal number: "0644".' },
  uid: { type: 'id', doc: 'Owner as a number; -1 means unset.' },
  gid: { type: 'id', doc: 'Group as a number; -1 means unset.' },
  owner: { type: 'string', doc: 'Owner by name.' },
  group: { type: 'string', doc: 'Group of the file, by name.' },
  check_cmd: {
    type: 'string',
    doc: 'The command that must succeed before the file is swapped in; `{{.src}}` is the staged file.',
  },
  reload_cmd: { type: 'string', doc: 'The command that runs after the file has been swapped in.' },
  output_format: {
    type: 'choice',
    choices: ['json', 'yaml', 'toml', 'xml'],
    synonyms: { yml: 'yaml' },
    doc: 'The format of the file, which is verified before check_cmd runs: "json", "yaml", "toml" or "xml".',
  },
  engine: {
    type: 'string',
    doc: 'The template language, "go" or "nunjucks". By default, the extension of src decides (.tmpl, .gotmpl, .ctmpl and .tpl are Go; .njk, .j2 and .jinja are nunjucks), or else the content of the file.',
  },
  left_delim: {
    type: 'delimiter',
    doc: 'The opening delimiter of a Go template, instead of `{{`.',
  },
  right_delim: {
    type: 'delimiter',
    doc: 'The closing delimiter of a Go template, instead of `}}`.',
  },
  trim_blocks: { type: 'boolean', doc: 'Remove the newline after a `{% %}` tag; default true.' },
  lstrip_blocks: {
    type: 'boolean',
    doc: 'Remove the leading spaces and tabs of a line that begins with a `{% %}` tag; default true.',
  },
  check_timeout: {
    type: 'duration',
    least: 1,
    aliases: ['check_cmd_timeout'],
    doc: 'Overrides -check-timeout.',
  },
  reload_timeout: {
    type: 'duration',
    least: 1,
    aliases: ['reload_cmd_timeout'],
    doc: 'Overrides -reload-timeout.',
  },
  guard: {
    type: 'table',
    doc: 'Limits beyond which a change is held, as a table `[template.guard]`.',
  },
  haproxy: {
    type: 'table',
    doc: 'The HAProxy processes that are changed without a reload where possible, as a table `[template.haproxy]`.',
  },
  for_each: {
    type: 'string',
    doc: 'A pattern of keys, such as "/vhosts/*": the template is rendered once for each match.',
  },
  follow_symlinks: {
    type: 'boolean',
    doc: 'If dest is a symbolic link, keep the link and replace its target; if false, refuse the link. Default true.',
  },
  mkdirs: { type: 'boolean', doc: 'Create missing folders above dest; default false.' },
  adopt: {
    type: 'boolean',
    doc: 'With for_each: adopt existing files and remove them when their keys vanish; default false.',
  },
  backup: {
    type: 'boolean',
    doc: 'Keep the previous file as dest with the suffix .bak; default false.',
  },
} as const satisfies Record<string, KeySpec>

/** The keys that apply to the whole resource, above `[template]` or inside it. */
export const wholeKeys = {
  on_reload_failure: {
    type: 'choice',
    choices: ['retry', 'rollback'],
    doc: '"retry" retries a failed reload until it succeeds; "rollback" restores the previous files after reload_attempts failures. Default "retry".',
  },
  reload_attempts: {
    type: 'count',
    least: 1,
    doc: 'The number of failed reloads before the rollback; default 3.',
  },
  verify_cmd: {
    type: 'string',
    doc: 'The command that verifies the reload. It runs after the reload and counts as part of it: if it fails, the reload has failed.',
  },
  verify_timeout: {
    type: 'duration',
    least: 1,
    doc: 'Timeout of one run of verify_cmd; default 10s.',
  },
  verify_attempts: {
    type: 'count',
    least: 1,
    doc: 'The number of runs of verify_cmd before the reload counts as failed; default 3.',
  },
  group_check_cmd: {
    type: 'string',
    doc: 'The command that checks all files of the resource and of its group in place, before the reload. If it fails, all of these files are restored. Its timeout is check_timeout.',
  },
  min_reload_interval: { type: 'duration', doc: 'Overrides -min-reload-interval.' },
  splay: { type: 'duration', doc: 'Overrides -splay.' },
  hold_down: {
    type: 'duration',
    doc: 'The time for which a vanished key still counts as present; default 0.',
  },
  allow_empty: {
    type: 'boolean',
    doc: 'Write the files even if the last key that a store supplied vanishes, instead of holding the change. Default: the value of -allow-empty.',
  },
  debounce: {
    type: 'duration',
    doc: 'Overrides -debounce; if several templates set it, the longest duration applies.',
  },
  debounce_max: {
    type: 'duration',
    doc: 'Overrides -debounce-max; if several templates set it, the longest duration applies.',
  },
  optional_stores: {
    type: 'strings',
    doc: 'Stores or Consul datacenters that may be unreachable. While one of them is unreachable, the files are rendered without its keys.',
  },
  expand_env: {
    type: 'boolean',
    doc: 'Replace ${NAME} and ${NAME:-default} in src, dest, keys, prefix and for_each from the environment; write $$ for a dollar sign. Default: the value of -expand-env.',
  },
  reload: {
    type: 'choice',
    choices: ['exec'],
    doc: '"exec": a change reloads the program of exec mode, instead of running a reload_cmd.',
  },
  wait_for_start: {
    type: 'boolean',
    doc: 'Start the program of exec mode only after this resource has been applied; default true.',
  },
  sensitive: {
    type: 'boolean',
    doc: 'Hide the content of the files and the output of the commands from the status page, -diff and the log; default false.',
  },
} as const satisfies Record<string, KeySpec>

/** The keys above `[template]`. There, `group` is the group of resources, not the owner group of the file. */
export const resourceFileKeys = {
  group: {
    type: 'string',
    doc: 'Resources with the same group change together or not at all. Only above `[template]`: inside it, `group` is the owner group of the file.',
  },
  ...wholeKeys,
} as const satisfies Record<string, KeySpec>

/** The keys of `[template]`. */
export const templateTableKeys = { ...templateKeys, ...wholeKeys } as const

/** The keys of `[template.guard]`. */
export const guardKeys = {
  min_keys: {
    type: 'count',
    least: 0,
    doc: 'The minimum number of keys that the template must find.',
  },
  max_removed: {
    type: 'limit',
    doc: 'How many keys of the last applied render may vanish: "50%" or a number.',
  },
  max_shrink: {
    type: 'limit',
    doc: 'How much the file may shrink: "50%" or a number of bytes.',
  },
  allow_empty: {
    type: 'boolean',
    doc: 'Whether a render that finds no key passes; default: the allow_empty of the resource, or else false.',
  },
  settle: {
    type: 'duration',
    doc: 'While a change is held and only some of the keys have come back, a change within the limits passes once the number of keys has not changed for this long; default 5s.',
  },
  group: {
    type: 'tables',
    doc: 'Limits for some of the keys, each as `[[template.guard.group]]`.',
  },
} as const satisfies Record<string, KeySpec>

/** The keys of `[[template.guard.group]]`. */
export const guardGroupKeys = {
  keys: {
    type: 'string',
    required: true,
    doc: 'A pattern such as "/services/web/*": each matching key or directory counts as one. If it contains no special characters, it is a directory, and each key below it counts.',
  },
  min_keys: {
    type: 'count',
    least: 0,
    doc: 'The minimum number of matches that the template must find.',
  },
  max_removed: {
    type: 'limit',
    doc: 'How many matches of the last applied render may vanish: "50%" or a number.',
  },
} as const satisfies Record<string, KeySpec>
