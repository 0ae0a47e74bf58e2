// conf.d: reads each of its resources, and reports the faults of all of them at once.
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Fault } from '../core/fault.ts'
import { hidingOutput, keysOf } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Settings, StoreSettings } from '../core/settings.ts'
import { checkAcross } from './across.ts'
import { sharedNames } from './env-keys.ts'
import { findFiles, notRead, unreadable, withoutResources } from './files.ts'
import { createOwnerResolver, type ResolveOwner } from './owners.ts'
import { withFormer, type Bad, type Definitions, type Refused } from './refused.ts'
import { readResource, type ReadResource } from './resource.ts'
import { chosen } from './selection.ts'
import { parseToml } from './toml.ts'

export interface LoadedResources extends Definitions {
  /** Those that are not right, where that does not end the run. */
  readonly refused: readonly Refused[]
  /** What is most likely a mistake, and works nevertheless. */
  readonly notices: readonly Fault[]
}

/** What was read, right or not. */
export interface ReadResources extends Definitions {
  /** Of the folder: nothing of it can be read. */
  readonly faults: readonly Fault[]
  readonly bad: readonly Bad[]
  readonly notices: readonly Fault[]
  /** Why there are none at all. A run goes on (confd: "Found no templates"). */
  readonly empty?: Fault
  /** Each file that is TOML. */
  readonly read: readonly ReadResource[]
}

export const allFaults = ({ faults, bad }: ReadResources): readonly Fault[] => [
  ...faults,
  ...bad.flatMap((one) => one.faults),
]

const NOTHING: Definitions = { resources: [], stores: new Map() }

/** Why a store cannot be opened with these settings, before anything is connected. */
export type StoreFault = (store: StoreSettings) => Promise<Fault | undefined>

/**
 * The resources that a run serves, or every fault when it cannot: of all of them, or with
 * failureMode best-effort of the folder alone. Throws nothing.
 * @param former what was loaded before
 * @param storeFault asked about the stores that resources have of their own
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
  return ok({ ...withFormer(read, read.bad, former, settings), notices })
}

/** Reads `<confdir>/conf.d`, its folders included, in the order of the paths. Throws nothing. */
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
  const { wanted, faults } = chosen(all, settings.only)
  const read = wanted.flatMap((one) => one.read ?? [])
  const across = await checkAcross(read, settings)
  const bad = wanted.flatMap(({ name, faults: own, group }): Bad[] => {
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
      ...sharedNames(keysOf(resources), stores, settings),
    ],
    ...(all.length === 0 ? { empty: withoutResources(folder, found.value) } : {}),
    read,
  }
}

interface OneRead {
  readonly name: string
  readonly faults: readonly Fault[]
  readonly group: string | undefined
  /** Absent when it is no TOML. */
  readonly read?: ReadResource
}

interface Context {
  readonly settings: Settings
  readonly owners: ResolveOwner
  readonly storeFault: StoreFault | undefined
}

async function readOne(name: string, file: string, context: Context): Promise<OneRead> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => error)
  if (typeof text !== 'string') {
    return { name, faults: [unreadable(file, text)], group: undefined }
  }
  const document = parseToml(file, text)
  if (!document.ok) return { name, faults: [document.error], group: groupIn(text) }
  const read = await readResource(name, document.value, context.settings, context.owners)
  const { own } = read
  const fault = own?.name === undefined ? undefined : await context.storeFault?.(own.store)
  if (fault === undefined) return { name, faults: read.faults, group: read.group, read }
  const place = document.value.fault(['backend'], 'value', fault.message, fault.hint)
  return { name, faults: [...read.faults, place], group: read.group, read }
}

/** The group of a text that is no TOML: one line of it may be wrong, and its group still has to know. */
function groupIn(text: string): string | undefined {
  const [top = ''] = text.split(/^\s*\[/m, 1)
  const [, basic, literal] = /^\s*group\s*=\s*(?:"([^"\\\n]*)"|'([^'\n]*)')/m.exec(top) ?? []
  return basic ?? literal
}
