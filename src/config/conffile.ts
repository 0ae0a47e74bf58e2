// confd.toml: read, checked against the table of options, and turned into values.
import { readFile } from 'node:fs/promises'
import type { Fault } from '../core/fault.ts'
import { err, ok } from '../core/result.ts'
import { nearest } from './nearest.ts'
import {
  optionNames,
  optionOf,
  parseValue,
  tomlNames,
  unsupported,
  type Option,
  type OptionName,
  type Values,
} from './options.ts'
import { readStores } from './stores.ts'
import { parseToml, type TomlDocument } from './toml.ts'
import { describeType, durationFrom, type Parsed } from './values.ts'

/** By the name of the entry in confd.toml. */
export const byEntry = new Map<string, OptionName>(
  optionNames.flatMap((name) => tomlNames(name).map((entry) => [entry, name])),
)

export interface ConfFile {
  readonly values: Values
  /** Of the named stores. */
  readonly stores: ReadonlyMap<string, Values>
  readonly faults: readonly Fault[]
}

/**
 * Reads confd.toml.
 * @param required false for the default path, where a missing file means no settings
 */
export async function readConfFile(file: string, required: boolean): Promise<ConfFile> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    const missing = code === 'ENOENT' || code === 'ENOTDIR'
    if (missing && !required) return nothing
    const message = missing ? 'the settings file is missing' : `cannot be read: ${code}`
    const hint = missing
      ? 'it was named by -conf-file or CONFD_CONFIG_FILE'
      : 'check its permissions'
    return { ...nothing, faults: [{ kind: 'config', message, hint, file }] }
  }
  const document = parseToml(file, text)
  return document.ok ? readEntries(document.value) : { ...nothing, faults: [document.error] }
}

const nothing: ConfFile = { values: {}, stores: new Map(), faults: [] }

function readEntries(document: TomlDocument): ConfFile {
  const values: Record<string, unknown> = {}
  const faults: Fault[] = []
  const { stores: named = {}, ...entries } = document.data
  const stores = readStores(document, named, faults)
  for (const [entry, value] of Object.entries(entries)) {
    const name = byEntry.get(entry)
    if (name === undefined) {
      const fault = unknownEntry(document, entry, value)
      if (fault !== undefined) faults.push(fault)
      continue
    }
    if (values[name] !== undefined) {
      faults.push(document.fault([entry], 'key', `${entry} is set twice, under two spellings`))
      continue
    }
    const read = readEntry(optionOf(name), entry, value)
    if (read.ok) values[name] = read.value
    else faults.push(document.fault([entry], 'value', read.error))
  }
  return { values, stores, faults }
}

/** The value, or the whole message. */
export function readEntry(option: Option, entry: string, value: unknown): Parsed<unknown> {
  const wanted = (type: string) => err(`${entry} must be ${type}, not ${describeType(value)}`)
  if (option.type === 'boolean')
    return typeof value === 'boolean' ? ok(value) : wanted('true or false')
  if (option.type === 'list') {
    const good = Array.isArray(value) && value.every((item) => typeof item === 'string')
    return good ? ok(value) : err(`${entry} must be an array of strings`)
  }
  if (option.type === 'duration') {
    if (typeof value !== 'number' && typeof value !== 'string') return wanted('a duration')
    const parsed = durationFrom(value, option.least)
    return parsed.ok ? parsed : err(`${entry}: ${JSON.stringify(value)} is not ${parsed.error}`)
  }
  if (typeof value !== 'string') return wanted('a string')
  const parsed = parseValue(option, value)
  return parsed.ok ? parsed : err(`${entry}: "${value}" is not ${parsed.error}`)
}

function unknownEntry(document: TomlDocument, entry: string, value: unknown): Fault | undefined {
  const flag = entry.replaceAll('_', '-')
  if (Object.hasOwn(unsupported, flag)) {
    // `srv_domain = ""` asks for nothing.
    if (value === '' || value === false) return undefined
    const message = `setting ${entry} of confd is not supported by reconfd yet`
    return document.fault([entry], 'key', message, unsupported[flag] ?? 'take the line out')
  }
  const near = nearest(entry, byEntry.keys())
  const hint =
    near === undefined ? 'docs/configuration.md lists all settings' : `did you mean ${near}?`
  return document.fault([entry], 'key', `unknown setting ${entry}`, hint)
}
