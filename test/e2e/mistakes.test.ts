// Operators' mistakes, each with its exit code and the words that the output must contain. The output must tell a
// colleague at 3 a.m. what to type.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { Running } from './support.ts'
import { removeDir, tempDir } from '../support/process.ts'

interface Mistake {
  /** Files that replace or extend the files of `GOOD`; null removes a file. */
  readonly files?: Readonly<Record<string, string | null>>
  readonly env?: Readonly<Record<string, string>>
}

type Row = readonly [
  mistake: string,
  argv: string,
  words: readonly string[],
  exit: number,
  more?: Mistake,
]

/** A confdir without mistakes. In these files and in the rows below, `DIR` stands for its path. */
const GOOD: Readonly<Record<string, string>> = {
  'conf.d/web.toml':
    '[template]\nsrc = "web.njk"\ndest = "DIR/out/web.conf"\nkeys = ["/services/web"]\nreload_cmd = "true"\n',
  'templates/web.njk':
    '{% for s in gets("/services/web/*") %}server {{ base(s.key) }} {{ s.value }}\n{% endfor %}',
  'keys.yaml': 'services:\n  web:\n    n1: 10.0.0.1:80\n    n2: 10.0.0.2:80\n',
  'confd.toml': '',
  'out/.keep': '',
}

const resource = (lines: string): Mistake => ({
  files: {
    'conf.d/web.toml': `[template]\nsrc = "web.njk"\ndest = "DIR/out/web.conf"\nkeys = ["/services/web"]\n${lines}`,
  },
})
const template = (text: string): Mistake => ({ files: { 'templates/web.njk': text } })
const go = (text: string): Mistake => ({
  files: {
    'templates/web.njk': null,
    'templates/web.tmpl': text,
    'conf.d/web.toml':
      '[template]\nsrc = "web.tmpl"\ndest = "DIR/out/web.conf"\nkeys = ["/services/web"]\n',
  },
})
const settings = (text: string): Mistake => ({ files: { 'confd.toml': text } })

const ONCE = '-onetime -file DIR/keys.yaml'

const rows: readonly Row[] = [
  // The command line.
  ['a misspelt command', 'staus', ['"staus"', 'status'], 64],
  ['a misspelt flag', '-onetme', ['unknown flag -onetme', 'did you mean -onetime?'], 64],
  ['a flag without its value', '-node', ['-node', 'value'], 64],
  ['an unknown store', '-backend etcdv4', ['etcdv4', 'etcdv3'], 64],
  [
    'a store of confd that reconfd lacks',
    '-backend dynamodb',
    ['dynamodb', 'the stores are etcdv3'],
    64,
  ],
  ['a duration with an unknown unit', '-timeout 5x', ['-timeout', '5x'], 64],
  ['an unknown log level', '-log-level verbose', ['verbose', 'debug, info'], 64],
  ['an address for the page without a port', '-watch -http localhost', ['host:port'], 64],
  ['a flag of one command with another', 'why -update web', ['-update', 'test'], 64],
  ['why without a resource', 'why', ['why', 'RESOURCE'], 64],
  ['an unknown shell', 'completion tcsh', ['tcsh', 'bash|zsh|fish'], 64],
  ['an argument too many', 'status web.toml', ['status', '"web.toml"'], 64],
  ['a boolean flag with a word', '-onetime=maybe', ['-onetime', 'maybe'], 64],
  ['two nodes in one word', '-onetime -node a:1,b:2', ['repeat -node'], 64],
  ['an unknown scheme', '-scheme ftp', ['ftp', 'http'], 64],
  ['help for an unknown command', 'help stauts', ['stauts'], 64],
  ['a flag as a command', 'watch', ['"watch"', 'did you mean reconfd -watch?'], 64],
  ['a daemon, started as in other programs', 'start', ['did you mean reconfd -watch?'], 64],
  ['a onetime run, as other programs call it', '-once', ['did you mean -onetime?'], 64],
  ['a resource after check', 'check web.toml', ['write -only web.toml'], 64],
  ['a resource after a run', '-onetime web.toml', ['write -only web.toml'], 64],
  ['a flag without its dash', '-onetime noop', ['did you mean -noop?'], 64],
  ['a resource after status', 'status web', ['did you mean reconfd why web?'], 64],
  ['accept of a resource before the first run', 'accept web', ['no change of web.toml is held'], 1],
  [
    'a recording that does not exist',
    '-onetime -replay DIR/no.json',
    ['no.json: the keys file does not exist', 'correct -file or -replay'],
    69,
  ],
  // Settings.
  [
    'an unknown entry of confd.toml',
    'check',
    ['confd.toml:1', 'bakend', 'did you mean backend?'],
    78,
    settings('bakend = "etcd"\n'),
  ],
  ['an unclosed string', 'check', ['confd.toml:1', 'string'], 78, settings('prefix = "/a\n')],
  [
    'a number in place of a string',
    'check',
    ['confd.toml:1', 'prefix'],
    78,
    settings('prefix = 3\n'),
  ],
  ['a wrong value', 'check', ['confd.toml:1', 'loud'], 78, settings('log-level = "loud"\n')],
  [
    'password and password file',
    'check',
    ['password and password-file are both set', 'leave one of them out'],
    78,
    settings('password = "a"\npassword_file = "/b"\n'),
  ],
  [
    'a wrong value in the environment',
    'check',
    ['CONFD_TIMEOUT', 'soon'],
    78,
    { env: { CONFD_TIMEOUT: 'soon' } },
  ],
  ['a missing settings file', 'check -conf-file DIR/nosuch.toml', ['nosuch.toml'], 78],
  ['a missing confdir', 'check -confdir DIR/nosuch', ['nosuch'], 78],
  // Resources.
  [
    'an unknown key of a resource',
    'check',
    ['web.toml:5', 'relod_cmd', 'did you mean reload_cmd?'],
    78,
    resource('relod_cmd = "true"\n'),
  ],
  [
    'an unclosed table',
    'check',
    ['web.toml:1', 'close the name of the table with ]'],
    78,
    { files: { 'conf.d/web.toml': '[template\n' } },
  ],
  [
    'a colon in place of =',
    'check',
    ['web.toml:2', 'key = value'],
    78,
    { files: { 'conf.d/web.toml': '[template]\nsrc: "web.njk"\n' } },
  ],
  [
    'typographic quotes',
    'check',
    ['web.toml:2', 'typographic quotes'],
    78,
    { files: { 'conf.d/web.toml': '[template]\nsrc = “web.njk”\n' } },
  ],
  [
    'a resource beside conf.d',
    'check',
    ['no resources', 'move DIR/web.toml into conf.d'],
    78,
    { files: { 'conf.d/web.toml': null, 'web.toml': GOOD['conf.d/web.toml'] ?? '' } },
  ],
  [
    'an HAProxy socket that is not an absolute path',
    'check',
    ['web.toml:7', 'run/admin.sock', 'absolute path'],
    78,
    resource('reload_cmd = "true"\n[template.haproxy]\nsocket = "run/admin.sock"\n'),
  ],
  [
    'an HAProxy socket with an invalid port',
    'check',
    ['web.toml:7', '127.0.0.1:99999'],
    78,
    resource('reload_cmd = "true"\n[template.haproxy]\nsocket = "127.0.0.1:99999"\n'),
  ],
  [
    'no dest',
    'check',
    ['web.toml', 'dest'],
    78,
    { files: { 'conf.d/web.toml': '[template]\nsrc = "web.njk"\nkeys = ["/a"]\n' } },
  ],
  [
    'no src',
    'check',
    ['web.toml', 'src'],
    78,
    { files: { 'conf.d/web.toml': '[template]\ndest = "/a"\nkeys = ["/a"]\n' } },
  ],
  [
    'keys that are not a list',
    'check',
    ['web.toml:4', 'keys'],
    78,
    { files: { 'conf.d/web.toml': '[template]\nsrc = "web.njk"\ndest = "/a"\nkeys = "/a"\n' } },
  ],
  [
    "a list in YAML's syntax",
    'check',
    ['web.toml:5', 'write the value on the same line, as in keys = ['],
    78,
    resource('reload_cmd =\n  - "true"\n'),
  ],
  [
    "a boolean in Python's case",
    'check',
    ['web.toml:5', 'write true or false, in lower case'],
    78,
    resource('allow_empty = True\n'),
  ],
  [
    'a semicolon',
    'check',
    ['web.toml:5', 'remove the text after the value'],
    78,
    resource('mode = "0644";\n'),
  ],
  [
    'a command in an array',
    'check',
    ['web.toml:5', 'write one string, as in check_cmd = "..."'],
    78,
    resource('check_cmd = ["nginx", "-t"]\n'),
  ],
  ['a number as owner', 'check', ['web.toml:5', 'write uid = 0'], 78, resource('owner = 0\n')],
  [
    'a misspelt template',
    'check',
    ['web.toml:2', 'did you mean src = "web.njk"?'],
    78,
    { files: { 'conf.d/web.toml': '[template]\nsrc = "wbe.njk"\ndest = "/tmp/a"\n' } },
  ],
  [
    'a template with its folder',
    'check',
    ['web.toml:2', 'did you mean src = "web.njk"?'],
    78,
    { files: { 'conf.d/web.toml': '[template]\nsrc = "templates/web.njk"\ndest = "/tmp/a"\n' } },
  ],
  [
    'a destination that names a folder',
    'check',
    ['web.toml:3', 'add the name of the file'],
    78,
    { files: { 'conf.d/web.toml': '[template]\nsrc = "web.njk"\ndest = "/tmp/"\n' } },
  ],
  [
    'a destination where no file can be created',
    ONCE,
    ['no file can be created in /proc'],
    1,
    {
      files: {
        'conf.d/web.toml': '[template]\nsrc = "web.njk"\ndest = "/proc/a"\nkeys = ["/services"]\n',
      },
    },
  ],
  [
    'a table in two cases',
    'check',
    ['write template in the same case everywhere'],
    78,
    {
      files: { 'conf.d/web.toml': '[Template]\nsrc = "web.njk"\n[template.guard]\nmin_keys = 1\n' },
    },
  ],
  ['an invalid mode', 'check', ['web.toml:5', 'mode'], 78, resource('mode = "rw-r--r--"\n')],
  [
    'an unknown owner',
    'check',
    ['there is no user nosuchuser'],
    0,
    resource('owner = "nosuchuser"\n'),
  ],
  ['an unknown output_format', 'check', ['jsn', 'json'], 78, resource('output_format = "jsn"\n')],
  [
    'an unknown key of a guard',
    'check',
    ['web.toml', 'max_removd'],
    78,
    resource('[template.guard]\nmax_removd = "10%"\n'),
  ],
  [
    'a missing template',
    'check',
    ['template web.njk is missing'],
    78,
    { files: { 'templates/web.njk': null } },
  ],
  ['no resources at all', 'check', ['conf.d'], 78, { files: { 'conf.d/web.toml': null } }],
  [
    'two resources for one file',
    'check',
    ['web.conf', 'other.toml'],
    78,
    { files: { 'conf.d/other.toml': GOOD['conf.d/web.toml'] ?? '' } },
  ],
  [
    'a check that looks at the file in place',
    'check',
    ['{{.src}}'],
    0,
    resource('check_cmd = "test -e DIR/out/web.conf"\n'),
  ],
  // Templates in nunjucks.
  [
    'a misspelt function',
    'check',
    ['web.njk:1', 'getvs', 'did you mean'],
    78,
    template('{{ gtvs("/a") }}\n{{ getvss("/services/web") }}'),
  ],
  [
    'an unclosed loop',
    'check',
    ['web.njk', 'endfor'],
    78,
    template('{% for s in gets("/services/web/*") %}x'),
  ],
  ['an unclosed variable', 'check', ['web.njk:1'], 78, template('{{ getv("/services/web/n1" ')],
  ['a missing include', 'check', ['nosuch.njk'], 78, template('{% include "nosuch.njk" %}')],
  [
    'a missing key',
    ONCE,
    ['/services/web/n9', 'give a default'],
    1,
    template('{{ getv("/services/web/n9") }}'),
  ],
  [
    'a directory read as a key',
    ONCE,
    ['/services/web', '"/services/web" is a directory: list it with gets("/services/web/*")'],
    1,
    template('{{ getv("/services/web") }}'),
  ],
  [
    'a pattern without its star',
    ONCE,
    ['no key was found', 'patterns', 'gets("/dir/*")'],
    0,
    template('{% for s in gets("/services/web") %}{{ s.value }}{% endfor %}'),
  ],
  [
    'a key that `keys` does not include',
    ONCE,
    ['/db/host', 'keys'],
    1,
    template('{{ getv("/db/host") }}'),
  ],
  ['an undefined variable', ONCE, ['web.njk:1', 'prot'], 1, template('{{ prot }}')],
  [
    'a value that is not JSON',
    ONCE,
    ['web.njk:1', 'JSON'],
    1,
    template('{{ json(getv("/services/web/n1")).port }}'),
  ],
  [
    'a template that includes itself',
    'check',
    ['web.njk'],
    78,
    template('{% include "web.njk" %}'),
  ],
  // Templates in Go.
  [
    'Go: a misspelt function',
    'check',
    ['web.tmpl:1', 'getvv', 'getv'],
    78,
    go('{{getvv "/services/web/n1"}}'),
  ],
  [
    'Go: a missing end',
    'check',
    ['web.tmpl', 'range', 'end'],
    78,
    go('{{range gets "/services/web/*"}}x\n'),
  ],
  [
    'Go: a misspelt field',
    ONCE,
    ['web.tmpl:1', 'Valu', 'Value'],
    1,
    go('{{range gets "/services/web/*"}}{{.Valu}}{{end}}'),
  ],
  [
    'Go: a misspelt variable',
    'check',
    ['web.tmpl:1', '$kye', 'did you mean $key?'],
    78,
    go('{{range $key := gets "/services/web/*"}}{{$kye.Value}}{{end}}'),
  ],
  ['Go: a number from a text that is not one', ONCE, ['web.tmpl:1', 'atoi'], 1, go('{{atoi "x"}}')],
  // Runs.
  [
    'a store that is not running',
    '-onetime -node 127.0.0.1:1 -timeout 300ms',
    ['127.0.0.1:1', 'check -node'],
    69,
  ],
  [
    'a missing keys file',
    '-onetime -file DIR/nosuch.yaml -timeout 300ms',
    ['nosuch.yaml', 'does not exist', '-file'],
    69,
  ],
  ['a keys file that is not YAML', ONCE, ['keys.yaml'], 69, { files: { 'keys.yaml': 'a: [1\n' } }],
  [
    'a missing destination folder',
    ONCE,
    ['nofolder', 'mkdirs'],
    1,
    {
      files: {
        'conf.d/web.toml':
          '[template]\nsrc = "web.njk"\ndest = "DIR/nofolder/web.conf"\nkeys = ["/services/web"]\n',
      },
    },
  ],
  [
    'a check that fails',
    ONCE,
    [
      'check_cmd failed with exit code 3: echo bad port in {{.src}}:7; exit 3',
      '| bad port in {{.src}}:7',
      'DIR/out/web.conf is unchanged',
    ],
    1,
    resource('check_cmd = "echo bad port in {{.src}}:7; exit 3"\n'),
  ],
  [
    'a reload that fails',
    ONCE,
    ['reload_cmd failed with exit code 4', 'owed'],
    1,
    resource('reload_cmd = "exit 4"\n'),
  ],
  [
    'a missing program',
    ONCE,
    ['nosuchprogram', '127'],
    1,
    resource('reload_cmd = "nosuchprogram"\n'),
  ],
  [
    'a missing program, found by -preflight',
    '-preflight -file DIR/keys.yaml',
    ['nosuchprogram', 'FAILED'],
    1,
    resource('reload_cmd = "nosuchprogram"\n'),
  ],
  ['no daemon', 'resync', ['no daemon'], 69],
  ['status before the first run', 'status', ['no daemon'], 69],
]

test('there are at least 60 of them', () => {
  expect(rows.length).toBeGreaterThanOrEqual(60)
  expect(new Set(rows.map(([mistake]) => mistake)).size).toBe(rows.length)
})

const named = rows.map((row) => ({ mistake: row[0], row }))

test.concurrent.each(named)('$mistake', async ({ row }) => {
  const [, argv, words, exit, { files = {}, env = {} } = {}] = row
  const dir = tempDir('mistake')
  try {
    for (const [name, text] of Object.entries({ ...GOOD, ...files })) {
      if (text === null) continue
      const path = join(dir, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text.replaceAll('DIR', dir))
    }
    mkdirSync(join(dir, 'conf.d'), { recursive: true })
    const args = argv.split(' ').map((word) => word.replace('DIR', dir))
    const { code, stdout, stderr } = await new Running(args, {
      CONFD_CONFDIR: dir,
      CONFD_STATE_DIR: join(dir, 'state'),
      CONFD_CONFIG_FILE: join(dir, 'confd.toml'),
      ...env,
    }).finished
    const said = stdout + stderr
    for (const word of words) expect(said).toContain(word.replace('DIR', dir))
    expect([code, said]).toEqual([exit, said])
    // Internal errors and stack traces do not help an operator.
    expect(said).not.toMatch(
      /this is a bug|\bat \S+ \(.*:\d+:\d+\)|undefined(?! variable)|\[object/,
    )
  } finally {
    removeDir(dir)
  }
})
