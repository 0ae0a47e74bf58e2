// Reads all resources of conf.d and reports all their faults at once.
import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Fault } from '../core/fault.ts'
import { hidingOutput, resourceKeys } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Settings, StoreSettings } from '../core/settings.ts'
import { checkAcross } from './across.ts'
import { sharedNames } from './env-keys.ts'
import { findFiles, notRead, unreadableFault, withoutResources } from './files.ts'
import { createOwnerResolver, type ResolveOwner } from './owners.ts'
import {
  withPrevious,
  type InvalidResource,
  type Definitions,
  type RefusedResource,
} from './refused.ts'
import { readResource, type ReadResource } from './resource.ts'
import { selectResources } from './selection.ts'
import { parseTomlDocument } from './toml.ts'

export interface LoadedResources extends Definitions {
  /** Invalid resources that do not prevent the run. */
  readonly refused: readonly RefusedResource[]
  /** Probable mistakes that do not prevent the run. */
  readonly notices: readonly Fault[]
}

/** The contents of conf.d, valid or not. */
export interface ReadResources extends Definitions {
  /** Faults of the folder or of `-only`. They prevent the run in every failure mode. */
  readonly faults: readonly Fault[]
  readonly bad: readonly InvalidResource[]
  readonly notices: readonly Fault[]
  /** Set if there are no resources. The run continues, as in confd ("Found no templates"). */
  readonly empty?: Fault
  /** Every selected file that is valid TOML. */
  readonly read: readonly ReadResource[]
}

export const allFaults = ({ faults, bad }: ReadResources): readonly Fault[] => [
  ...faults,
  ...bad.flatMap((one) => one.faults),
]

const NOTHING: Definitions = { resources: [], stores: new Map() }

/** Returns the fault if a store cannot be opened with these settings. Does not connect. */
export type StoreFault = (store: StoreSettings) => Promise<Fault | undefined>

/**
 * Loads the resources that a run serves. Returns the faults if the run cannot start. With failureMode fail-fast, any
 * fault prevents the start; with best-effort, only a fault of the folder or of `-only` does. Never throws.
 * @param former the previous definitions
 * @param storeFault checks the resources' own stores
 */
export async function loadResources(
  settings: Settings,
  former: Definitions = NOTHING,
  storeFault?: StoreFault,
): Promise<Result<LoadedResources, readonly Fault[]>> {
  const read = await readResources(settings, storeFault)
  const isRefused = settings.failureMode === 'fail-fast' ? read.bad.length > 0 : false
  if (isRefused || read.faults.length > 0) return err(allFaults(read))
  const notices = read.empty === undefined ? read.notices : [read.empty, ...read.notices]
  if (read.bad.length === 0) {
    return ok({ resources: read.resources, stores: read.stores, refused: [], notices })
  }
  return ok({ ...withPrevious(read, read.bad, former, settings), notices })
}

/** Reads `<confdir>/conf.d` and its subfolders, in path order. Never throws. */
export async function readResources(
  settings: Settings,
  storeFault?: StoreFault,
): Promise<ReadResources> {
  const folder = join(settings.confdir, 'conf.d')
  const found = await findFiles(folder)
  if (!found.ok) return { ...NOTHING, faults: [found.error], bad: [], notices: [], read: [] }
  const owners = createOwnerResolver()
  const all: OneRead[] = []
  for (const file of found.value.resources) {
    all.push(await readOne(relative(folder, file), file, { settings, owners, storeFault }))
  }
  const { wanted, faults } = selectResources(all, settings.only)
  const read = wanted.flatMap((one) => one.read ?? [])
  const across = checkAcross(read, settings)
  const bad = wanted.flatMap(({ name, faults: own, group }): InvalidResource[] => {
    const all = [...own, ...(across.faults.get(name) ?? [])]
    return all.length === 0 ? [] : [{ name, faults: all, group }]
  })
  const names = new Set(bad.map(({ name }) => name))
  const resources = hidingOutput(
    read.flatMap(({ name, resource }) =>
      resource === undefined || names.has(name) ? [] : [resource],
    ),
  )
  const stores = new Map(
    read.flatMap(({ own }) => (own?.name === undefined ? [] : [[own.name, own.store] as const])),
  )
  return {
    resources,
    stores,
    faults,
    bad,
    notices: [
      ...notRead(found.value),
      ...read.flatMap(({ notices }) => notices),
      ...across.notices,
      ...sharedNames(resourceKeys(resources), stores, settings),
    ],
    ...(all.length === 0 ? { empty: await withoutResources(folder, found.value) } : {}),
    read,
  }
}

interface OneRead {
  readonly name: string
  readonly faults: readonly Fault[]
  readonly group: string | undefined
  /** Absent if the file is not valid TOML. */
  readonly read?: ReadResource
}

interface ReadContext {
  readonly settings: Settings
  readonly owners: ResolveOwner
  readonly storeFault: StoreFault | undefined
}

/**
 * Reads a file synchronously, because there may be hundreds of resources, and a synchronous call takes microseconds.
 */
function textOf(file: string): string | NodeJS.ErrnoException {
  try {
    // A named pipe without a writer reads as empty instead of blocking.
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      return readFileSync(fd, 'utf8')
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
}

async function readOne(name: string, file: string, context: ReadContext): Promise<OneRead> {
  const text = textOf(file)
  if (typeof text !== 'string') {
    return { name, faults: [unreadableFault(file, text)], group: undefined }
  }
  const document = parseTomlDocument(file, text)
  if (!document.ok) return { name, faults: [document.error], group: groupIn(text) }
  const read = await readResource(name, document.value, context.settings, context.owners)
  const { own } = read
  const fault = own?.name === undefined ? undefined : await context.storeFault?.(own.store)
  if (fault === undefined) return { name, faults: read.faults, group: read.group, read }
  const place = document.value.fault(['backend'], 'value', fault.message, fault.hint)
  return { name, faults: [...read.faults, place], group: read.group, read }
}

/** Returns the group that an invalid TOML file sets, because the fault may affect the other members of the group. */
function groupIn(text: string): string | undefined {
  const [top = ''] = text.split(/^\s*\[/m, 1)
  const [, basic, literal] = /^\s*group\s*=\s*(?:"([^"\\\n]*)"|'([^'\n]*)')/m.exec(top) ?? []
  return basic ?? literal
}
