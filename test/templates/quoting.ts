// How to quote a value for each kind of file. A table in docs/templates.md and a test use this list.

export interface Quoting {
  readonly file: string
  readonly nunjucks: string
  readonly go: string
  readonly note: string
  /** For the test: the text of the file before and after the value. */
  readonly around: readonly [before: string, after: string]
}

export const quotings: Readonly<Record<string, Quoting>> = {
  shell: {
    file: 'a script or file for a POSIX shell',
    nunjucks: '{{ v | shellquote }}',
    go: '{{shellquote $v}}',
    note: 'adds the quotes: `V={{ v | shellquote }}`. Never use `quote`: the shell runs `$(...)` inside its quotes',
    around: ['V=', '\n'],
  },
  systemd: {
    file: "systemd's `EnvironmentFile=`",
    nunjucks: '{{ v | shellquote }}',
    go: '{{shellquote $v}}',
    note: 'a shell can read the same file',
    around: ['V=', '\n'],
  },
  json: {
    file: 'JSON',
    nunjucks: '{{ v | toJson }}',
    go: '{{toJson $v}}',
    note: 'a whole value: text, number, list or map',
    around: ['{"v": ', '}'],
  },
  yaml: {
    file: 'YAML',
    nunjucks: '{{ v | toJson }}',
    go: '{{toJson $v}}',
    note: 'JSON is also YAML; for a block of several lines use `toYaml` with `nindent`',
    around: ['v: ', '\n'],
  },
  toml: {
    file: 'TOML',
    nunjucks: '{{ v | toToml }}',
    go: '{{toToml $v}}',
    note: '',
    around: ['v = ', '\n'],
  },
  sql: {
    file: 'SQL',
    nunjucks: '{{ v | squote }}',
    go: '{{squote $v}}',
    note: 'if a backslash is an escape too (MySQL): `v | replace("\\\\", "\\\\\\\\") | squote`',
    around: ['select ', ';'],
  },
  haproxy: {
    file: 'HAProxy',
    nunjucks: `'{{ replace(v, "'", "'\\\\''") }}'`,
    go: `'{{replace $v "'" "'\\\\''" -1}}'`,
    note: 'a line cannot contain a newline: refuse such a value',
    around: ['', ''],
  },
  nginx: {
    file: 'nginx',
    nunjucks: '{{ v | quote }}',
    go: '{{quote $v}}',
    note: 'in most directives `$` begins a variable and cannot be escaped: refuse such a value',
    around: ['', ''],
  },
  html: {
    file: 'HTML, XML',
    nunjucks: '{{ v | escape }}',
    go: '{{html $v}}',
    note: '',
    around: ['', ''],
  },
  url: {
    file: 'a part of a URL',
    nunjucks: '{{ v | urlencode }}',
    go: '{{urlquery $v}}',
    note: '',
    around: ['', ''],
  },
  other: {
    file: 'anything else',
    nunjucks:
      '{% if not (v | regexMatch("^[A-Za-z0-9._:-]*$")) %}{{ fail("odd name") }}{% endif %}{{ v }}',
    go: '{{if not (regexMatch "^[A-Za-z0-9._:-]*$" $v)}}{{fail "odd name"}}{{end}}{{$v}}',
    note: 'any other character ends the render, and the old file stays',
    around: ['', ''],
  },
}
