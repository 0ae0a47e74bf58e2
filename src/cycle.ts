// One unit, once through: render -> guard -> plan || stage -> check -> swap -> group check, and its
// reloads handed to the desk. All files of the unit pass one step before any takes the next.
import { applyFiles, type FileChange } from './apply/apply.ts'
import { groupCheck } from './apply/check.ts'
import { hashOf } from './apply/hash.ts'
import { observe } from './apply/observe.ts'
import type { Emit } from './core/event.ts'
import type { Fault } from './core/fault.ts'
import { keysRead } from './core/guard.ts'
import { plan, type Observed, type Write } from './core/plan.ts'
import type { Reads } from './core/reader.ts'
import { reloadsOf } from './core/reload.ts'
import type { Resource, TemplateSpec } from './core/resource.ts'
import { err, ok, type Result } from './core/result.ts'
import type { Tree } from './core/tree.ts'
import { mayGoBack, type Unit } from './core/unit.ts'
import type { LastGood } from './flow/last-good.ts'
import type { Records } from './flow/records.ts'
import type { ReloadDesk } from './flow/reloads.ts'
import type { GuardedFile, Guards } from './guards.ts'
import type { TemplateRenderer } from './templates/render.ts'

export interface CycleContext {
  readonly store: string
  readonly renderer: TemplateRenderer
  readonly desk: ReloadDesk
  readonly records: Records
  readonly guards: Guards
  readonly lastGood: LastGood
  /** By resource with a reload that may be rolled back: the hash of what was rendered last. */
  readonly contents: Map<string, string>
  readonly emit: Emit
  readonly noop: boolean
  readonly keepStageFile: boolean
  /** The keys as a resource is to see them now. */
  readonly treeOf: (resource: Resource) => Tree
  /** Shown the planned writes, contents included: for `-diff`, never for a log. */
  readonly showPlan: (dest: string, plan: Write) => void
  /** Told what was read as soon as rendering is over, successful or not. */
  readonly rendered: (resource: Resource, reads: readonly Reads[]) => void
}

export type Worked =
  /** `changed`: the resources whose files were written; with -noop, would be. */
  | { readonly kind: 'done'; readonly changed: readonly string[] }
  /** A guard stops the whole unit. */
  | { readonly kind: 'held'; readonly resource: string }
  /** The reload has rejected this very content before. */
  | { readonly kind: 'rejected'; readonly resource: string; readonly fault: Fault }
  | Failed

export interface Failed {
  readonly kind: 'failed'
  readonly resource: string
  readonly at: 'render' | 'observe' | 'stage' | 'check' | 'swap' | 'state'
  readonly fault: Fault
}

/** A rendered file on its way to its destination. */
interface File {
  readonly resource: Resource
  readonly spec: TemplateSpec
  readonly bytes: Uint8Array
  readonly reads: Reads
}

interface Planned {
  readonly changes: readonly FileChange[]
  /** By resource: what its guards compare. */
  readonly guarded: ReadonlyMap<Resource, readonly GuardedFile[]>
}

export async function cycle(unit: Unit, context: CycleContext): Promise<Worked> {
  const { desk, guards, noop } = context
  const rendered = await renderAll(unit, context)
  if (!rendered.ok) return rendered.error
  const files = rendered.value
  const stopped = await isRejected(unit, files, context)
  if (stopped !== undefined) return stopped
  const planned = await planAll(files, context)
  if (!planned.ok) return planned.error
  const { changes, guarded } = planned.value
  const changed = [...new Set(changes.map(({ resource }) => resource))]
  for (const resource of unit.resources) {
    const compared = guarded.get(resource) ?? []
    const concerned = compared.length > 0 && changed.includes(resource.name)
    if (concerned && (await guards.holds(resource, contentHash(resource, files), compared)))
      return { kind: 'held', resource: resource.name }
  }
  if (noop) return { kind: 'done', changed }
  const failure =
    changes.length > 0 ? await apply(unit, changes, context) : await recheck(unit, context)
  if (failure !== undefined) return failure
  for (const resource of unit.resources) {
    await guards.applied(resource, guarded.get(resource) ?? [])
    desk.recover(resource.name, reloadsOf(resource, resource.templates))
  }
  return { kind: 'done', changed }
}

async function renderAll(
  unit: Unit,
  context: CycleContext,
): Promise<Result<readonly File[], Failed>> {
  const files: File[] = []
  let failure: Failed | undefined
  for (const resource of unit.resources) {
    const all: Reads[] = []
    for (const spec of resource.templates) {
      const { prefix, keys } = spec
      const scope = { store: context.store, prefix, keys }
      const result = await context.renderer.render(spec, context.treeOf(resource), scope)
      const { reads } = result.ok ? result.value : result.error
      all.push(reads)
      if (result.ok) files.push({ resource, spec, bytes: result.value.bytes, reads })
      // The others are rendered all the same, so that their reads and their faults are known.
      else failure ??= failed('render', resource.name, result.error.fault)
    }
    context.rendered(resource, all)
  }
  return failure === undefined ? ok(files) : err(failure)
}

async function planAll(
  files: readonly File[],
  { treeOf, emit, showPlan }: CycleContext,
): Promise<Result<Planned, Failed>> {
  const changes: FileChange[] = []
  const guarded = new Map<Resource, GuardedFile[]>()
  for (const { resource, spec, bytes, reads } of files) {
    const { dest } = spec
    const observed = await observe(dest, spec.followSymlinks)
    const next = plan({ ...spec, bytes }, observed)
    if (next.kind === 'blocked') return err(failed('observe', resource.name, next.fault))
    if (spec.guard !== undefined) {
      const keys = keysRead(treeOf(resource), spec, [reads])
      const lastSize = observed.kind === 'file' ? observed.bytes.length : undefined
      const file = { spec, keys, size: bytes.length, lastSize }
      guarded.set(resource, [...(guarded.get(resource) ?? []), file])
    }
    if (next.kind === 'in-sync') {
      emit({ kind: 'in-sync', resource: resource.name, dest, hash: hashOf(bytes) })
      continue
    }
    emit({ kind: 'out-of-sync', resource: resource.name, dest, why: next.why })
    showPlan(dest, next)
    changes.push({ resource: resource.name, spec, plan: next })
  }
  return ok({ changes, guarded })
}

async function apply(
  unit: Unit,
  changes: readonly FileChange[],
  context: CycleContext,
): Promise<Failed | undefined> {
  const { desk, emit, keepStageFile } = context
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
  for (const [name, all] of reloads) desk.request(name, all)
  return undefined
}

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
  files: readonly File[],
  { records, contents }: CycleContext,
): Promise<Worked | undefined> {
  if (!unit.resources.some(({ reload }) => reload.onFailure === 'rollback')) return undefined
  for (const resource of unit.resources) {
    const hash = contentHash(resource, files)
    contents.set(resource.name, hash)
    const { rejected } = await records.get(resource.name)
    if (rejected !== hash) continue
    const message = `this content (${rejected}) was rolled back, since its reload failed; it is not tried again until it changes`
    const hint = `Correct the keys or the template; reconfd accept ${resource.name} tries it once more.`
    return { kind: 'rejected', resource: resource.name, fault: { kind: 'command', message, hint } }
  }
  return undefined
}

/** One hash for all that a resource consists of. */
function contentHash(resource: Resource, files: readonly File[]): string {
  const own = files.filter((file) => file.resource === resource)
  return hashOf(Buffer.concat(own.flatMap(({ spec, bytes }) => [Buffer.from(spec.dest), bytes])))
}

const failed = (at: Failed['at'], resource: string, fault: Fault): Failed => ({
  kind: 'failed',
  resource,
  at,
  fault,
})
