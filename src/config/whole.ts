// Merges the keys that apply to the whole resource, from above `[template]` and from inside it, and reports those
// without effect.
import { expandCommand, unknownPlaceholders } from '../core/command.ts'
import { reloadsByDefault } from '../core/exec.ts'
import { attempt, type Fault } from '../core/fault.ts'
import {
  plainReload,
  type TimedCommand,
  type ReloadPolicy,
  type Resource,
  type TemplateSpec,
} from '../core/resource.ts'
import type { Settings } from '../core/settings.ts'
import { nearest } from './nearest.ts'
import { faultOfStore } from './stores.ts'
import type { TomlPath } from './positions.ts'
import { wholeKeys } from './schema.ts'
import type { TableOf } from './table.ts'
import type { TomlDocument } from './toml.ts'

type WholeKey = keyof typeof wholeKeys
type WholeTable = TableOf<typeof wholeKeys>

/** A table that may contain keys for the whole resource, with the path of the table. */
export interface WholeSource {
  readonly path: TomlPath
  readonly table: WholeTable
}

export interface Whole {
  readonly values: WholeTable
  /** Path of the first occurrence of each key. */
  readonly places: ReadonlyMap<WholeKey, TomlPath>
}

const longestCounts = new Set<WholeKey>(['debounce', 'debounce_max'])

/**
 * Merges the tables. Different values for a key are a fault, except for debounce and debounce_max, where the longest
 * applies.
 */
export function mergeWhole(
  document: TomlDocument,
  tables: readonly WholeSource[],
  faults: Fault[],
): Whole {
  const values: Record<string, unknown> = {}
  const places = new Map<WholeKey, TomlPath>()
  for (const key of Object.keys(wholeKeys) as WholeKey[]) {
    const [first, ...others] = tables.filter(({ table }) => table[key] !== undefined)
    if (first === undefined) continue
    const place = [...first.path, key]
    places.set(key, place)
    values[key] = first.table[key]
    if (longestCounts.has(key)) {
      values[key] = Math.max(...[first, ...others].map(({ table }) => Number(table[key])))
      continue
    }
    const other = others.find(({ table }) => String(table[key]) !== String(first.table[key]))
    if (other === undefined) continue
    const message = `${key} applies to the whole resource, but line ${document.place(place).line} sets another value`
    const hint = 'set it once, above the first [[template]]'
    faults.push(document.fault([...other.path, key], 'value', message, hint))
  }
  return { values: values, places }
}

/** Builds the part of a resource that applies to all its templates. */
export function wholeOf(
  document: TomlDocument,
  whole: Whole,
  specs: readonly TemplateSpec[],
  settings: Settings,
  faults: Fault[],
): Omit<Resource, 'name' | 'file' | 'templates' | 'group'> {
  const { values } = whole
  const optional = optionalStores(document, whole, settings, faults)
  const sensitive = values.sensitive === true ? { sensitive: true as const } : {}
  const command = (
    key: 'verify_cmd' | 'group_check_cmd',
    timeout: number,
  ): TimedCommand | undefined => {
    const text = values[key]
    const place = whole.places.get(key)
    if (text === undefined || place === undefined) return undefined
    const expanded = oneCommand(document, place, key, text, specs, faults)
    return { command: expanded, timeout }
  }
  const timeouts = specs.map(({ checkTimeout }) => checkTimeout)
  const groupCheck = command('group_check_cmd', Math.max(...timeouts))
  return {
    ...coalescing(values, settings),
    ...(groupCheck === undefined ? {} : { groupCheck }),
    holdDown: values.hold_down ?? 0,
    allowEmpty: values.allow_empty ?? settings.allowEmpty,
    ...sensitive,
    ...(optional === undefined ? {} : { optionalStores: optional }),
    ...(values.reload === 'exec' ? { reloadsExec: true } : {}),
    ...(values.wait_for_start === false ? { waitForStart: false } : {}),
    reload: reloadPolicy(values, command('verify_cmd', values.verify_timeout ?? 10_000), settings),
  }
}

function optionalStores(
  document: TomlDocument,
  { values, places }: Whole,
  settings: Settings,
  faults: Fault[],
): ReadonlySet<string> | undefined {
  const { optional_stores: names } = values
  const place = places.get('optional_stores')
  if (names === undefined || place === undefined) return undefined
  const backends = [settings, ...settings.stores.values()].map(({ backend }) => backend)
  names.forEach((name, index) => {
    // Any name is allowed, because a file may contain the recorded keys of any store.
    if (settings.backend === 'file') return
    const known = faultOfStore(name, settings, backends)
    if (known === undefined) return
    faults.push(document.fault([...place, index], 'value', known.message, known.hint))
  })
  return new Set(names)
}

function reloadPolicy(
  values: WholeTable,
  verify: TimedCommand | undefined,
  settings: Settings,
): ReloadPolicy {
  return {
    onFailure: values.on_reload_failure ?? plainReload.onFailure,
    attempts: values.reload_attempts ?? plainReload.attempts,
    ...(verify === undefined
      ? {}
      : { verify: { ...verify, attempts: values.verify_attempts ?? 3 } }),
    minInterval: values.min_reload_interval ?? settings.minReloadInterval,
    splay: values.splay ?? settings.splay,
  }
}

function coalescing(
  { debounce: quiet, debounce_max: max }: WholeTable,
  settings: Settings,
): Pick<Resource, 'quiet' | 'quietMax'> {
  // A maximum below the quiet period is raised to it; otherwise the quiet period would have no effect.
  const quietMax = Math.max(max ?? settings.quietMax, quiet ?? settings.quiet ?? 0)
  return {
    ...(quiet === undefined ? {} : { quiet }),
    ...(quietMax === settings.quietMax ? {} : { quietMax }),
  }
}

/**
 * Reads a command that runs once for all files of a resource. `{{.dest}}` is allowed, and replaced here, only if there
 * is one file. Other placeholders belong to other programs, unless they are near misses.
 */
function oneCommand(
  document: TomlDocument,
  place: TomlPath,
  key: string,
  text: string,
  specs: readonly TemplateSpec[],
  faults: Fault[],
): string {
  for (const other of unknownPlaceholders(text)) {
    const near = nearest(other.replace(/[{}\s.]/g, ''), ['src', 'dest'])
    if (near === undefined) continue
    const message = `${key} contains the unknown placeholder ${other}`
    faults.push(document.fault(place, 'value', message, `did you mean {{.${near}}}?`))
  }
  const [spec, ...more] = specs
  const dest = spec?.dest ?? ''
  const put = attempt(() => expandCommand(text, { src: dest, dest }))
  if (!put.ok) {
    const { message, hint } = put.error
    faults.push(document.fault(place, 'value', `${key}: ${message}`, hint))
    return text
  }
  const expanded = put.value
  if (expanded !== text && (spec?.forEach !== undefined || more.length > 0)) {
    const message = `${key} runs once for all files, and {{.dest}} would name only one`
    faults.push(document.fault(place, 'value', message, 'write the path itself'))
  }
  return expanded
}

/**
 * Whether a reload follows a change to the resource's files. Adds a fault if two ways to reload are set, or if the
 * resource reloads the program of `[exec]` and `[exec]` has no way to reload it.
 * @param hasCommand whether any template of the resource has a reload_cmd
 */
export function isReloaded(
  document: TomlDocument,
  { values, places }: Whole,
  hasCommand: boolean,
  { exec }: Settings,
  faults: Fault[],
): boolean {
  if (values.reload === 'exec' && hasCommand) {
    const place = places.get('reload') ?? []
    const message = 'reload = "exec" and a reload_cmd are both set'
    faults.push(document.fault(place, 'value', message, 'keep one of them'))
  }
  if (values.reload === 'exec' && exec?.argv !== undefined && !reloadsByDefault(exec)) {
    const place = places.get('reload') ?? []
    const message = 'reload = "exec" is set, but [exec] has no way to reload the program'
    const hint = 'set reload_signal, or restart = "on-change" if the program cannot reload'
    faults.push(document.fault(place, 'value', message, hint))
  }
  return hasCommand || values.reload === 'exec' || (exec !== undefined && reloadsByDefault(exec))
}

/**
 * Reports keys without effect: as a fault if the key was meant to protect something, otherwise as a notice.
 * @param reloads whether a reload of the resource or of its group follows a change to the resource's files
 */
export function withoutEffect(
  document: TomlDocument,
  { values, places }: Whole,
  reloads: boolean,
): { readonly faults: readonly Fault[]; readonly notices: readonly Fault[] } {
  const idle = (keys: readonly WholeKey[], why: string): Fault[] =>
    keys.flatMap((key) => {
      const place = places.get(key)
      if (place === undefined) return []
      return [document.fault(place, 'key', `${key} has no effect: ${why}`)]
    })
  const rollback = values.on_reload_failure === 'rollback'
  const notices = [
    ...(rollback ? [] : idle(['reload_attempts'], 'on_reload_failure is not "rollback"')),
    ...(values.verify_cmd === undefined
      ? idle(['verify_timeout', 'verify_attempts'], 'there is no verify_cmd')
      : []),
    ...(reloads ? [] : idle(['min_reload_interval', 'splay'], 'there is no reload_cmd')),
  ]
  if (reloads) return { faults: [], notices }
  const faults = (['on_reload_failure', 'verify_cmd'] as const).flatMap((key) => {
    const place = places.get(key)
    if (place === undefined || (key === 'on_reload_failure' && !rollback)) return []
    const message = `${key} has no effect: there is no reload_cmd`
    const hint = 'add a reload_cmd below [template], or remove this line'
    return [document.fault(place, 'value', message, hint)]
  })
  return { faults, notices }
}
