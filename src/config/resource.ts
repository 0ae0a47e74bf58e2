// Reads one file of conf.d as a resource.
import { basename } from 'node:path'
import type { Fault } from '../core/fault.ts'
import { joinKeys } from '../core/key.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import type { Settings } from '../core/settings.ts'
import type { CheckedResource, ReadTemplate } from './across.ts'
import { nearest } from './nearest.ts'
import type { ResolveOwner } from './owners.ts'
import type { TomlPath } from './positions.ts'
import { resourceFileKeys, templateKeys, templateTableKeys, type KeySpec } from './schema.ts'
import { storeSettings } from './assemble.ts'
import { nameOfOwn, readStore, type OwnStore } from './stores.ts'
import { ALL_KEYS, readTable, withKnownCase } from './table.ts'
import { TemplateCheck } from './template.ts'
import type { TomlDocument } from './toml.ts'
import { describeType } from './values.ts'
import { Variables } from './variables.ts'
import { isReloaded, mergeWhole, wholeOf } from './whole.ts'

export interface ReadResource extends CheckedResource {
  /** Absent if there are faults. */
  readonly resource?: Resource
  /** The templates; complete only if there are no faults. */
  readonly specs: readonly TemplateSpec[]
  readonly faults: readonly Fault[]
  /** Probable mistakes that do not prevent the run. */
  readonly notices: readonly Fault[]
  /** The store of the resource's `[backend]`. */
  readonly own?: OwnStore
}

const TEMPLATE_KEYS = Object.entries<KeySpec>(templateTableKeys).flatMap(
  ([key, { aliases = [] }]) => [key, ...aliases],
)

/** @param name path below conf.d, which is the name of the resource in logs and status */
export async function readResource(
  name: string,
  document: TomlDocument,
  settings: Settings,
  owners: ResolveOwner,
): Promise<ReadResource> {
  const faults: Fault[] = []
  const { template, backend, ...above } = withKnownCase(document.data, ['template', 'backend'])
  const own = backend === undefined ? undefined : ownStore(document, backend, settings, faults)
  const top = readTable(document, [], above, resourceFileKeys, faults, hintAbove)
  const variables = new Variables(document, settings, faults)
  const { notices } = variables
  const templates: ReadTemplate[] = []
  const specs: TemplateSpec[] = []
  let hasCommand = false
  const tables = templateTables(document, template, faults).map(([path, raw]) => {
    // An invalid reload_cmd counts too, so that there is no further fault about a missing reload_cmd.
    hasCommand ||= (raw['reload_cmd'] ?? '') !== ''
    const text = variables.expand(path, raw)
    return { path, table: readTable(document, path, text, templateTableKeys, faults) }
  })
  const whole = mergeWhole(document, [{ path: [], table: top }, ...tables], faults)
  const reloads = isReloaded(document, whole, hasCommand, settings, faults)
  const context = {
    ...{ settings, own, owners, allowEmpty: whole.values.allow_empty },
    reloadsProgram: reloads && !hasCommand,
  }
  for (const { path, table } of tables) {
    const check = new TemplateCheck(document, path, table, context, faults)
    const spec = await check.spec()
    notices.push(...check.notices)
    specs.push(spec)
    templates.push({
      path,
      dest: table.dest === undefined ? undefined : spec.dest,
      forEach: spec.forEach === undefined ? undefined : joinKeys(spec.prefix, spec.forEach),
      ownPrefix: table.prefix,
      fullPrefix: spec.prefix,
    })
  }
  const common = wholeOf(document, whole, specs, settings, faults)
  const read = {
    name,
    document,
    templates,
    specs,
    group: top.group,
    whole,
    reloads,
    faults,
    notices,
  }
  if (faults.length > 0) return read
  const group = top.group === undefined ? {} : { group: top.group }
  const { sensitive, optionalStores } = common
  const masked = specs.map((spec) => ({
    ...spec,
    ...(sensitive === undefined ? {} : { sensitive }),
    ...(optionalStores === undefined ? {} : { optionalStores }),
  }))
  const resource = { name, templates: masked, ...group, ...common }
  return { ...read, resource, ...(own === undefined ? {} : { own }) }
}

function ownStore(
  document: TomlDocument,
  table: unknown,
  settings: Settings,
  faults: Fault[],
): OwnStore {
  const values = readStore(document, ['backend'], table, faults)
  const store = {
    ...storeSettings(values, settings.mode, settings.env),
    definedIn: `[backend] of ${basename(document.file)}`,
  }
  const name = nameOfOwn(store, settings)
  return name === undefined ? { store } : { name, store }
}

/** The tables of `[template]` or `[[template]]`, with their paths. */
function templateTables(
  document: TomlDocument,
  template: unknown,
  faults: Fault[],
): (readonly [TomlPath, Record<string, unknown>])[] {
  if (template === undefined) {
    const hint = 'begin the resource with [template], then set src = "..." and dest = "..."'
    faults.push(document.fault([], 'key', 'there is no [template] table', hint))
    return []
  }
  const found: (readonly [TomlPath, unknown])[] = Array.isArray(template)
    ? template.map((table, i) => [['template', i], table] as const)
    : [[['template'], template]]
  if (found.length === 0) {
    faults.push(document.fault(['template'], 'key', 'template is an empty array'))
  }
  return found.flatMap(([path, table]) => {
    if (describeType(table) === 'a table')
      return [[path, withKnownCase(table as Record<string, unknown>, TEMPLATE_KEYS)] as const]
    const message = `template must be a table, not ${describeType(table)}`
    faults.push(document.fault(path, 'value', message, 'write [template] on a line of its own'))
    return []
  })
}

/** The hint for an unknown key above `[template]`. */
function hintAbove(key: string): string {
  if (key === 'guard') return 'write [template.guard]'
  if (Object.hasOwn(templateKeys, key)) return `move ${key} below [template]`
  if (key.toLowerCase() === 'template') return 'write template in the same case everywhere'
  const near = nearest(key, ['template', ...Object.keys(resourceFileKeys)])
  return near === undefined ? ALL_KEYS : `did you mean ${near}?`
}
