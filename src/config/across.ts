// Compares all resources of conf.d: finds shared destinations, groups with one member, and settings without effect.
import { lstatSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Settings } from '../core/settings.ts'
import { andMore } from '../core/words.ts'
import type { TomlPath } from './positions.ts'
import type { TomlDocument } from './toml.ts'
import { withoutEffect, type Whole } from './whole.ts'

/** One template, valid or not. */
export interface ReadTemplate {
  readonly path: TomlPath
  /** Undefined if it is not set. */
  readonly dest: string | undefined
  /** The pattern of `for_each` with its prefix. */
  readonly forEach: Key | undefined
  readonly ownPrefix: string | undefined
  readonly fullPrefix: Key
}

/** One resource, valid or not. */
export interface CheckedResource {
  readonly name: string
  readonly document: TomlDocument
  readonly templates: readonly ReadTemplate[]
  readonly group: string | undefined
  readonly whole: Whole
  /** Whether a reload_cmd, or a reload of the program of `[exec]`, follows a change to the resource's files. */
  readonly reloads: boolean
}

/** Returns the faults by resource name, and the notices. */
export function checkAcross(
  resources: readonly CheckedResource[],
  settings: Settings,
): {
  readonly faults: ReadonlyMap<string, readonly Fault[]>
  readonly notices: readonly Fault[]
} {
  const faults = new Map<string, readonly Fault[]>()
  const notices: Fault[] = []
  const shared = sharedDestinations(resources)
  for (const one of resources) {
    const idle = withoutEffect(one.document, one.whole, reloads(one, resources))
    const own = [...idle.faults, ...(shared.get(one.name) ?? [])]
    if (own.length > 0) faults.set(one.name, own)
    notices.push(...idle.notices)
  }
  return {
    faults,
    notices: [...notices, ...lonelyGroups(resources), ...prefixNotice(resources, settings)],
  }
}

/** Whether a change to the resource's files causes its own reload, or the reload of another member of its group. */
const reloads = (one: CheckedResource, all: readonly CheckedResource[]): boolean =>
  one.reloads ||
  (one.group !== undefined && all.some((other) => other.reloads && other.group === one.group))

/**
 * Two templates with the same `dest` and `for_each` would write the same files. If the patterns differ, a collision can
 * be detected only when the templates are rendered.
 */
function sharedDestinations(
  resources: readonly CheckedResource[],
): ReadonlyMap<string, readonly Fault[]> {
  const first = new Map<string, { readonly at: string; readonly dest: string }>()
  // Most destinations share a few folders.
  const folders = new Map<string, string>()
  const faults = new Map<string, Fault[]>()
  for (const { name, document, templates } of resources) {
    for (const { path, dest, forEach } of templates) {
      if (dest === undefined) continue
      const at = [...path, 'dest']
      const files = JSON.stringify([realDestination(dest, folders), forEach])
      const other = first.get(files)
      if (other === undefined) {
        first.set(files, { at: `${document.file}:${document.place(at, 'value').line}`, dest })
        continue
      }
      const as = other.dest === dest ? '' : ` as ${other.dest}, through a symbolic link`
      const message = `dest ${dest} is already written by ${other.at}${as}`
      const hint = 'remove one of the two templates, or change its dest'
      faults.set(name, [...(faults.get(name) ?? []), document.fault(at, 'value', message, hint)])
    }
  }
  return faults
}

/**
 * Resolves the symbolic links in the existing part of a destination's path.
 * @param folders the real paths of the folders resolved so far, by path
 */
function realDestination(dest: string, folders: Map<string, string>): string {
  const tag = dest.indexOf('{{')
  const fixed = tag < 0 ? dest : dest.slice(0, dest.lastIndexOf('/', tag))
  return realOf(fixed, folders) + dest.slice(fixed.length)
}

function realOf(path: string, folders: Map<string, string>): string {
  try {
    // Before a first run, most destinations are missing, and an error object for each of them would be expensive.
    const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined
    if (isThere) return realpathSync.native(path)
  } catch {
    // The path is a dangling link, or is in a folder that cannot be searched.
  }
  const folder = dirname(path)
  if (folder === path) return path
  const real = folders.get(folder) ?? realOf(folder, folders)
  folders.set(folder, real)
  return join(real, basename(path))
}

/** Reports groups with only one member, whose names are probably misspelled. */
function lonelyGroups(resources: readonly CheckedResource[]): Fault[] {
  return resources.flatMap(({ name, document, group }) => {
    if (group === undefined) return []
    if (resources.some((other) => other.group === group && other.name !== name)) return []
    const message = `${name} is the only resource in its group "${group}"`
    return [document.fault(['group'], 'value', message)]
  })
}

/** Returns a notice for users of older versions of confd, in which -prefix replaced the prefix of a resource. */
function prefixNotice(resources: readonly CheckedResource[], settings: Settings): Fault[] {
  const own = resources.flatMap(({ name, templates }) =>
    templates.filter(({ ownPrefix }) => ownPrefix !== undefined).map((one) => ({ ...one, name })),
  )
  const [example] = own
  if (!settings.prefixFromFlag || settings.prefix === '/' || example === undefined) return []
  const message =
    `-prefix ${settings.prefix} is joined with the prefix of the resource: ` +
    `${example.fullPrefix} (${example.name}${andMore(own.length - 1)}); older versions of confd used -prefix alone`
  return [{ kind: 'config', message }]
}
