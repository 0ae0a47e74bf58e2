// conf.d: finds the resource files, reads each, and reports the faults of all of them at once.
import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Fault } from '../core/fault.ts'
import type { Resource } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Settings, StoreSettings } from '../core/settings.ts'
import { checkAcross } from './across.ts'
import { createOwnerResolver } from './owners.ts'
import { readResource, type ReadResource } from './resource.ts'
import { parseToml } from './toml.ts'

export interface LoadedResources {
  readonly resources: readonly Resource[]
  /** What is most likely a mistake, and works nevertheless. */
  readonly notices: readonly Fault[]
  /** The stores that resources have of their own, by a name made for each. */
  readonly stores: ReadonlyMap<string, StoreSettings>
}

/** What was read, right or not. */
export interface ReadResources extends LoadedResources {
  readonly faults: readonly Fault[]
  /** Each file that is TOML. */
  readonly read: readonly ReadResource[]
}

/** The resources, if nothing is wrong with any of them; else every fault. Throws nothing. */
export async function loadResources(
  settings: Settings,
): Promise<Result<LoadedResources, readonly Fault[]>> {
  const read = await readResources(settings)
  return read.faults.length > 0 ? err(read.faults) : ok(read)
}

/**
 * Reads `<confdir>/conf.d`, its folders included, in the order of the paths. Throws nothing.
 * Without any resource it is good, with a notice (confd: "Found no templates").
 */
export async function readResources(settings: Settings): Promise<ReadResources> {
  const folder = join(settings.confdir, 'conf.d')
  const faults: Fault[] = []
  const resources: Resource[] = []
  const stores = new Map<string, StoreSettings>()
  const seen: ReadResource[] = []
  const owners = createOwnerResolver()
  const listed = await listFiles(folder)
  if (!listed.ok) return { resources, notices: [], stores, faults: [listed.error], read: seen }
  for (const file of listed.value) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => error)
    if (typeof text !== 'string') {
      faults.push(unreadable(file, text))
      continue
    }
    const document = parseToml(file, text)
    if (!document.ok) {
      faults.push(document.error)
      continue
    }
    const read = await readResource(relative(folder, file), document.value, settings, owners)
    faults.push(...read.faults)
    seen.push(read)
    if (read.resource !== undefined) resources.push(read.resource)
    if (read.own?.name !== undefined) stores.set(read.own.name, read.own.store)
  }
  const across = checkAcross(seen, settings)
  faults.push(...across.faults)
  const message = `no resources: ${folder} holds no .toml file`
  const empty: Fault[] = listed.value.length === 0 ? [{ kind: 'config', message }] : []
  const notices = [...empty, ...seen.flatMap((one) => one.notices), ...across.notices]
  return { resources, notices, stores, faults, read: seen }
}

/**
 * The .toml files of a folder and its folders, sorted. Names with a leading dot are left out:
 * editors and Kubernetes (`..data`) keep second copies there.
 */
async function listFiles(folder: string): Promise<Result<string[], Fault>> {
  const files: string[] = []
  const seen = new Set<string>()
  const walk = async (at: string): Promise<void> => {
    const real = await realpath(at)
    if (seen.has(real)) return
    seen.add(real)
    for (const name of (await readdir(at)).sort()) {
      if (name.startsWith('.')) continue
      const path = join(at, name)
      // A link to nowhere: reported when it is read, if it would have been a resource.
      const isFolder = await stat(path).then(
        (found) => found.isDirectory(),
        () => false,
      )
      if (isFolder) await walk(path)
      else if (name.endsWith('.toml')) files.push(path)
    }
  }
  try {
    await walk(folder)
    return ok(files)
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') return err(unreadable(path ?? folder, error as NodeJS.ErrnoException))
    const hint = 'make it and put resources there, or name another folder with -confdir'
    return err({
      kind: 'config',
      message: 'the folder of resources is missing',
      hint,
      file: folder,
    })
  }
}

const unreadable = (file: string, { code, message }: NodeJS.ErrnoException): Fault => ({
  kind: 'config',
  message: `cannot be read: ${code ?? message}`,
  hint: 'check that it is there and may be read by the user that runs reconfd',
  file,
})
