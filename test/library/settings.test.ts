// The type of a run's settings is generated from the table of options. `UPDATE_DOCS=1 npx vitest run
// test/library/settings.test.ts` regenerates it.
import { readFile, writeFile } from 'node:fs/promises'
import { format, resolveConfig } from 'prettier'
import { expect, test } from 'vitest'
import { commandOnly } from '../../src/config/given.ts'
import {
  optionNames,
  optionOf,
  tomlNames,
  type Option,
  type OptionName,
} from '../../src/config/options.ts'

const file = new URL('../../src/library/settings.ts', import.meta.url).pathname

const typeOf = ({ type, choices = [], synonyms = {} }: Option): string =>
  ({
    boolean: 'boolean',
    text: 'string',
    list: 'readonly string[]',
    duration: 'Duration',
    size: 'number | string',
    choice: [...choices, ...Object.keys(synonyms)].map((one) => `'${one}'`).join(' | '),
    address: 'string',
  })[type]

/** Descriptions of the options that behave differently in the library than in the command. */
const OTHERWISE: Partial<Record<OptionName, string>> = {
  backend: 'The kind of the store; etcd means etcdv3. Default: etcdv3, or file if `file` is set.',
  onetime: 'Apply all resources once, then stop.',
  'conf-file':
    'A settings file in TOML, for settings that are set neither here nor in `env`. Default: none.',
}

/** Returns the name of the option in confd.toml, with `_` instead of `-`. */
const nameOf = (name: OptionName): string => (tomlNames(name)[0] ?? name).replaceAll('-', '_')

function fields(isStore: boolean): string {
  const names = optionNames.filter(
    (name) => !commandOnly.has(name) && (optionOf(name).group === 'Store') === isStore,
  )
  return names
    .map((name) => {
      const option = optionOf(name)
      const usual = option.default === undefined ? '' : ` Default: ${option.default}.`
      const help = `${option.help[0]?.toUpperCase() ?? ''}${option.help.slice(1)}.${usual}`
      return `  /** ${OTHERWISE[name] ?? help} */\n  readonly ${nameOf(name)}?: ${typeOf(option)} | undefined\n`
    })
    .join('')
}

const wanted = `// The settings of a run, under the names of confd.toml. docs/configuration.md describes them.
// Generated from config/options.ts by test/library/settings.test.ts.

/** Seconds, or a string such as \`'250ms'\`, \`'10s'\` or \`'1m30s'\`. */
export type Duration = number | string

/** The settings of one store. */
export interface StoreSettings {
${fields(true)}}

/** The settings of a whole run. The inherited settings are those of the default store. */
export interface Settings extends StoreSettings {
  /** Further stores by name. A key that begins with \`NAME:\` belongs to the store NAME. */
  readonly stores?: Readonly<Record<string, StoreSettings>> | undefined
${fields(false)}}
`

test('the type of the settings matches the table of options', async () => {
  const code = await format(wanted, { ...(await resolveConfig(file)), filepath: file })
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(file, code)
  expect(await readFile(file, 'utf8')).toBe(code)
})
