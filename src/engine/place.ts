// Places the planned changes of a unit: stages and checks the files, waits for admission, records the debts and the
// files for a rollback, swaps the files, and runs the group check. All files of the unit complete a step before any
// file begins the next. After a failure, the previous files are restored.
import type { ApplyFailure, FileChange, PlacedFile, PreparedFiles } from '../apply/apply.ts'
import { noCause } from '../core/cause.ts'
import { warnIfFailed } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { afterReplacing, type Former } from '../core/last-good.ts'
import type { Observed } from '../core/plan.ts'
import type { Placement } from '../core/reload-run.ts'
import { reloadsOf, type Reloads } from '../core/reload.ts'
import { ok, type Result } from '../core/result.ts'
import type { WrittenFile } from '../core/written.ts'
import type { Remembered } from '../state/records.ts'
import type { Desk } from './desk.ts'
import { failed, type Causes, type Failed } from './outcome.ts'
import type { Parts } from './parts.ts'
import { contentHash, type RenderedTemplate } from './render-unit.ts'
import type { Unit } from './unit.ts'

/** The changes to place for a unit. */
interface Content {
  readonly unit: Unit
  readonly changes: readonly FileChange[]
  readonly templates: readonly RenderedTemplate[]
  readonly causes: Causes
}

export async function place(content: Content, parts: Parts): Promise<Failed | undefined> {
  const { machine, desk, emit, mode } = parts
  const { keepStageFile } = mode
  const prepared = await machine.prepare(content.changes, { keepStageFile, emit })
  if (!prepared.ok) return failed(prepared.at, prepared.resource, prepared.fault)
  const placement = placementOf(content)
  await desk.enter(placement)
  let end: End = { how: 'untouched' }
  try {
    end = await placeAdmitted(content, placement, prepared, parts)
    return end.failure
  } finally {
    await desk.leave(placement, end.how)
  }
}

/** The end of a placement, with the failure if there was one. */
interface End {
  readonly how: Parameters<Desk['leave']>[1]
  readonly failure?: Failed
}

function placementOf({ unit, changes }: Content): Placement {
  const owing = new Map<string, Reloads>()
  for (const resource of unit.resources) {
    // A corrected owner or mode needs no reload.
    const specs = changes
      .filter((change) => change.resource === resource.name && change.plan.why !== 'metadata')
      .map(({ spec }) => spec)
    if (specs.length > 0) owing.set(resource.name, reloadsOf(resource, specs))
  }
  const { names: resources, isJudged, isChecked } = unit
  return { resources, owing, isJudged, isChecked }
}

async function placeAdmitted(
  content: Content,
  placement: Placement,
  prepared: PreparedFiles,
  parts: Parts,
): Promise<End> {
  const { unit, changes, causes } = content
  const former = await memoriesOf(content, parts)
  // The staged files and the records are synced concurrently, both before the swap.
  const [recorded, unsynced] = await Promise.all([
    record(content, placement, former, parts),
    prepared.sync(),
  ])
  if (!recorded.ok || unsynced !== undefined) {
    await prepared.discard()
    await remember(backTo(former), parts)
    const culprit = changes[0]?.resource ?? unit.name
    const failure = recorded.ok ? asFailed(unsynced) : failed('state', culprit, recorded.error)
    return { how: 'untouched', ...(failure === undefined ? {} : { failure }) }
  }
  const swapped = await prepared.swap()
  if (!swapped.ok) {
    const failure = failed(swapped.at, swapped.resource, swapped.fault)
    // Some of the new files are still in place. Only an atomic unit has recorded how to undo them; in other units,
    // the new files stay and their reload is owed.
    if (swapped.isStuck) return { how: unit.isAtomic ? 'stuck' : 'placed', failure }
    await remember(backTo(former), parts)
    return { how: 'undone', failure }
  }
  const refused = await checkGroup(unit, parts)
  if (refused !== undefined) {
    const lost = await swapped.undo()
    if (lost !== undefined) return { how: 'stuck', failure: { ...refused, fault: lost } }
    await remember(backTo(former), parts)
    return { how: 'undone', failure: refused }
  }
  // The placement is complete: drop the undo record.
  if (unit.isAtomic)
    await remember(
      [...former].map(([name]) => [name, { undo: undefined }]),
      parts,
    )
  reportWritten(swapped.files, causes, parts)
  parts.showWritten(writtenFiles(content))
  return { how: 'placed' }
}

const asFailed = (failure: ApplyFailure | undefined): Failed | undefined =>
  failure && failed(failure.at, failure.resource, failure.fault)

const writtenFiles = ({ unit, changes, causes }: Content): WrittenFile[] =>
  changes.map(({ resource, spec, plan }) => ({
    resource,
    dest: spec.dest,
    sensitive: unit.resources.some((one) => one.name === resource && one.sensitive === true),
    write: plan,
    cause: causes.get(resource) ?? noCause,
  }))

function reportWritten(files: readonly PlacedFile[], causes: Causes, { emit }: Parts): void {
  for (const file of files) {
    emit({ kind: 'written', ...file, cause: causes.get(file.resource) ?? noCause })
  }
}

/** Returns the current records of the resources that a rollback or an interrupted change may affect. */
async function memoriesOf(
  { unit, changes }: Content,
  { memory }: Parts,
): Promise<ReadonlyMap<string, Remembered>> {
  const former = new Map<string, Remembered>()
  if (!unit.mayGoBack && !unit.isAtomic) return former
  for (const name of unit.names) {
    const remembered = await memory.get(name)
    // A rejection ends when the unit gets other content.
    const isConcerned =
      remembered.rejected !== undefined || changes.some(({ resource }) => resource === name)
    if (isConcerned) former.set(name, remembered)
  }
  return former
}

/** Records the wanted files of for_each templates in the manifest. Call before the swap. */
export async function listMade(
  templates: readonly RenderedTemplate[],
  { manifest }: Parts,
): Promise<Result<void, Fault>> {
  for (const { resource, spec, files } of templates) {
    if (spec.forEach === undefined) continue
    const wanted = files.map((file) => ({
      dest: file.spec.dest,
      template: spec.dest,
      bytes: file.bytes,
    }))
    const listed = await manifest.will(resource.name, wanted)
    if (!listed.ok) return listed
  }
  return ok(undefined)
}

/** Durably records the debts, the files of for_each templates and the files for a rollback. Call before the swap. */
async function record(
  { unit, changes, templates }: Content,
  placement: Placement,
  former: ReadonlyMap<string, Remembered>,
  parts: Parts,
): Promise<Result<void, Fault>> {
  const { desk, memory, self } = parts
  const listed = await listMade(templates, parts)
  if (!listed.ok) return listed
  const owed = await desk.record(placement, unit.isAtomic)
  if (!owed.ok) return owed
  const isUnproved = unit.names.some((name) => desk.isUnproved(name))
  for (const [name, { good }] of former) {
    const own = changes.filter((change) => change.resource === name)
    const undo =
      unit.isAtomic && own.length > 0 ? { undo: { by: self, files: previousOf(own) } } : {}
    const back = unit.mayGoBack
      ? {
          // If everything is proved, the files in place are the newest good content.
          good: afterReplacing(isUnproved ? good : new Map(), formerOf(own, isUnproved)),
          placed: contentHash(templates),
          rejected: undefined,
        }
      : {}
    const written = await memory.set(name, { ...undo, ...back }, true)
    if (!written.ok) return written
  }
  return ok(undefined)
}

const backTo = (
  former: ReadonlyMap<string, Remembered>,
): (readonly [string, Partial<Remembered>])[] =>
  [...former].map(([name, { good, placed, rejected, undo }]) => [
    name,
    { good, placed, rejected, undo },
  ])

/**
 * Updates records at the end of a placement. A failure is not fatal, because the next start then restores the
 * previous files and places the new ones again.
 */
async function remember(
  changes: Iterable<readonly [string, Partial<Remembered>]>,
  { memory, emit }: Parts,
): Promise<void> {
  for (const [name, change] of changes) warnIfFailed(emit, await memory.set(name, change))
}

const previousOf = (changes: readonly FileChange[]): ReadonlyMap<string, Observed> =>
  new Map(changes.map(({ spec, plan }) => [spec.dest, plan.previous]))

/** @param isUnproved whether the content in place is unproved, so that a rollback must not restore it */
function formerOf(
  changes: readonly FileChange[],
  isUnproved: boolean,
): ReadonlyMap<string, Former> {
  const files = new Map<string, Former>()
  for (const { spec, plan } of changes) {
    const { previous } = plan
    if (previous.kind !== 'file')
      files.set(spec.dest, { kind: spec.forEach === undefined ? 'none' : 'made' })
    else files.set(spec.dest, isUnproved ? { kind: 'none' } : previous)
  }
  return files
}

/** Runs the group_check_cmd of a unit's resources on the files in place. */
async function checkGroup(
  { resources }: Unit,
  { machine, emit }: Parts,
): Promise<Failed | undefined> {
  for (const { name, groupCheck, templates } of resources) {
    if (groupCheck === undefined) continue
    const { result, fault } = await machine.groupCheck(groupCheck)
    const dest = templates.map((spec) => spec.dest).join(', ')
    emit({ kind: 'checked', resource: name, dest, command: groupCheck.command, result })
    if (fault !== undefined) return failed('check', name, fault)
  }
  return undefined
}
