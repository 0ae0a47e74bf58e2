// What can only be checked across all resources of conf.d: destinations, groups, prefixes.
import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Settings } from '../core/settings.ts'
import { andMore } from '../core/words.ts'
import type { TomlPath } from './positions.ts'
import type { TomlDocument } from './toml.ts'
import { withoutEffect, type Whole } from './whole.ts'

/** What the checks need of one template, good or not. */
export interface ReadTemplate {
  readonly path: TomlPath
  /** Absent when it is not set. */
  readonly dest: string | undefined
  /** What `for_each` goes over, the prefix included. */
  readonly forEach: Key | undefined
  readonly ownPrefix: string | undefined
  readonly fullPrefix: Key
}

/** What the checks need of one resource, good or not. */
export interface Checked {
  readonly name: string
  readonly document: TomlDocument
  readonly templates: readonly ReadTemplate[]
  readonly group: string | undefined
  readonly whole: Whole
  /** Whether any of its templates has a reload_cmd. */
  readonly reloads: boolean
}

/** Faults go by the name of the resource. */
export async function checkAcross(
  resources: readonly Checked[],
  settings: Settings,
): Promise<{
  readonly faults: ReadonlyMap<string, readonly Fault[]>
  readonly notices: readonly Fault[]
}> {
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

/** One reload follows a change of a group: it serves all members. */
const reloads = (one: Checked, all: readonly Checked[]): boolean =>
  one.reloads ||
  (one.group !== undefined && all.some((other) => other.reloads && other.group === one.group))

/**
 * Two templates that go over the same keys would write the same files; whether two that go over
 * different ones do is seen when they are rendered.
 */
function sharedDestinations(resources: readonly Checked[]): ReadonlyMap<string, readonly Fault[]> {
  const first = new Map<string, { readonly at: string; readonly dest: string }>()
  const faults = new Map<string, Fault[]>()
  for (const { name, document, templates } of resources) {
    for (const { path, dest, forEach } of templates) {
      if (dest === undefined) continue
      const at = [...path, 'dest']
      const files = JSON.stringify([realDestination(dest), forEach])
      const other = first.get(files)
      if (other === undefined) {
        first.set(files, { at: `${document.file}:${document.place(at, 'value').line}`, dest })
        continue
      }
      const as = other.dest === dest ? '' : ` as ${other.dest}, by way of a symbolic link`
      const message = `dest ${dest} is already written by ${other.at}${as}`
      const hint = 'each file is written by one template only'
      faults.set(name, [...(faults.get(name) ?? []), document.fault(at, 'value', message, hint)])
    }
  }
  return faults
}

/** The file that a destination comes to: links are followed, as far as there is something. */
function realDestination(dest: string): string {
  const tag = dest.indexOf('{{')
  const fixed = tag < 0 ? dest : dest.slice(0, dest.lastIndexOf('/', tag))
  return realOf(fixed) + dest.slice(fixed.length)
}

function realOf(path: string): string {
  const folder = dirname(path)
  try {
    return realpathSync.native(path)
  } catch {
    return folder === path ? path : join(realOf(folder), basename(path))
  }
}

/** A group of one is most likely a name that is spelled in two ways. */
function lonelyGroups(resources: readonly Checked[]): Fault[] {
  return resources.flatMap(({ name, document, group }) => {
    if (group === undefined) return []
    if (resources.some((other) => other.group === group && other.name !== name)) return []
    const message = `${name} is the only resource of its group "${group}"`
    return [document.fault(['group'], 'value', message)]
  })
}

/** Older confd let -prefix replace a resource's own prefix: worth a line to whoever comes from there. */
function prefixNotice(resources: readonly Checked[], settings: Settings): Fault[] {
  const own = resources.flatMap(({ name, templates }) =>
    templates.filter(({ ownPrefix }) => ownPrefix !== undefined).map((one) => ({ ...one, name })),
  )
  const [example] = own
  if (!settings.prefixFromFlag || settings.prefix === '/' || example === undefined) return []
  const message =
    `-prefix ${settings.prefix} is joined with the prefix of the resource: ` +
    `${example.fullPrefix} (${example.name}${andMore(own.length - 1)}); older confd used -prefix alone`
  return [{ kind: 'config', message }]
}
