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
    doc: 'The file to write; with for_each a template of its own.',
  },
  keys: {
    type: 'strings',
    doc: 'The keys that the template may look up: each with all that is below it.',
  },
  prefix: { type: 'string', doc: 'Put before every key, behind the global prefix.' },
  mode: { type: 'mode', doc: 'Permissions, octal, in quotes: "0644".' },
  uid: { type: 'id', doc: 'Owner as a number; -1 is unset.' },
  gid: { type: 'id', doc: 'Group as a number; -1 is unset.' },
  owner: { type: 'string', doc: 'Owner by name.' },
  group: { type: 'string', doc: 'Group of the file, by name.' },
  check_cmd: {
    type: 'string',
    doc: 'Must succeed before the file is put in place; `{{.src}}` is the staged file.',
  },
  reload_cmd: { type: 'string', doc: 'Runs after the file was put in place.' },
  output_format: {
    type: 'choice',
    choices: ['json', 'yaml', 'toml', 'xml'],
    synonyms: { yml: 'yaml' },
    doc: 'What the file has to parse as, before check_cmd runs: "json", "yaml", "toml" or "xml".',
  },
  engine: {
    type: 'string',
    doc: '"go" or "nunjucks"; decides over the name of src (.tmpl, .gotmpl, .ctmpl and .tpl are Go, .njk, .j2 and .jinja nunjucks) and its content.',
  },
  left_delim: { type: 'delimiter', doc: 'Of a Go template, instead of `{{`.' },
  right_delim: { type: 'delimiter', doc: 'Of a Go template, instead of `}}`.' },
  trim_blocks: { type: 'boolean', doc: 'Drop the newline behind a `{% %}`; default true.' },
  lstrip_blocks: { type: 'boolean', doc: 'Drop the blanks before a `{% %}`; default true.' },
  check_timeout: {
    type: 'duration',
    least: 1,
    aliases: ['check_cmd_timeout'],
    doc: 'Instead of -check-timeout.',
  },
  reload_timeout: {
    type: 'duration',
    least: 1,
    aliases: ['reload_cmd_timeout'],
    doc: 'Instead of -reload-timeout.',
  },
  guard: { type: 'table', doc: 'What a change may not do unasked, as `[template.guard]`.' },
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
    doc: 'Replace what a symbolic link at dest points to, and keep the link; false refuses one. Default true.',
  },
  mkdirs: { type: 'boolean', doc: 'Make missing folders above dest; default false.' },
  adopt: {
    type: 'boolean',
    doc: 'With for_each: take over files that were there before, and remove them when their keys go; default false.',
  },
  backup: {
    type: 'boolean',
    doc: 'Keep the previous file as dest with .bak behind it; default false.',
  },
} as const satisfies Record<string, KeySpec>

/** The keys about the whole resource, above `[template]` or inside it. */
export const wholeKeys = {
  on_reload_failure: {
    type: 'choice',
    choices: ['retry', 'rollback'],
    doc: '"retry" runs a failed reload again until it succeeds; "rollback" puts the previous files back after reload_attempts. Default "retry".',
  },
  reload_attempts: {
    type: 'count',
    least: 1,
    doc: 'How often the reload is tried before the rollback; default 3.',
  },
  verify_cmd: {
    type: 'string',
    doc: 'Runs after the reload and counts as part of it: a service that does not come up healthy is a failed reload.',
  },
  verify_timeout: {
    type: 'duration',
    least: 1,
    doc: 'How long one run of verify_cmd may take; default 10s.',
  },
  verify_attempts: {
    type: 'count',
    least: 1,
    doc: 'How often verify_cmd is tried before the reload has failed; default 3.',
  },
  group_check_cmd: {
    type: 'string',
    doc: 'Runs when all files of the resource, and of its group, are in place, and before the reload; its failure restores every one of them. Timeout: check_timeout.',
  },
  min_reload_interval: { type: 'duration', doc: 'Instead of -min-reload-interval.' },
  splay: { type: 'duration', doc: 'Instead of -splay.' },
  hold_down: {
    type: 'duration',
    doc: 'A key that vanishes counts as present until it was gone that long; default 0.',
  },
  allow_empty: {
    type: 'boolean',
    doc: 'The last key that a store supplied may vanish: the files are written without any, and the change is not held. Instead of -allow-empty; default false.',
  },
  debounce: {
    type: 'duration',
    doc: 'Instead of -debounce; where it is said more than once the longest counts.',
  },
  debounce_max: { type: 'duration', doc: 'Instead of -debounce-max; likewise.' },
  optional_stores: {
    type: 'strings',
    doc: 'Stores, or datacenters of Consul, without which the files are rendered while these are unreachable.',
  },
  expand_env: {
    type: 'boolean',
    doc: 'Replace ${NAME} and ${NAME:-default} in src, dest, keys, prefix and for_each from the environment; $$ is a dollar sign. Default: -expand-env.',
  },
  reload: {
    type: 'choice',
    choices: ['exec'],
    doc: '"exec" reloads the program that reconfd has started, in place of a reload_cmd.',
  },
  wait_for_start: {
    type: 'boolean',
    doc: 'Whether that program starts only after this resource has been applied; default true.',
  },
  sensitive: {
    type: 'boolean',
    doc: 'The status page, -diff and the log show that files change and commands run, and nothing of what is in them or what they print; default false.',
  },
} as const satisfies Record<string, KeySpec>

/** The keys above `[template]`, where `group` is not the group of the file. */
export const resourceKeys = {
  group: {
    type: 'string',
    doc: 'Resources with the same group change together, or not at all. Only above `[template]`: inside of it `group` is that of the file.',
  },
  ...wholeKeys,
} as const satisfies Record<string, KeySpec>

/** The keys of `[template]`. */
export const templateTableKeys = { ...templateKeys, ...wholeKeys } as const

/** The keys of `[template.guard]`. */
export const guardKeys = {
  min_keys: { type: 'count', least: 0, doc: 'The fewest keys that the template has to find.' },
  max_removed: {
    type: 'limit',
    doc: 'How many of the keys that the last applied render read may be gone: "50%" or a number.',
  },
  max_shrink: {
    type: 'limit',
    doc: 'By how much the file may become smaller: "50%" or a number of bytes.',
  },
  allow_empty: {
    type: 'boolean',
    doc: 'Whether a render that finds no key at all passes; default: allow_empty of the resource, else false.',
  },
  settle: {
    type: 'duration',
    doc: 'After a held change, keys that come back are judged once all are back, or once their number has not changed for this long; default 5s.',
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
    doc: 'A pattern such as "/services/web/*": each key or directory that matches counts. A directory without a pattern stands for all keys below it.',
  },
  min_keys: { type: 'count', least: 0, doc: 'The fewest matches that the template has to find.' },
  max_removed: {
    type: 'limit',
    doc: 'How many of the matches of the last applied render may be gone: "50%" or a number.',
  },
} as const satisfies Record<string, KeySpec>
