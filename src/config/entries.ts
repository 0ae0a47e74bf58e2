// Maps an entry of confd.toml to its option and value.
import { err, ok } from '../core/result.ts'
import { optionNames, parseValue, tomlNames, type Option, type OptionName } from './options.ts'
import { describeType, durationFrom, type ParseResult } from './values.ts'

/** Options by the names of their entries in confd.toml. */
export const byEntry = new Map<string, OptionName>(
  optionNames.flatMap((name) => tomlNames(name).map((entry) => [entry, name])),
)

/** Returns the option of an entry. Ignores case, as confd does. */
export const optionOfEntry = (entry: string): OptionName | undefined =>
  byEntry.get(entry) ?? byEntry.get(entry.toLowerCase())

/** Returns the value of an entry, converted to the type of the option. An error is a complete message. */
export function readEntry(option: Option, entry: string, value: unknown): ParseResult<unknown> {
  const wanted = (type: string) => err(`${entry} must be ${type}, not ${describeType(value)}`)
  if (option.type === 'boolean')
    return typeof value === 'boolean' ? ok(value) : wanted('true or false')
  if (option.type === 'list') {
    const good = Array.isArray(value) && value.every((item) => typeof item === 'string')
    return good ? ok(value) : err(`${entry} must be an array of strings, as in ${entry} = ["..."]`)
  }
  if (option.type === 'duration') {
    if (typeof value !== 'number' && typeof value !== 'string') return wanted('a duration')
    const parsed = durationFrom(value, option.least)
    return parsed.ok ? parsed : err(`${entry}: ${JSON.stringify(value)} is not ${parsed.error}`)
  }
  // A size in bytes may be a number without quotes.
  const text = option.type === 'size' && typeof value === 'number' ? String(value) : value
  if (typeof text !== 'string') return wanted(option.type === 'size' ? 'a size' : 'a string')
  const parsed = parseValue(option, text)
  return parsed.ok ? parsed : err(`${entry}: "${text}" is not ${parsed.error}`)
}
