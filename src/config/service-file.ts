// Reads the service files of `register -conf`: one service per TOML file.
import { readdir, readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import {
  checkFrom,
  pathComponentFault,
  type CheckSettings,
  type OwnService,
} from '../core/register.ts'
import { err, ok, type Result } from '../core/result.ts'
import { defined } from './defined.ts'
import type { KeySpec } from './schema.ts'
import { readTable } from './table.ts'
import { parseTomlDocument, type TomlDocument } from './toml.ts'

/** The keys of a service file; a test compares docs/register.md with them. */
export const serviceKeys = {
  name: { type: 'string', required: true, doc: 'The name of the service.' },
  id: { type: 'string', doc: 'The id of the service; default HOST:NAME:PORT.' },
  address: { type: 'string', doc: 'The address of the service; default: the value of -ip.' },
  port: { type: 'count', least: 1, required: true, doc: 'The port of the service.' },
  tags: { type: 'strings', doc: 'The tags of the service, in stores that have tags.' },
  meta: {
    type: 'table',
    doc: 'The metadata for the service, a table of strings, in stores that have metadata.',
  },
  check: { type: 'string', doc: 'Same as -check.' },
  check_interval: { type: 'duration', least: 100, doc: 'Overrides -check-interval.' },
  check_timeout: { type: 'duration', least: 1, doc: 'Overrides -check-timeout.' },
  rise: { type: 'count', least: 1, doc: 'Overrides -rise.' },
  fall: { type: 'count', least: 1, doc: 'Overrides -fall.' },
} as const satisfies Readonly<Record<string, KeySpec>>

export interface FileService extends OwnService {
  readonly checks: Partial<CheckSettings>
}

/** Returns the service or the faults in each file, by path. Fails if the folder cannot be read. */
export async function readServiceFiles(
  folder: string,
): Promise<Result<ReadonlyMap<string, Result<FileService, readonly Fault[]>>, Fault>> {
  const files = new Map<string, Result<FileService, readonly Fault[]>>()
  let names: string[]
  try {
    names = (await readdir(folder)).sort()
  } catch (error) {
    return err(ioFault(`cannot read the folder of services ${folder}`, error))
  }
  for (const name of names) {
    // Files whose names begin with a dot are copies that editors and Kubernetes keep.
    if (name.startsWith('.') || !name.endsWith('.toml')) continue
    const file = join(folder, name)
    const text = await readFile(file, 'utf8').catch((error: unknown) =>
      ioFault('cannot be read', error),
    )
    if (typeof text !== 'string') {
      files.set(file, err([{ ...text, file }]))
      continue
    }
    const document = parseTomlDocument(file, text)
    files.set(file, document.ok ? serviceIn(document.value) : err([document.error]))
  }
  return ok(files)
}

function serviceIn(document: TomlDocument): Result<FileService, readonly Fault[]> {
  const faults: Fault[] = []
  const table = readTable(document, [], document.data, serviceKeys, faults)
  const wrong = (key: keyof typeof serviceKeys, message: string, hint: string): void => {
    faults.push(document.fault([key], 'value', `${key} ${message}`, hint))
  }
  for (const key of ['name', 'id'] as const) {
    const why = table[key] === undefined ? undefined : pathComponentFault(table[key])
    if (why !== undefined)
      wrong(key, why, 'choose a value that can be one component of a path in the store')
  }
  const { address, port = 0, meta = {} } = table
  if (port > 65_535) wrong('port', 'is above 65535', 'set a port from 1 to 65535')
  if (address !== undefined && !isAddress(address)) {
    wrong('address', 'is not an address', 'write an IP address or a host name, without a port')
  }
  for (const [key, value] of Object.entries(meta)) {
    if (typeof value === 'string') continue
    faults.push(document.fault(['meta', key], 'value', `meta.${key} must be a string`, 'quote it'))
  }
  const check = table.check === undefined ? undefined : checkFrom(table.check)
  if (table.check !== undefined && check === undefined) {
    wrong('check', 'is invalid', 'set it to http://HOST:PORT/PATH, tcp, or a command')
  }
  if (faults.length > 0) return err(faults)
  const checks = defined({
    interval: table.check_interval,
    timeout: table.check_timeout,
    rise: table.rise,
    fall: table.fall,
  })
  const service = {
    name: table.name ?? '',
    id: table.id,
    address,
    port,
    tags: table.tags ?? [],
    meta: meta as Readonly<Record<string, string>>,
    check,
  }
  return ok({ ...defined(service), checks })
}

/** An IP address or a host name. */
export const isAddress = (text: string): boolean =>
  isIP(text) !== 0 || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?$/i.test(text)
