// Reads confd.toml, checks it against the table of options and converts it to values.
import { readFile } from 'node:fs/promises'
import type { Fault } from '../core/fault.ts'
import { byEntry, optionOfEntry, readEntry } from './entries.ts'
import type { ExecSettings } from '../core/exec.ts'
import { readExec } from './exec.ts'
import {
  foreignOf,
  isUnsupported,
  unsupportedFault,
  acceptedNotice,
  type ForeignSetting,
} from './foreign.ts'
import { nearest } from './nearest.ts'
import { warning, type SettingsNotice } from './notice.ts'
import { optionOf, type Values } from './options.ts'
import { resourceFileKeys } from './schema.ts'
import { readStores } from './stores.ts'
import { withKnownCase } from './table.ts'
import { parseTomlDocument, type TomlEntries } from './toml.ts'
import { describeType } from './values.ts'

export interface ConfFile {
  readonly values: Values
  /** Values of the stores in `[stores.NAME]`, by name. */
  readonly stores: ReadonlyMap<string, Values>
  /** `[exec]`. */
  readonly exec?: ExecSettings
  readonly faults: readonly Fault[]
  readonly notices: readonly SettingsNotice[]
}

/**
 * Reads confd.toml.
 * @param required false for the default path: a missing file then means that there are no settings
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
      ? 'create it, or correct -conf-file or CONFD_CONFIG_FILE'
      : 'check that it is a file and that reconfd may read it'
    return { ...nothing, faults: [{ kind: 'config', message, hint, file }] }
  }
  const document = parseTomlDocument(file, text)
  if (!document.ok) return { ...nothing, faults: [document.error] }
  return withKnownCase(document.value.data, ['template'])['template'] === undefined
    ? readEntries(document.value)
    : ofResource(document.value, file)
}

const nothing: ConfFile = { values: {}, stores: new Map(), faults: [], notices: [] }

/** Reads settings that are named as in confd.toml. The result contains all faults. */
export const readEntries = (document: TomlEntries): ConfFile => new ConfFileReader(document).read()

/** Reads a resource file that was passed as -conf-file. Ignores the keys of resources, as confd does. */
function ofResource(document: TomlEntries, file: string): ConfFile {
  const ofItsOwn = new Set(['template', 'backend', ...Object.keys(resourceFileKeys)])
  const isSetting = ([key, value]: [string, unknown]): boolean =>
    !ofItsOwn.has(key) || (key === 'backend' && typeof value === 'string')
  const entries = Object.entries(withKnownCase(document.data, [...ofItsOwn]))
  const data = Object.fromEntries(entries.filter(isSetting))
  const read = readEntries({
    data,
    fault: (...where) => document.fault(...where),
  })
  const message = `${file} is a resource, so its [template] is ignored: remove -conf-file; resources belong in conf.d`
  return { ...read, notices: [warning(message), ...read.notices] }
}

class ConfFileReader {
  readonly #values: Record<string, unknown> = {}
  /** Values of settings from old confd versions or confd's fork, used if reconfd's own setting is not set. */
  readonly #weak: Record<string, unknown> = {}
  readonly #faults: Fault[] = []
  readonly #notices: SettingsNotice[] = []

  constructor(private readonly document: TomlEntries) {}

  read(): ConfFile {
    const {
      stores: named = {},
      exec: table,
      confd,
      ...entries
    } = withKnownCase(this.document.data, ['stores', 'exec', 'confd'])
    const stores = readStores(this.document, named, this.#faults)
    for (const [entry, value] of Object.entries(entries)) this.#entry(entry, value)
    const former = confd === undefined ? undefined : this.#tableOfOldConfd(confd)
    const exec = table === undefined ? {} : { exec: readExec(this.document, table, this.#faults) }
    return {
      values: { ...former, ...this.#weak, ...this.#values },
      stores,
      ...exec,
      faults: this.#faults,
      notices: this.#notices,
    }
  }

  #entry(entry: string, value: unknown): void {
    const name = optionOfEntry(entry)
    if (name === undefined) return this.#unknown(entry, value)
    if (this.#values[name] !== undefined) {
      this.#fault(entry, 'key', `${entry} is set twice, under two spellings`)
      return
    }
    const read = readEntry(optionOf(name), entry, value)
    if (read.ok) this.#values[name] = read.value
    else this.#fault(entry, 'value', read.error)
  }

  #unknown(entry: string, value: unknown): void {
    const foreign = foreignOf(entry.replaceAll('_', '-'))
    if (foreign !== undefined) return this.#foreign(entry, value, foreign)
    const near = nearest(entry, byEntry.keys())
    const hint =
      near === undefined ? 'see docs/configuration.md for all settings' : `did you mean ${near}?`
    this.#fault(entry, 'key', `unknown setting ${entry}`, hint)
  }

  #foreign(entry: string, value: unknown, foreign: ForeignSetting): void {
    if (isUnsupported(foreign)) {
      // `role_id = ""` and `NAME = false` set nothing, so they are not faults.
      if (value === '' || value === false) return
      const { message, hint } = unsupportedFault(`setting ${entry}`, foreign)
      this.#fault(entry, 'key', message, hint)
      return
    }
    const { option: name, value: fixed, isSwitch } = foreign
    if (isSwitch === true && typeof value !== 'boolean') {
      this.#fault(entry, 'value', `${entry} must be true or false, not ${describeType(value)}`)
      return
    }
    const isOn = value !== false
    this.#notices.push(acceptedNotice(entry, foreign, isOn))
    if (name === undefined || !isOn) return
    const option = optionOf(name)
    const single = option.type === 'list' && typeof value === 'string' ? [value] : value
    const read = readEntry(option, entry, isSwitch === true ? valueOf(fixed) : single)
    if (read.ok) this.#weak[name] = read.value
    else this.#fault(entry, 'value', read.error)
  }

  /** Reads the table [confd], which contained all settings before confd 0.6. Later versions of confd ignore it. */
  #tableOfOldConfd(table: unknown): Values {
    if (describeType(table) !== 'a table') {
      this.#fault('confd', 'value', `confd must be a table, not ${describeType(table)}`)
      return {}
    }
    const { faults, notices, values } = readEntries({
      data: table as Record<string, unknown>,
      fault: (path, ...more) => this.document.fault(['confd', ...path], ...more),
    })
    this.#faults.push(...faults)
    const message =
      'the settings in the table [confd], from old confd versions, are used: move them to the top level and remove [confd]'
    this.#notices.push(warning(message), ...notices)
    return values
  }

  #fault(entry: string, part: 'key' | 'value', message: string, hint?: string): void {
    this.#faults.push(this.document.fault([entry], part, message, hint))
  }
}

/** Converts the value of a foreign switch, which is text, to the type that confd.toml requires. */
const valueOf = (text: string | undefined): string | boolean =>
  text === 'true' ? true : (text ?? '')
