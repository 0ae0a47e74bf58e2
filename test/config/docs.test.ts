// The tables of options, keys and exit codes in docs/configuration.md, docs/exec.md and docs/register.md are generated
// from the code. `UPDATE_DOCS=1 npx vitest run test/config/docs.test.ts` regenerates them.
import { readFile, writeFile } from 'node:fs/promises'
import { format, resolveConfig } from 'prettier'
import { expect, test } from 'vitest'
import { execEnvKeys, execKeys } from '../../src/config/exec.ts'
import { haproxyKeys } from '../../src/config/haproxy.ts'
import { exitCodes } from '../../src/config/help.ts'
import { envNames, optionNames, optionOf, tomlNames } from '../../src/config/options.ts'
import { registerFlags, type RegisterFlag } from '../../src/config/register-flags.ts'
import { serviceKeys } from '../../src/config/service-file.ts'
import {
  guardGroupKeys,
  guardKeys,
  resourceFileKeys,
  templateKeys,
  type KeySpec,
} from '../../src/config/schema.ts'

const code = (text: string | undefined): string => (text === undefined ? '' : `\`${text}\``)
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')

const types: Record<KeySpec['type'], string> = {
  string: 'string',
  delimiter: 'string',
  strings: 'array of strings',
  id: 'integer',
  boolean: 'boolean',
  mode: 'string',
  duration: 'duration',
  count: 'integer',
  limit: 'integer or string',
  choice: 'string',
  words: 'string or array of strings',
  table: 'table',
  tables: 'array of tables',
  'one or more': 'string or array of strings',
}

const keyTable = (keys: Readonly<Record<string, KeySpec>>): string =>
  table(
    ['Key', 'Type', 'Meaning'],
    Object.entries(keys).map(([key, spec]) => [
      code(key),
      types[spec.type] + (spec.required === true ? ', required' : ''),
      spec.doc,
    ]),
  )

const registerRows = (Object.entries(registerFlags) as [string, RegisterFlag][]).map(
  ([name, { placeholder, default: value, help }]) => [
    code(placeholder === undefined ? `-${name}` : `-${name} ${placeholder.replaceAll('|', '\\|')}`),
    code(value),
    help.replaceAll('|', '\\|'),
  ],
)

const configuration: Record<string, string> = {
  options: table(
    ['Flag', 'Environment', 'confd.toml', 'Default', 'Meaning'],
    optionNames.map((name) => {
      const option = optionOf(name)
      const [variable] = envNames(name)
      const [entry] = tomlNames(name)
      return [code(`-${name}`), code(variable), code(entry), code(option.default), option.help]
    }),
  ),
  keys: keyTable(templateKeys),
  'resource keys': keyTable(resourceFileKeys),
  'guard keys': keyTable(guardKeys),
  'guard group keys': keyTable(guardGroupKeys),
  'haproxy keys': keyTable(haproxyKeys),
  'exit codes': table(
    ['Code', 'Meaning'],
    exitCodes.map(([number, meaning]) => [String(number), meaning]),
  ),
}

const exec: Record<string, string> = {
  'exec keys': keyTable(execKeys),
  'exec.env keys': keyTable(execEnvKeys),
}

const register: Record<string, string> = {
  'register flags': table(['Flag', 'Default', 'Meaning'], registerRows),
  'service keys': keyTable(serviceKeys),
}

test.each([
  ['configuration.md', configuration],
  ['exec.md', exec],
  ['register.md', register],
] as const)('the tables of docs/%s are those of the code', async (name, tables) => {
  const page = new URL(`../../docs/${name}`, import.meta.url).pathname
  const text = await readFile(page, 'utf8')
  let wanted = text
  for (const [title, rows] of Object.entries(tables)) {
    const [begin, end] = [`<!-- ${title}: generated -->`, `<!-- end of ${title} -->`]
    expect(text).toContain(begin)
    expect(text).toContain(end)
    const [before = ''] = wanted.split(begin, 1)
    wanted = `${before}${begin}\n\n${rows}\n\n${wanted.slice(wanted.indexOf(end))}`
  }
  wanted = await format(wanted, { ...(await resolveConfig(page)), filepath: page })
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(page, wanted)
  else expect(text).toBe(wanted)
})
