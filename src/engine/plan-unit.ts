// Plans the changes of a unit: reads each destination, compares it with the rendered content, and finds files of
// for_each templates that are no longer wanted.
import { hashOf } from '../apply/hash.ts'
import type { FileChange } from '../apply/apply.ts'
import type { Claims } from '../core/claims.ts'
import type { Fault } from '../core/fault.ts'
import { fixedFolder } from '../core/for-each.ts'
import { countedKeys } from '../core/guard.ts'
import { plan, planRemoval, type Observed, type Write } from '../core/plan.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import { isOurs, type MadeFiles } from '../state/manifest.ts'
import type { GuardedFile } from './guards.ts'
import type { Parts } from './parts.ts'
import type { RenderedTemplate } from './render-unit.ts'

export interface PlannedUnit {
  readonly changes: readonly FileChange[]
  /** The files that guards compare, by resource. */
  readonly guarded: ReadonlyMap<string, readonly GuardedFile[]>
  /** Files that the manifest lists as made but that are missing or no longer reconfd's own, by resource. */
  readonly gone: ReadonlyMap<string, readonly string[]>
}

export interface PlanFailed {
  readonly resource: string
  readonly fault: Fault
}

export async function planUnit(
  templates: readonly RenderedTemplate[],
  parts: Parts,
): Promise<Result<PlannedUnit, PlanFailed>> {
  const changes: FileChange[] = []
  const guarded = new Map<string, GuardedFile[]>()
  const gone = new Map<string, string[]>()
  for (const resource of new Set(templates.map((template) => template.resource))) {
    const own = templates.filter((template) => template.resource === resource)
    const shared = claim(resource, own, parts.claims)
    if (shared !== undefined) return err({ resource: resource.name, fault: shared })
    for (const template of own) {
      const planned = await planTemplate(template, own, parts)
      if (!planned.ok) return err({ resource: resource.name, fault: planned.error })
      changes.push(...planned.value.changes)
      gone.set(resource.name, [...(gone.get(resource.name) ?? []), ...planned.value.gone])
      const { guard } = planned.value
      if (guard === undefined) continue
      guarded.set(resource.name, [...(guarded.get(resource.name) ?? []), guard])
    }
  }
  return ok({ changes, guarded, gone })
}

interface PlannedTemplate {
  readonly changes: readonly FileChange[]
  readonly gone: readonly string[]
  readonly guard?: GuardedFile
}

async function planTemplate(
  template: RenderedTemplate,
  siblings: readonly RenderedTemplate[],
  parts: Parts,
): Promise<Result<PlannedTemplate, Fault>> {
  const { resource, spec, files, all } = template
  const { name } = resource
  const { emit, showPlan, machine, manifest } = parts
  const listed = spec.forEach === undefined ? ok(nothingMade) : await manifest.of(name)
  if (!listed.ok) return listed
  const changes: FileChange[] = []
  /** Number of bytes by which the compared and removed files shrink. All other files keep their size. */
  let shrink = 0
  let isNew = true
  const change = (own: TemplateSpec, write: Write): void => {
    emit({ kind: 'out-of-sync', resource: name, dest: own.dest, why: write.why })
    showPlan({ resource: name, dest: own.dest, sensitive: resource.sensitive === true, write })
    changes.push({ resource: name, spec: own, plan: write })
  }
  for (const { spec: own, bytes } of files) {
    const observed = await machine.observe(own.dest, { ...own, desired: own })
    const next = plan({ ...own, bytes }, observed)
    if (next.kind === 'blocked') return err(next.fault)
    if (next.kind === 'write' && isTaken(own, next, listed.value)) {
      return err(takenFault(own.dest))
    }
    if (observed.kind === 'file') isNew = false
    shrink += sizeOf(observed) - bytes.length
    if (next.kind === 'write') change(own, next)
    else emit({ kind: 'in-sync', resource: name, dest: own.dest, hash: hashOf(bytes) })
  }
  const unwanted = await planRemovals(template, siblings, parts)
  if (!unwanted.ok) return unwanted
  const { gone } = unwanted.value
  for (const { dest, within, write } of unwanted.value.removals) {
    shrink += sizeOf(write.previous)
    change({ ...spec, dest, within }, write)
  }
  const { guard, dest } = spec
  if (guard === undefined) return ok({ changes, gone })
  const size = [...all.values()].reduce((sum, file) => sum + file.size, 0)
  const keys = countedKeys(template.reads)
  const lastSize = isNew && files.length === all.size ? undefined : size + shrink
  return ok({ changes, gone, guard: { dest, guard, keys, size, lastSize } })
}

const nothingMade: MadeFiles = new Map()

/** Whether a for_each template would overwrite a file that it has not made. */
function isTaken(
  { dest, forEach, adopt = false }: TemplateSpec,
  { previous, why }: Write,
  made: MadeFiles,
): boolean {
  if (forEach === undefined || adopt || why !== 'content' || previous.kind !== 'file') return false
  const known = made.get(dest)
  return known === undefined || !isOurs(known, previous.bytes)
}

const takenFault = (dest: string): Fault => ({
  kind: 'io',
  message: `${dest} already exists and was not made by for_each`,
  hint: 'remove the file, change `dest`, or set adopt = true to take over existing files',
})

interface Removal {
  readonly dest: string
  /** Links must not lead out of this folder. */
  readonly within: string
  readonly write: Write
}

interface Unwanted {
  readonly removals: readonly Removal[]
  readonly gone: readonly string[]
}

/**
 * Plans the removal of files that a for_each template has made and no longer wants. These include files that it made
 * under an earlier `dest`.
 */
async function planRemovals(
  { resource, spec, all }: RenderedTemplate,
  siblings: readonly RenderedTemplate[],
  { manifest, machine }: Parts,
): Promise<Result<Unwanted, Fault>> {
  const removals: Removal[] = []
  const gone: string[] = []
  if (spec.forEach === undefined) return ok({ removals, gone })
  const listed = await manifest.of(resource.name)
  if (!listed.ok) return listed
  const expanding = siblings.filter((one) => one.spec.forEach !== undefined)
  const isFirst = expanding[0]?.spec === spec
  for (const [dest, file] of listed.value) {
    const isOwn = file.template === spec.dest
    // The first for_each template also removes the files of templates that are no longer configured.
    const isOrphan = isFirst && !expanding.some((one) => one.spec.dest === file.template)
    if (!(isOwn || isOrphan) || all.has(dest) || siblings.some((one) => one.all.has(dest))) continue
    const within = fixedFolder(file.template)
    const observed = await machine.observe(dest, { ...spec, within })
    const removal = planRemoval(observed)
    if (removal.kind === 'blocked') return err(removal.fault)
    const isLeft = observed.kind === 'file' && isOurs(file, observed.bytes)
    if (removal.kind === 'write' && isLeft) removals.push({ dest, within, write: removal })
    else gone.push(dest)
  }
  return ok({ removals, gone })
}

function claim(
  { name }: Resource,
  templates: readonly RenderedTemplate[],
  claims: Claims,
): Fault | undefined {
  const taken = claims.claim(name, new Set(templates.flatMap(({ all }) => [...all.keys()])))
  if (taken === undefined) return undefined
  return {
    kind: 'config',
    message: `${taken.dest} is already written by ${taken.owner}`,
    hint: 'change `dest` so that for_each creates a different path: a file may be written by only one resource',
  }
}

const sizeOf = (observed: Observed): number =>
  observed.kind === 'file' ? observed.bytes.length : 0
