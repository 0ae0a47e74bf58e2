// Runs the part of a cycle that follows the render of the unit: plan -> guard || place. Returns the outcome; the worker
// decides what follows.
import type { FileChange } from '../apply/apply.ts'
import type { TriedFile } from '../apply/trial.ts'
import { warnIfFailed, type Emit } from '../core/event.ts'
import { resourceKeys } from '../core/resource.ts'
import { isEmpty } from '../core/supply.ts'
import { appliedOf, findingOf, holdOf, isAccepted, type Finding } from './guards.ts'
import { failed, type Causes, type Outcome } from './outcome.ts'
import type { Parts } from './parts.ts'
import { listMade, place } from './place.ts'
import { planUnit, type PlannedUnit } from './plan-unit.ts'
import { finishUndo } from './recovery.ts'
import { contentHash, type RenderedTemplate, type Sight } from './render-unit.ts'
import { foresee } from './settle.ts'
import type { Unit } from './unit.ts'

/** @param templates all templates of the unit, rendered */
export async function cycle(
  unit: Unit,
  templates: readonly RenderedTemplate[],
  sight: Sight,
  causes: Causes,
  parts: Parts,
): Promise<Outcome> {
  const { mode } = parts
  if (mode.trial === 'all') return tried(filesOf(templates), [], parts)
  if (!mode.noop) {
    await parts.state.ensure()
    const stuck = await finishUndo(unit, parts)
    if (stuck !== undefined) return stuck
  }
  const rejected = await rejectedBefore(unit, templates, parts)
  if (rejected !== undefined) return rejected
  const planned = await planUnit(templates, parts)
  if (!planned.ok) return failed('observe', planned.error.resource, planned.error.fault)
  const { changes, guarded } = planned.value
  const changed = [...new Set(changes.map(({ resource }) => resource))]
  const findings = unit.resources.map((resource) =>
    findingOf(resource, templates, guarded.get(resource.name) ?? [], sight.isMissed),
  )
  const held = await heldBack(unit, templates, findings, changes, parts)
  if (held !== undefined) return held
  if (mode.noop) await foresee(changes, parts)
  if (mode.noop)
    return mode.trial === undefined
      ? { kind: 'done', changed }
      : tried(newFiles(changes), changed, parts)
  const failure =
    changes.length === 0 ? undefined : await place({ unit, changes, templates, causes }, parts)
  if (failure !== undefined) return failure
  await confirm(templates, planned.value, sight, parts)
  for (const finding of findings) await passed(unit, finding, templates, sight, parts)
  return { kind: 'done', changed }
}

const filesOf = (templates: readonly RenderedTemplate[]): TriedFile[] =>
  templates.flatMap(({ resource, files }) =>
    files.map((file) => ({ resource: resource.name, ...file })),
  )

const newFiles = (changes: readonly FileChange[]): TriedFile[] =>
  changes.flatMap(({ resource, spec, plan }) =>
    plan.why === 'create' || plan.why === 'content'
      ? [{ resource, spec, bytes: plan.next.bytes }]
      : [],
  )

async function tried(
  files: readonly TriedFile[],
  changed: readonly string[],
  { machine, emit }: Parts,
): Promise<Outcome> {
  const failure = await machine.tryFiles(files, emit)
  if (failure !== undefined) return failed('check', failure.resource, failure.fault)
  return { kind: 'done', changed }
}

async function rejectedBefore(
  unit: Unit,
  templates: readonly RenderedTemplate[],
  { memory }: Parts,
): Promise<Outcome | undefined> {
  if (!unit.mayGoBack) return undefined
  for (const name of unit.names) {
    const { rejected } = await memory.get(name)
    if (rejected === undefined) continue
    const hash = contentHash(templates)
    if (rejected.hash !== hash || isAccepted(unit.consentOf(name), hash)) continue
    const message = `this content (${hash}) was rolled back and is not tried again until it changes: ${rejected.why}`
    const hint = `correct the keys or the template; to try this content once more: reconfd accept ${name}`
    return { kind: 'rejected', resource: name, fault: { kind: 'command', message, hint } }
  }
  return undefined
}

async function heldBack(
  unit: Unit,
  templates: readonly RenderedTemplate[],
  findings: readonly Finding[],
  changes: readonly FileChange[],
  { memory, clock }: Parts,
): Promise<Outcome | undefined> {
  for (const finding of findings) {
    const { name } = finding.resource
    const own = changes.filter(({ resource }) => resource === name)
    if (own.length === 0) continue
    const hash = (): string => contentHash(templates, name)
    const consent = unit.consentOf(name)
    if (consent.accepted !== undefined && isAccepted(consent, hash())) continue
    const dests = own.map(({ spec }) => spec.dest)
    const hold = await holdOf(finding, { dests, hash }, memory, clock.time())
    if (hold !== undefined) return { kind: 'held', resource: name, hold }
  }
  return undefined
}

/**
 * Call when all changes are in place. In the manifest, records that the files of for_each templates exist, and drops
 * the removed files.
 */
async function confirm(
  templates: readonly RenderedTemplate[],
  { changes, gone }: PlannedUnit,
  { itemsOf }: Sight,
  parts: Parts,
): Promise<void> {
  const { manifest, emit } = parts
  // Also lists files that already had the wanted content before this cycle.
  warnIfFailed(emit, await listMade(templates, parts))
  for (const { resource, spec, files } of templates) {
    if (spec.forEach === undefined) continue
    const { name } = resource
    const removed = changes.flatMap((change) =>
      change.resource === name && change.plan.why === 'remove' ? [change.spec.dest] : [],
    )
    const made = files.map((file) => file.spec.dest)
    itemsOf(resource, spec).confirm(made)
    // A failed write is not fatal: at worst, the manifest lists one file too many, or a file is compared again.
    warnIfFailed(emit, await manifest.made(name, made))
    warnIfFailed(emit, await manifest.gone(name, [...removed, ...(gone.get(name) ?? [])]))
  }
}

/**
 * Records the keys that the applied render has found, so that guards can compare the next render with them. Deletes
 * the consent that let the change pass.
 */
async function passed(
  unit: Unit,
  finding: Finding,
  templates: readonly RenderedTemplate[],
  sight: Sight,
  { memory, accepted, emit }: Parts,
): Promise<void> {
  const { name } = finding.resource
  const consent = unit.consentOf(name)
  if (consent.accepted !== undefined) {
    const hashes = [contentHash(templates, name), contentHash(templates)]
    if (hashes.some((hash) => isAccepted(consent, hash))) emit({ kind: 'accepted', resource: name })
    consent.accepted = undefined
    warnIfFailed(emit, await accepted.forget(name))
  }
  const { supplies } = await memory.get(name)
  if (supplies === undefined) warnIfNothingFound(finding, sight, emit)
  const applied = await appliedOf(finding, memory)
  if (applied !== undefined) warnIfFailed(emit, await memory.set(name, applied))
}

/**
 * Warns if a first render found no key, which is usually a mistake. Does not warn if the whole store is empty, because
 * an empty store is reported separately.
 */
function warnIfNothingFound({ resource, supplies }: Finding, { treeOf }: Sight, emit: Emit): void {
  if (supplies.size === 0 || !isEmpty(supplies)) return
  const isStoreEmpty = [...supplies.keys()].every(
    (root) => treeOf(resource).children(root).length === 0,
  )
  if (isStoreEmpty) return
  const where = resourceKeys([resource]).join(', ')
  const message = `${resource.name}: no key was found at or below ${where}; the files are written anyway. Check the prefix, the keys and the patterns, such as gets("/dir/*")`
  emit({ kind: 'notice', level: 'warn', message })
}
