// One unit, once through: render -> guard -> plan || stage -> check -> swap -> group check, and its
// reloads handed to the desk. All files of the unit pass one step before any takes the next.
import { applyFiles, type FileChange } from '../apply/apply.ts'
import { groupCheck } from '../apply/check.ts'
import { tryFiles, type TriedFile } from '../apply/trial.ts'
import { warnIfFailed } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Observed } from '../core/plan.ts'
import { reloadsOf } from '../core/reload.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import { ok, type Result } from '../core/result.ts'
import { mayGoBack, type Unit } from '../core/unit.ts'
import type { WrittenFile } from '../core/written.ts'
import type { LastGood } from '../state/last-good.ts'
import type { Records } from '../state/records.ts'
import type { ReloadDesk } from './desk.ts'
import type { Guards } from './guards.ts'
import { planUnit, type PlanContext, type PlannedUnit } from './plan-unit.ts'
import {
  contentHash,
  renderUnit,
  type NotKnown,
  type RenderContext,
  type RenderedTemplate,
} from './render-unit.ts'

export interface CycleContext extends RenderContext, PlanContext {
  readonly desk: ReloadDesk
  readonly records: Records
  readonly guards: Guards
  readonly lastGood: LastGood
  /** By resource with a reload that may be rolled back: the hash of what was rendered last. */
  readonly contents: Map<string, string>
  /** Told of the files that are in place to stay, with their contents. */
  readonly wrote: (files: readonly WrittenFile[]) => void
  readonly noop: boolean
  /**
   * With noop: the files that output_format and check_cmd are tried on, in a folder apart. `all`: and
   * nothing is compared with what is in place.
   */
  readonly trial?: 'changes' | 'all' | undefined
  readonly keepStageFile: boolean
}

export type Worked =
  /** `changed`: the resources whose files were written; with -noop, would be. */
  | { readonly kind: 'done'; readonly changed: readonly string[] }
  /** A guard stops the whole unit. */
  | { readonly kind: 'held'; readonly resource: string }
  /** What a template has looked up is not known yet; nothing was touched. */
  | ({ readonly kind: 'waiting' } & NotKnown)
  /** The reload has rejected this very content before. */
  | { readonly kind: 'rejected'; readonly resource: string; readonly fault: Fault }
  | Failed

export interface Failed {
  readonly kind: 'failed'
  readonly resource: string
  readonly at: 'render' | 'observe' | 'stage' | 'check' | 'swap' | 'state'
  readonly fault: Fault
}

export async function cycle(unit: Unit, context: CycleContext): Promise<Worked> {
  const { desk, guards, noop } = context
  const rendered = await renderUnit(unit, context)
  if (!rendered.ok) {
    const { error } = rendered
    if ('missing' in error) return { kind: 'waiting', ...error }
    return failed('render', error.resource, error.fault)
  }
  const templates = rendered.value
  if (context.trial === 'all') return tried(filesOf(templates), context)
  const stopped = await isRejected(unit, templates, context)
  if (stopped !== undefined) return stopped
  const planned = await planUnit(templates, context)
  if (!planned.ok) return failed('observe', planned.error.resource, planned.error.fault)
  const { changes, guarded } = planned.value
  const changed = [...new Set(changes.map(({ resource }) => resource))]
  for (const resource of unit.resources) {
    const compared = guarded.get(resource) ?? []
    const concerned = compared.length > 0 && changed.includes(resource.name)
    if (concerned && (await guards.holds(resource, contentHash(resource, templates), compared)))
      return { kind: 'held', resource: resource.name }
  }
  if (noop) {
    const failure = context.trial === undefined ? undefined : await tryChanges(changes, context)
    return failure ?? { kind: 'done', changed }
  }
  const failure =
    changes.length > 0
      ? await apply(unit, changes, templates, context)
      : await recheck(unit, context)
  if (failure !== undefined) return failure
  await confirm(templates, planned.value, context)
  for (const resource of unit.resources) {
    await guards.applied(resource, guarded.get(resource) ?? [])
    desk.recover(resource.name, reloadsOf(resource, resource.templates))
  }
  return { kind: 'done', changed }
}

const filesOf = (templates: readonly RenderedTemplate[]): TriedFile[] =>
  templates.flatMap(({ resource, files }) =>
    files.map((file) => ({ resource: resource.name, ...file })),
  )

async function tried(files: readonly TriedFile[], { emit }: CycleContext): Promise<Worked> {
  const failure = await tryFiles(files, emit)
  if (failure !== undefined) return failed('check', failure.resource, failure.fault)
  return { kind: 'done', changed: [] }
}

async function tryChanges(
  changes: readonly FileChange[],
  { emit }: CycleContext,
): Promise<Failed | undefined> {
  const files = changes.flatMap(({ resource, spec, plan }) =>
    plan.why === 'create' || plan.why === 'content'
      ? [{ resource, spec, bytes: plan.next.bytes }]
      : [],
  )
  const failure = await tryFiles(files, emit)
  return failure && failed('check', failure.resource, failure.fault)
}

async function apply(
  unit: Unit,
  changes: readonly FileChange[],
  templates: readonly RenderedTemplate[],
  context: CycleContext,
): Promise<Failed | undefined> {
  const { desk, emit, wrote, keepStageFile } = context
  const reloads = new Map(
    unit.resources
      .map(
        (resource) => [resource.name, reloadsOf(resource, reloading(resource, changes))] as const,
      )
      .filter(([name]) => changes.some((change) => change.resource === name)),
  )
  let owed = false
  const applied = await applyFiles(changes, {
    keepStageFile,
    emit,
    beforeSwap: async () => {
      owed = true
      const listed = await listMade(templates, context)
      if (!listed.ok) return listed
      for (const [name, all] of reloads) {
        const written = await desk.owe(name, all)
        if (!written.ok) return written
      }
      return keepGood(unit, changes, context)
    },
  })
  const withdraw = async (): Promise<void> => {
    if (owed) for (const name of reloads.keys()) await desk.withdraw(name)
  }
  if (!applied.ok) {
    await withdraw()
    return failed(applied.at, applied.resource, applied.fault)
  }
  const fault = await checkGroup(unit, context)
  if (fault !== undefined) {
    const lost = await applied.undo()
    await withdraw()
    return failed('check', fault.resource, lost === undefined ? fault.fault : lost)
  }
  wrote(changes.map((change) => writtenFile(change, unit)))
  for (const [name, all] of reloads) desk.request(name, all)
  return undefined
}

const writtenFile = ({ resource, spec, plan }: FileChange, unit: Unit): WrittenFile => ({
  resource,
  dest: spec.dest,
  sensitive: unit.resources.some(({ name, sensitive }) => name === resource && sensitive === true),
  write: plan,
})

/** A repaired owner or mode is nothing that a program has to be told of. */
const reloading = (resource: Resource, changes: readonly FileChange[]): TemplateSpec[] =>
  changes.flatMap((change) =>
    change.resource === resource.name && change.plan.why !== 'metadata' ? [change.spec] : [],
  )

/** Nothing to write; but what a crash has left in place may not have passed its group's check. */
async function recheck(unit: Unit, context: CycleContext): Promise<Failed | undefined> {
  const { desk } = context
  if (!unit.resources.some(({ name }) => desk.owes(name))) return undefined
  const fault = await checkGroup(unit, context)
  return fault && failed('check', fault.resource, fault.fault)
}

async function checkGroup(
  unit: Unit,
  { emit }: CycleContext,
): Promise<{ readonly resource: string; readonly fault: Fault } | undefined> {
  for (const { name, groupCheck: command, templates } of unit.resources) {
    if (command === undefined) continue
    const { result, fault } = await groupCheck(command)
    const dest = templates.map((spec) => spec.dest).join(', ')
    emit({ kind: 'checked', resource: name, dest, command: command.command, result })
    if (fault !== undefined) return { resource: name, fault }
  }
  return undefined
}

/** Lists the files of for_each templates before they are made. */
async function listMade(
  templates: readonly RenderedTemplate[],
  { manifest }: CycleContext,
): Promise<Result<void, Fault>> {
  for (const { resource, spec, files } of templates) {
    if (spec.forEach === undefined) continue
    const wanted = files.map((file) => ({
      dest: file.spec.dest,
      template: spec.dest,
      bytes: file.bytes,
    }))
    const written = await manifest.will(resource.name, wanted)
    if (!written.ok) return written
  }
  return ok(undefined)
}

/** Writes down what to go back to. */
async function keepGood(
  unit: Unit,
  changes: readonly FileChange[],
  { lastGood }: CycleContext,
): Promise<Result<void, Fault>> {
  if (!mayGoBack(unit)) return ok(undefined)
  for (const { name } of unit.resources) {
    const files = new Map<string, Observed>()
    for (const { resource, spec, plan: write } of changes) {
      if (resource === name) files.set(spec.dest, write.previous)
    }
    if (files.size === 0) continue
    const written = await lastGood.replacing(name, files)
    if (!written.ok) return written
  }
  return ok(undefined)
}

async function isRejected(
  unit: Unit,
  templates: readonly RenderedTemplate[],
  { records, contents, guards }: CycleContext,
): Promise<Worked | undefined> {
  if (!unit.resources.some(({ reload }) => reload.onFailure === 'rollback')) return undefined
  for (const resource of unit.resources) {
    const hash = contentHash(resource, templates)
    contents.set(resource.name, hash)
    const { rejected } = await records.get(resource.name)
    if (rejected !== hash || guards.isAccepted(resource.name, hash)) continue
    const message = `this content (${rejected}) was rolled back, since its reload failed; it is not tried again until it changes`
    const hint = `Correct the keys or the template; reconfd accept ${resource.name} tries it once more.`
    return { kind: 'rejected', resource: resource.name, fault: { kind: 'command', message, hint } }
  }
  return undefined
}

/** Everything is in place: what for_each templates have made is known to be theirs. */
async function confirm(
  templates: readonly RenderedTemplate[],
  { changes, gone }: PlannedUnit,
  context: CycleContext,
): Promise<void> {
  const { manifest, forEachOf, emit } = context
  // Those that were there before, and hold what was to be written, are theirs as well.
  warnIfFailed(emit, await listMade(templates, context))
  for (const { resource, spec, files } of templates) {
    if (spec.forEach === undefined) continue
    const { name } = resource
    const removed = changes.flatMap((change) =>
      change.resource === name && change.plan.why === 'remove' ? [change.spec.dest] : [],
    )
    const made = files.map((file) => file.spec.dest)
    forEachOf(spec).confirm(made)
    const listed = await manifest.made(name, made)
    const unlisted = await manifest.gone(name, [...removed, ...(gone.get(name) ?? [])])
    for (const written of [listed, unlisted]) {
      // Not fatal: a file too many is listed, or one is looked at once more.
      warnIfFailed(emit, written)
    }
  }
}

const failed = (at: Failed['at'], resource: string, fault: Fault): Failed => ({
  kind: 'failed',
  resource,
  at,
  fault,
})
