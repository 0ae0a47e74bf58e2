// From planned changes to files in place: stage and check, wait to be admitted, record what will be owed
// and what to go back to, swap, check the group. All files of a unit pass one step before any takes the
// next, and on failure every destination is as it was before.
import type { FileChange, PlacedFile, PreparedFiles } from '../apply/apply.ts'
import { noCause } from '../core/cause.ts'
import { warnIfFailed } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { replacing, type Former } from '../core/last-good.ts'
import type { Observed } from '../core/plan.ts'
import type { Placement } from '../core/reload-protocol.ts'
import { reloadsOf, type Reloads } from '../core/reload.ts'
import { ok, type Result } from '../core/result.ts'
import type { WrittenFile } from '../core/written.ts'
import type { Remembered } from '../state/records.ts'
import { failed, type Causes, type Failed } from './outcome.ts'
import type { Parts } from './parts.ts'
import { contentHash, type RenderedTemplate } from './render-unit.ts'
import type { Unit } from './unit.ts'

/** What is on its way to its destinations. */
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
  let isPlaced = false
  try {
    const failure = await placeAdmitted(content, placement, prepared, parts)
    isPlaced = failure === undefined
    return failure
  } finally {
    await desk.leave(placement, isPlaced)
  }
}

function placementOf({ unit, changes }: Content): Placement {
  const owing = new Map<string, Reloads>()
  for (const resource of unit.resources) {
    // A repaired owner or mode is nothing that a program has to be told of.
    const specs = changes
      .filter((change) => change.resource === resource.name && change.plan.why !== 'metadata')
      .map(({ spec }) => spec)
    if (specs.length > 0) owing.set(resource.name, reloadsOf(resource, specs))
  }
  return { resources: unit.names, owing, isJudged: unit.isJudged }
}

async function placeAdmitted(
  content: Content,
  placement: Placement,
  prepared: PreparedFiles,
  parts: Parts,
): Promise<Failed | undefined> {
  const { unit, changes, causes } = content
  const former = await memoriesOf(content, parts)
  // The staged content and what is recorded go to disk side by side: both precede the swap.
  const [recorded, unsynced] = await Promise.all([
    record(content, placement, former, parts),
    prepared.sync(),
  ])
  if (!recorded.ok || unsynced !== undefined) {
    await prepared.discard()
    await remember(backTo(former), parts)
    if (!recorded.ok) return failed('state', changes[0]?.resource ?? unit.name, recorded.error)
    return unsynced && failed(unsynced.at, unsynced.resource, unsynced.fault)
  }
  const swapped = await prepared.swap()
  if (!swapped.ok) {
    await remember(backTo(former), parts)
    return failed(swapped.at, swapped.resource, swapped.fault)
  }
  const refused = await checkGroup(unit, parts)
  if (refused !== undefined) {
    const lost = await swapped.undo()
    // What could not be put back stays recorded: the next start tries again.
    if (lost === undefined) await remember(backTo(former), parts)
    return { ...refused, fault: lost ?? refused.fault }
  }
  // The change is whole: nothing has to be put back.
  if (unit.isAtomic) await remember([...former].map(([name]) => [name, { undo: undefined }]), parts)
  tellWritten(swapped.files, causes, parts)
  parts.showWritten(writtenFiles(content))
  return undefined
}

const writtenFiles = ({ unit, changes, causes }: Content): WrittenFile[] =>
  changes.map(({ resource, spec, plan }) => ({
    resource,
    dest: spec.dest,
    sensitive: unit.resources.some((one) => one.name === resource && one.sensitive === true),
    write: plan,
    cause: causes.get(resource) ?? noCause,
  }))

function tellWritten(files: readonly PlacedFile[], causes: Causes, { emit }: Parts): void {
  for (const file of files) {
    emit({ kind: 'written', ...file, cause: causes.get(file.resource) ?? noCause })
  }
}

/** What is remembered of the resources that a rollback or an interrupted change may concern. */
async function memoriesOf(
  { unit, changes }: Content,
  { memory }: Parts,
): Promise<ReadonlyMap<string, Remembered>> {
  const former = new Map<string, Remembered>()
  if (!mayGoBack(unit) && !unit.isAtomic) return former
  for (const name of unit.names) {
    if (changes.some(({ resource }) => resource === name)) former.set(name, await memory.get(name))
  }
  return former
}

const mayGoBack = ({ resources }: Unit): boolean =>
  resources.some(({ reload }) => reload.onFailure === 'rollback')

/** Records durably what the swap makes necessary: debts, the files of for_each, what to go back to. */
async function record(
  { unit, changes, templates }: Content,
  placement: Placement,
  former: ReadonlyMap<string, Remembered>,
  { desk, manifest, memory, self }: Parts,
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
  const owed = await desk.record(placement, unit.isAtomic)
  if (!owed.ok) return owed
  for (const [name, { good }] of former) {
    const own = changes.filter((change) => change.resource === name)
    const undo = unit.isAtomic ? { undo: { by: self, files: previousOf(own) } } : {}
    const back = mayGoBack(unit)
      ? {
          good: replacing(good, formerOf(own)),
          placed: contentHash(name, templates),
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

/** Not fatal when it fails: the next start puts former files back and places the new ones again. */
async function remember(
  changes: Iterable<readonly [string, Partial<Remembered>]>,
  { memory, emit }: Parts,
): Promise<void> {
  for (const [name, change] of changes) warnIfFailed(emit, await memory.set(name, change))
}

const previousOf = (changes: readonly FileChange[]): ReadonlyMap<string, Observed> =>
  new Map(changes.map(({ spec, plan }) => [spec.dest, plan.previous]))

function formerOf(changes: readonly FileChange[]): ReadonlyMap<string, Former> {
  const files = new Map<string, Former>()
  for (const { spec, plan } of changes) {
    if (plan.previous.kind === 'file') files.set(spec.dest, plan.previous)
    else files.set(spec.dest, { kind: spec.forEach === undefined ? 'absent' : 'made' })
  }
  return files
}

/** Runs the group_check_cmd of a unit's resources on the files in their places. */
export async function checkGroup(
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
