// The manual page: its entries, and mandoc's report on its markup.
import { execa } from 'execa'
import { beforeAll, expect, test } from 'vitest'
import { commandFlags, commandNames } from '../../src/config/commands.ts'
import { exitCodes } from '../../src/config/help.ts'
import { manPage } from '../../src/config/man.ts'
import { optionNames, optionOf } from '../../src/config/options.ts'
import { guardKeys, resourceFileKeys, templateKeys } from '../../src/config/schema.ts'
import { serverBinary } from '../support/servers.ts'

const page = manPage('1.2.3')

const mandoc = (...args: readonly string[]) => {
  const { path, env } = serverBinary('mandoc')
  return execa(path, args, { env, input: page, reject: false })
}

/** The rendered page, without the overstrikes that mandoc writes for bold and underlining. */
let text = ''
beforeAll(async () => {
  const { stdout } = await mandoc('-T', 'utf8', '-O', 'width=200')
  text = stdout.replace(/.\x08/g, '')
})

/** Returns the first word of each line. These words include the names of all entries. */
const heads = (): string[] => text.split('\n').map((line) => line.trim().split(/[ ,]/)[0] ?? '')

test('its markup is valid', async () => {
  const { stdout } = await mandoc('-T', 'lint', '-W', 'warning')
  // The page has no date, so that the same version always builds the same page.
  const lines = stdout.split('\n').filter((line) => line !== '' && !line.includes('missing date'))
  expect(lines).toEqual([])
})

test('every flag, command, key and exit code has its entry', () => {
  const wanted = [
    ...optionNames.map((name) => `-${name}`),
    ...commandNames,
    ...[templateKeys, resourceFileKeys, guardKeys].flatMap((keys) => Object.keys(keys)),
    ...exitCodes.map(([code]) => String(code)),
  ]
  expect(heads()).toEqual(expect.arrayContaining(wanted))
  for (const flag of commandFlags.keys()) expect(text).toContain(`-${flag}: `)
  for (const name of optionNames)
    for (const alias of optionOf(name).aliases ?? []) expect(text).toContain(`, -${alias}`)
})

test('dashes, quotes and backslashes can be copied from it', () => {
  expect(text).toContain('reconfd -watch -backend etcd -node 127.0.0.1:2379')
  expect(text).toContain('"50%" or a number')
  expect(text).toContain("the server's certificate")
  expect(text).not.toMatch(/[‐−’“”]/u)
})

test('other names of a setting are listed', () => {
  const about = (flag: string): string =>
    new RegExp(`\\n +-${flag}[ ,][^\\n]*\\n([^]*?)\\n\\n`).exec(text)?.[1] ?? ''
  expect(about('node')).toMatch(/In the environment: CONFD_NODES\..*In\s+confd\.toml:\s+nodes\./s)
  expect(about('conf-file')).toContain('CONFD_CONFIG_FILE')
  expect(about('log-level')).not.toContain('In the environment')
})

test('it contains its version', () => {
  expect(text.trimEnd().split('\n').at(-1)).toContain('reconfd 1.2.3')
})
