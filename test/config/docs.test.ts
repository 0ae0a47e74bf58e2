// docs/configuration.md carries the tables of options, keys and exit codes: they are generated from the
// code. `UPDATE_DOCS=1 npx vitest run test/config/docs.test.ts` writes them anew.
import { readFile, writeFile } from 'node:fs/promises'
import { format, resolveConfig } from 'prettier'
import { expect, test } from 'vitest'
import { exitCodes } from '../../src/config/help.ts'
import { envNames, optionNames, optionOf, tomlNames } from '../../src/config/options.ts'
import {
  guardGroupKeys,
  guardKeys,
  resourceKeys,
  templateKeys,
  type KeySpec,
} from '../../src/config/schema.ts'

const page = new URL('../../docs/configuration.md', import.meta.url).pathname

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
  table: 'table',
  tables: 'array of tables',
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

const tables: Record<string, string> = {
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
  'resource keys': keyTable(resourceKeys),
  'guard keys': keyTable(guardKeys),
  'guard group keys': keyTable(guardGroupKeys),
  'exit codes': table(
    ['Code', 'Meaning'],
    exitCodes.map(([number, meaning]) => [String(number), meaning]),
  ),
}

test('the tables of docs/configuration.md are those of the code', async () => {
  const text = await readFile(page, 'utf8')
  let wanted = text
  for (const [name, rows] of Object.entries(tables)) {
    const [begin, end] = [`<!-- ${name}: generated -->`, `<!-- end of ${name} -->`]
    expect(text).toContain(begin)
    expect(text).toContain(end)
    const [before = ''] = wanted.split(begin, 1)
    wanted = `${before}${begin}\n\n${rows}\n\n${wanted.slice(wanted.indexOf(end))}`
  }
  wanted = await format(wanted, { ...(await resolveConfig(page)), filepath: page })
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(page, wanted)
  else expect(text).toBe(wanted)
})
