// Tests the table "Which function for which file": programs that read the files in the table must get the exact value.
import { execFileSync, spawnSync } from 'node:child_process'
import { parse as parseToml } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { render } from '../../src/index.ts'
import { quotings, type Quoting } from './quoting.ts'

const HOSTILE = [
  'plain',
  '',
  `it's "q" \\ \\n $HOME \`echo x\` $(echo x) # % é ; {b} &<>`,
  `'`,
  `"`,
  '\\',
  'two\nlines\n',
  ' blanks ',
  'yes',
  '0644',
  '\t\u007f!',
]

async function written(engine: 'nunjucks' | 'go', how: Quoting, value: string): Promise<string> {
  const [before, after] = how.around
  const template =
    engine === 'go'
      ? `{{$v := getv "/v"}}${before}${how.go}${after}`
      : `{% set v = getv("/v") %}${before}${how.nunjucks}${after}`
  const made = await render({ template, engine, keys: { v: value } })
  if (!made.ok) throw new Error(made.error.message)
  return made.value.text
}

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined

/** For each kind of file, a function that reads the value from such a file. */
const READERS: Readonly<Record<string, (text: string) => string>> = {
  json: (text) => (JSON.parse(text) as { v: string }).v,
  yaml: (text) => (parseYaml(text) as { v: string }).v,
  toml: (text) => (parseToml(text) as { v: string }).v,
  url: (text) => decodeURIComponent(text.replaceAll('+', '%20')),
}

const shell = (program: string) => (text: string) =>
  execFileSync(program, ['-c', `${text}printf %s "$V"`]).toString()

/** Reads a value in double quotes like systemd's parser of environment files. */
const systemd = (text: string): string =>
  text.slice('V="'.length, -'"\n'.length).replace(/\\(["\\$`])/g, '$1')

const rows: (readonly [name: string, read: (text: string) => string])[] = [
  ...Object.entries(READERS),
  ['shell', shell('sh')],
  ...['bash', 'zsh', 'dash'].filter(has).map((program) => ['shell', shell(program)] as const),
  ['systemd', systemd],
  ...(has('sqlite3')
    ? [
        [
          'sql',
          (text: string) =>
            execFileSync('sqlite3', ['-noheader', ':memory:', text]).toString().slice(0, -1),
        ] as const,
      ]
    : []),
]

describe.each(rows)('%s', (name, read) => {
  it.each(['nunjucks', 'go'] as const)('in %s', async (engine) => {
    for (const value of HOSTILE) {
      expect(read(await written(engine, quotings[name] as Quoting, value))).toBe(value)
    }
  })
})

it.each(['nunjucks', 'go'] as const)('anything else is refused in %s', async (engine) => {
  const other = quotings['other'] as Quoting
  expect(await written(engine, other, 'web-1.example.com:80')).toBe('web-1.example.com:80')
  await expect(written(engine, other, 'a;b')).rejects.toThrow('odd name')
})
