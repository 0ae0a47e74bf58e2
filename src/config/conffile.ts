// confd.toml: read, checked against the table of options, and turned into values.
import { readFile } from 'node:fs/promises'
import type { Fault } from '../core/fault.ts'
import type { ExecSettings } from '../core/exec.ts'
import { byEntry, readEntry } from './entries.ts'
import { readExec } from './exec.ts'
import { nearest } from './nearest.ts'
import { optionOf, unsupported, type Values } from './options.ts'
import { readStores } from './stores.ts'
import { parseToml, type Entries } from './toml.ts'

export interface ConfFile {
  readonly values: Values
  /** Of the named stores. */
  readonly stores: ReadonlyMap<string, Values>
  /** `[exec]`. */
  readonly exec?: ExecSettings
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

/** Settings under the names of confd.toml; every fault is in the result. */
export function readEntries(document: Entries): ConfFile {
  const values: Record<string, unknown> = {}
  const faults: Fault[] = []
  const { stores: named = {}, exec: table, ...entries } = document.data
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
  const exec = table === undefined ? {} : { exec: readExec(document, table, faults) }
  return { values, stores, ...exec, faults }
}

function unknownEntry(document: Entries, entry: string, value: unknown): Fault | undefined {
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
