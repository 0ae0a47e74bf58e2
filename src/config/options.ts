// The table of settings, and the conversion of text to their values. Settings that confd also has keep confd's names,
// meanings and default paths.
import { parseAddress, parseBoolean, parseDuration, parseSize, type ParseResult } from './values.ts'
import { err, ok } from '../core/result.ts'
import { nearest } from './nearest.ts'
import { machineOptions } from './options/machine.ts'
import { modeOptions } from './options/mode.ts'
import type { Option } from './options/option.ts'
import { outputOptions } from './options/output.ts'
import { foreignBackends, storeOptions } from './options/store.ts'

export type { OptionGroup, Option } from './options/option.ts'

export const options = { ...modeOptions, ...storeOptions, ...machineOptions, ...outputOptions }

export type OptionName = keyof typeof options

type OptionValue<O extends Option> = O extends { choices: readonly (infer C)[] }
  ? C
  : {
      boolean: boolean
      text: string
      list: readonly string[]
      duration: number
      size: number
      choice: string
      address: string
    }[O['type']]

/** The values of all given options by flag name. Durations are in milliseconds, sizes in bytes. */
export type Values = { readonly [N in OptionName]?: OptionValue<(typeof options)[N]> }

export const optionNames = Object.keys(options) as readonly OptionName[]
export const optionOf = (name: OptionName): Option => options[name]

/** The placeholder for an option's value in the usage. */
export function placeholder(name: OptionName): string {
  const option = optionOf(name)
  return option.placeholder ?? (option.choices?.join('|') || option.type)
}

/** The name and the aliases of an option, except one-letter aliases, which exist only on the command line. */
const spellings = (name: OptionName): readonly string[] => [
  name,
  ...(optionOf(name).aliases ?? []).filter((alias) => alias.length > 1),
]

export const variableOf = (flag: string): string =>
  `CONFD_${flag.toUpperCase().replaceAll('-', '_')}`

/** The environment variables of an option: the documented one first, then aliases. */
export function envNames(name: OptionName): readonly string[] {
  const { env } = optionOf(name)
  if (env?.length === 0) return []
  return [...new Set([...(env ?? []), ...spellings(name).map(variableOf)])]
}

/** The entries of an option in confd.toml: the documented one first, then aliases. */
export function tomlNames(name: OptionName): readonly string[] {
  const { toml } = optionOf(name)
  if (toml === null) return []
  const own = spellings(name).flatMap((one) => [one, one.replaceAll('-', '_')])
  return [...new Set([...(toml ?? []), ...own])]
}

/** Parses one value; for a list, one element. */
export function parseValue(option: Option, text: string): ParseResult<string | boolean | number> {
  if (option.type === 'boolean') return parseBoolean(text)
  if (option.type === 'duration') return parseDuration(text, option.least)
  if (option.type === 'size') return parseSize(text)
  if (option.type === 'address') return parseAddress(text)
  if (option.type !== 'choice') return ok(text)
  const choices = option.choices ?? []
  const synonyms = new Map(Object.entries(option.synonyms ?? {}))
  // Case-insensitive, as in confd, which accepts INFO for info.
  const lower = text.toLowerCase()
  const value = synonyms.get(lower) ?? lower
  if (choices.includes(value)) return ok(value)
  if (option === options.backend && foreignBackends.has(text)) {
    return err(`a supported store; the stores are ${choices.join(', ')}`)
  }
  const near = nearest(text, choices)
  return err(`one of ${choices.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`)
}
