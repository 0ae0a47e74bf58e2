// The tables of keys of a resource file. Each row defines one key, including its line in the docs. `table.ts` checks
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
  /** Minimum: milliseconds for a duration, or a number. */
  readonly least?: number
  readonly choices?: readonly string[]
  /** Aliases of choices. */
  readonly synonyms?: Readonly<Record<string, string>>
  /** Aliases of the key. */
  readonly aliases?: readonly string[]
  readonly doc: string
}

/** The keys of `[template]` about one template and its file. */
export const templateKeys = {
  src: { type: 'string', required: true, doc: 'The template, relative to the templates folder.' },
  dest: {
    type: 'string',
    required: true,
    doc: 'The file to write; with for_each, a template for its path.',
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
    doc: 'Must succeed before the file is swapped in; `{{.src}}` is the staged file.',
  },
  reload_cmd: { type: 'string', doc: 'Runs after the file has been swapped in.' },
  output_format: {
    type: 'choice',
    choices: ['json', 'yaml', 'toml', 'xml'],
    synonyms: { yml: 'yaml' },
    doc: 'The format of the file, which is verified before check_cmd runs: "json", "yaml", "toml" or "xml".',
  },
  engine: {
    type: 'string',
    doc: 'The language, "go" or "nunjucks"; overrides the name of src (.tmpl, .gotmpl, .ctmpl and .tpl are Go, .njk, .j2 and .jinja nunjucks) and its content.',
  },
  left_delim: {
    type: 'delimiter',
    doc: 'The opening delimiter of a Go template, instead of `{{`.',
  },
  right_delim: {
    type: 'delimiter',
    doc: 'The closing delimiter of a Go template, instead of `}}`.',
  },
  trim_blocks: { type: 'boolean', doc: 'Remove the newline after a `{% %}`; default true.' },
  lstrip_blocks: { type: 'boolean', doc: 'Remove the blanks before a `{% %}`; default true.' },
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
  guard: { type: 'table', doc: 'Limits for changes, as `[template.guard]`.' },
  haproxy: {
    type: 'table',
    doc: 'Change running HAProxy processes instead of reloading them, as `[template.haproxy]`.',
  },
  for_each: {
    type: 'string',
    doc: 'A pattern of keys, such as "/vhosts/*": the template is rendered once for each match.',
  },
  follow_symlinks: {
    type: 'boolean',
    doc: 'Keep a symbolic link at dest, and replace its target; false refuses a link. Default true.',
  },
  mkdirs: { type: 'boolean', doc: 'Create missing folders above dest; default false.' },
  adopt: {
    type: 'boolean',
    doc: 'With for_each: take over existing files, and remove them when their keys vanish; default false.',
  },
  backup: {
    type: 'boolean',
    doc: 'Keep the previous file, under the name of dest plus .bak; default false.',
  },
} as const satisfies Record<string, KeySpec>

/** The keys about the whole resource, above `[template]` or inside it. */
export const wholeKeys = {
  on_reload_failure: {
    type: 'choice',
    choices: ['retry', 'rollback'],
    doc: '"retry" retries a failed reload until it succeeds; "rollback" restores the previous files after reload_attempts. Default "retry".',
  },
  reload_attempts: {
    type: 'count',
    least: 1,
    doc: 'The number of tries before the rollback; default 3.',
  },
  verify_cmd: {
    type: 'string',
    doc: 'Runs after the reload and counts as part of it: if it fails, the reload has failed.',
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
    doc: 'Runs when all files of the resource and of its group are in place, before the reload; its failure restores all of them. Timeout: check_timeout.',
  },
  min_reload_interval: { type: 'duration', doc: 'Overrides -min-reload-interval.' },
  splay: { type: 'duration', doc: 'Overrides -splay.' },
  hold_down: {
    type: 'duration',
    doc: 'A vanished key counts as present for this long; default 0.',
  },
  allow_empty: {
    type: 'boolean',
    doc: 'Write the files even if the last key that a store supplied vanishes, instead of holding the change. Overrides -allow-empty; default false.',
  },
  debounce: {
    type: 'duration',
    doc: 'Overrides -debounce; if set more than once, the longest applies.',
  },
  debounce_max: {
    type: 'duration',
    doc: 'Overrides -debounce-max; if set more than once, the longest applies.',
  },
  optional_stores: {
    type: 'strings',
    doc: 'Stores or Consul datacenters that may be unreachable: the files are then rendered without them.',
  },
  expand_env: {
    type: 'boolean',
    doc: 'Replace ${NAME} and ${NAME:-default} in src, dest, keys, prefix and for_each from the environment; $$ is a dollar sign. Default: -expand-env.',
  },
  reload: {
    type: 'choice',
    choices: ['exec'],
    doc: '"exec" reloads the program of exec mode, instead of a reload_cmd.',
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
    doc: 'Resources with the same group change together, or not at all. Only above `[template]`: inside it, `group` is the owner group of the file.',
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
    doc: 'Whether a render without any key passes; default: allow_empty of the resource, else false.',
  },
  settle: {
    type: 'duration',
    doc: 'After a held change, returning keys are compared with the limits when all are back, or when their number has not changed for this long; default 5s.',
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
    doc: 'A pattern such as "/services/web/*": each matching key or directory counts. A directory without a pattern means all keys below it.',
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
