// One resource, once through: render -> plan || stage -> check -> swap, and its reloads handed to the desk.
import { applyResource, type FileChange } from './apply/apply.ts'
import { hashOf } from './apply/hash.ts'
import { observe } from './apply/observe.ts'
import { expandCommand } from './core/command.ts'
import type { Emit } from './core/event.ts'
import type { Fault } from './core/fault.ts'
import { plan, type Plan } from './core/plan.ts'
import type { Reads } from './core/reader.ts'
import type { Resource, TemplateSpec } from './core/resource.ts'
import type { Tree } from './core/tree.ts'
import type { ReloadDesk, Reloads } from './flow/reloads.ts'
import type { Rendered, TemplateRenderer } from './templates/render.ts'

export interface CycleContext {
  readonly store: string
  readonly renderer: TemplateRenderer
  readonly desk: ReloadDesk
  readonly emit: Emit
  readonly noop: boolean
  readonly keepStageFile: boolean
  /** Shown the planned writes, contents included: for `-diff`, never for a log. */
  readonly showPlan: (dest: string, plan: Extract<Plan, { kind: 'write' }>) => void
  /** Told what was read as soon as rendering is over, successful or not. */
  readonly rendered: (resource: Resource, reads: readonly Reads[]) => void
}

export type Worked =
  | { readonly ok: true; readonly changed: boolean }
  | {
      readonly ok: false
      readonly at: 'render' | 'observe' | 'stage' | 'check' | 'swap' | 'state'
      readonly fault: Fault
    }

export async function cycle(
  resource: Resource,
  tree: Tree,
  context: CycleContext,
): Promise<Worked> {
  const { desk, emit } = context
  const rendered = await renderAll(resource, tree, context)
  if (!rendered.ok) return rendered

  const changes: FileChange[] = []
  for (const { spec, bytes } of rendered.files) {
    const next = plan({ ...spec, bytes }, await observe(spec.dest))
    if (next.kind === 'blocked') return { ok: false, at: 'observe', fault: next.fault }
    if (next.kind === 'in-sync') {
      emit({ kind: 'in-sync', resource: resource.name, dest: spec.dest, hash: hashOf(bytes) })
      continue
    }
    emit({ kind: 'out-of-sync', resource: resource.name, dest: spec.dest, why: next.why })
    context.showPlan(spec.dest, next)
    changes.push({ spec, plan: next })
  }

  if (context.noop) return { ok: true, changed: changes.length > 0 }
  if (changes.length === 0) {
    desk.recover(resource.name, reloadCommands(resource.templates))
    return { ok: true, changed: false }
  }
  return apply(resource, changes, context)
}

async function apply(
  resource: Resource,
  changes: readonly FileChange[],
  context: CycleContext,
): Promise<Worked> {
  const { desk, emit, keepStageFile } = context
  // A repaired owner or mode is nothing that a program has to be told of.
  const reloads = reloadCommands(
    changes.filter(({ plan }) => plan.why !== 'metadata').map(({ spec }) => spec),
  )
  let owed = false
  const applied = await applyResource(resource, changes, {
    keepStageFile,
    emit,
    beforeSwap: async () => {
      owed = true
      return desk.owe(resource.name, reloads)
    },
  })
  if (!applied.ok) {
    if (owed) await desk.withdraw(resource.name)
    return applied
  }
  desk.request(resource.name, reloads)
  desk.recover(resource.name, reloadCommands(resource.templates))
  return { ok: true, changed: true }
}

/**
 * The distinct reload commands of some templates, ready to run. By the time they run the staged file
 * has become the destination, so `src` names that as well.
 */
export function reloadCommands(specs: readonly TemplateSpec[]): Reloads {
  const reloads = new Map<string, number>()
  for (const { reloadCmd, reloadTimeout, dest } of specs) {
    if (reloadCmd === undefined) continue
    const command = expandCommand(reloadCmd, { src: dest, dest })
    reloads.set(command, Math.max(reloadTimeout, reloads.get(command) ?? 0))
  }
  return reloads
}

type RenderedAll =
  | {
      readonly ok: true
      readonly files: readonly { readonly spec: TemplateSpec; readonly bytes: Uint8Array }[]
    }
  | { readonly ok: false; readonly at: 'render'; readonly fault: Fault }

async function renderAll(
  resource: Resource,
  tree: Tree,
  context: CycleContext,
): Promise<RenderedAll> {
  const files: { spec: TemplateSpec; bytes: Rendered['bytes'] }[] = []
  const reads: Reads[] = []
  let fault: Fault | undefined
  for (const spec of resource.templates) {
    const { prefix, keys } = spec
    const result = await context.renderer.render(spec, tree, { store: context.store, prefix, keys })
    reads.push(result.ok ? result.value.reads : result.error.reads)
    if (result.ok) files.push({ spec, bytes: result.value.bytes })
    // The others are rendered all the same, so that their reads and their faults are known.
    else fault ??= result.error.fault
  }
  context.rendered(resource, reads)
  return fault === undefined ? { ok: true, files } : { ok: false, at: 'render', fault }
}
