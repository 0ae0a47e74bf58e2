// Which function writes a value into which kind of file: a table of docs/templates.md, and a test.

export interface Quoting {
  readonly file: string
  readonly nunjucks: string
  readonly go: string
  readonly note: string
  /** Of the test: what stands before and behind the value. */
  readonly around: readonly [before: string, after: string]
}

export const quotings: Readonly<Record<string, Quoting>> = {
  shell: {
    file: 'a script or file that a POSIX shell reads',
    nunjucks: '{{ v | shellquote }}',
    go: '{{shellquote $v}}',
    note: 'quotes included: `V={{ v | shellquote }}`. Never `quote`: between its quotes the shell runs `$(...)`',
    around: ['V=', '\n'],
  },
  systemd: {
    file: "systemd's `EnvironmentFile=`",
    nunjucks: '{{ v | shellquote }}',
    go: '{{shellquote $v}}',
    note: 'the same file can be read by a shell',
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
    note: 'what is JSON is YAML too; `toYaml` with `nindent` for a block over several lines',
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
    note: 'where a backslash is an escape too (MySQL): `v | replace("\\\\", "\\\\\\\\") | squote`',
    around: ['select ', ';'],
  },
  haproxy: {
    file: 'HAProxy',
    nunjucks: `'{{ replace(v, "'", "'\\\\''") }}'`,
    go: `'{{replace $v "'" "'\\\\''" -1}}'`,
    note: 'a line cannot hold a new line: refuse such a value',
    around: ['', ''],
  },
  nginx: {
    file: 'nginx',
    nunjucks: '{{ v | quote }}',
    go: '{{quote $v}}',
    note: 'a `$` begins a variable in most directives and cannot be escaped: refuse such a value',
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
    note: 'what does not belong there ends the render, and the old file stays',
    around: ['', ''],
  },
}
