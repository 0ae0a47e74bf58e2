// Apply: the steps that bring one resource's files into place, in their order. All files of the
// resource pass one step before any takes the next, so none is swapped when another is refused.
//
//     stage -> check -> owe (the caller's beforeSwap) -> swap
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Plan } from '../core/plan.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import type { Result } from '../core/result.ts'
import { check } from './check.ts'
import { hashOf } from './hash.ts'
import { release, stage, type Staged } from './stage.ts'
import { restore, setMetadata, swap, syncDirs } from './swap.ts'

export interface FileChange {
  readonly spec: TemplateSpec
  readonly plan: Extract<Plan, { kind: 'write' }>
}

export type Applied =
  | {
      readonly ok: true
      readonly written: readonly FileChange[]
      /**
       * Resolves when the renames are safe on disk too; never rejects. No reload need wait for it:
       * every reader sees the new files already, and should a power cut undo a rename, the next
       * start sees the old file, writes it anew and reloads.
       */
      readonly durable: Promise<void>
    }
  | {
      readonly ok: false
      readonly at: 'stage' | 'check' | 'swap' | 'state'
      readonly fault: Fault
      readonly spec: TemplateSpec
    }

export interface ApplyOptions {
  /** The staged file stays beside the destination, under a name that a notice tells. */
  readonly keepStageFile: boolean
  readonly emit: Emit
  /**
   * Runs when all checks have passed and before the first swap: writes the owed reload down. When
   * a swap fails after it, that reload stays owed; it is for the caller to strike it out.
   */
  readonly beforeSwap: () => Promise<Result<void, Fault>>
  /** Ends a running check; once the first file is swapped the rest follows. */
  readonly signal?: AbortSignal
}

/** A change on its way. Staged: absent when only mode and owner are to be set. */
interface Step {
  readonly change: FileChange
  readonly staged?: Staged
  /** Of the new content, for the log. */
  readonly hash: string
}

type Failure = Extract<Applied, { ok: false }>

/**
 * Applies the changes of one resource, all or none. On failure every destination is as it was and
 * no staged file is left, unless it is to be kept.
 */
export async function applyResource(
  resource: Resource,
  changes: readonly FileChange[],
  options: ApplyOptions,
): Promise<Applied> {
  const steps: Step[] = []
  let failure: Failure | undefined
  try {
    failure =
      stageAll(changes, steps, options) ??
      (await checkAll(resource, steps, options)) ??
      (await makeSafe(steps, options)) ??
      (await swapAll(steps, options))
  } finally {
    for (const { staged } of steps) if (staged) await release(staged, options.keepStageFile)
  }
  if (options.keepStageFile) tellKept(steps, options.emit)
  if (failure !== undefined) return failure
  for (const { change, hash } of steps) {
    const { spec, plan } = change
    options.emit({
      kind: 'written',
      resource: resource.name,
      dest: spec.dest,
      why: plan.why,
      hash,
      bytes: plan.next.bytes.length,
    })
  }
  return { ok: true, written: changes, durable: makeDurable(steps, options.emit) }
}

const failed = (at: Failure['at'], fault: Fault, { spec }: FileChange): Failure => ({
  ok: false,
  at,
  fault,
  spec,
})

function stageAll(
  changes: readonly FileChange[],
  steps: Step[],
  options: ApplyOptions,
): Failure | undefined {
  for (const change of changes) {
    const { next, why } = change.plan
    if (why === 'metadata') {
      steps.push({ change, hash: hashOf(next.bytes) })
      continue
    }
    const staged = stage(change.spec.dest, next, options.keepStageFile)
    if (!staged.ok) return failed('stage', staged.error, change)
    // Counted while the disk is at work.
    steps.push({ change, staged: staged.value, hash: hashOf(next.bytes) })
  }
  return undefined
}

async function checkAll(
  resource: Resource,
  steps: readonly Step[],
  { emit, signal }: ApplyOptions,
): Promise<Failure | undefined> {
  const isStopped = (): boolean => signal?.aborted === true
  for (const { change, staged } of steps) {
    if (isStopped()) return failed('check', stopped(change.spec), change)
    const checked = staged && (await check(change.spec, staged, signal))
    if (checked === undefined) continue
    const { command, result, fault } = checked
    emit({ kind: 'checked', resource: resource.name, dest: change.spec.dest, command, result })
    if (fault === undefined) continue
    return failed('check', isStopped() ? stopped(change.spec) : fault, change)
  }
  return undefined
}

const stopped = (spec: TemplateSpec): Fault => ({
  kind: 'command',
  message: `stopped before ${spec.dest} was changed`,
})

/** The staged content and the owed reload go to disk side by side: both precede the swap. */
async function makeSafe(
  steps: readonly Step[],
  { beforeSwap }: ApplyOptions,
): Promise<Failure | undefined> {
  const owed = beforeSwap()
  for (const { change, staged } of steps) {
    const synced = await staged?.synced
    if (synced?.ok === false) {
      await owed
      return failed('stage', synced.error, change)
    }
  }
  const written = await owed
  const first = steps[0]
  return written.ok || first === undefined
    ? undefined
    : failed('state', written.error, first.change)
}

async function swapAll(
  steps: readonly Step[],
  { keepStageFile }: ApplyOptions,
): Promise<Failure | undefined> {
  const done: FileChange[] = []
  for (const { change, staged } of steps) {
    const { spec, plan } = change
    const swapped = staged
      ? await swap(spec.dest, staged, keepStageFile)
      : setMetadata(spec.dest, plan.next)
    if (!swapped.ok) return failed('swap', await undo(done, swapped.error), change)
    done.push(change)
  }
  return undefined
}

async function makeDurable(steps: readonly Step[], emit: Emit): Promise<void> {
  const synced = await syncDirs(steps.flatMap(({ staged }) => (staged ? [staged.target] : [])))
  if (!synced.ok) emit({ kind: 'notice', level: 'warn', message: synced.error.message })
}

/** Brings back the files that were swapped before one could not be, the newest first. */
async function undo(done: readonly FileChange[], fault: Fault): Promise<Fault> {
  const lost: string[] = []
  for (const { spec, plan } of done.toReversed()) {
    const { previous } = plan
    const back =
      plan.why === 'metadata' && previous.kind === 'file'
        ? setMetadata(spec.dest, previous)
        : await restore(spec.dest, previous)
    if (!back.ok) lost.push(back.error.message)
  }
  if (lost.length === 0) return fault
  return { ...fault, message: `${fault.message}; and not all could be undone: ${lost.join('; ')}` }
}

function tellKept(steps: readonly Step[], emit: Emit): void {
  for (const { staged } of steps) {
    if (staged === undefined) continue
    emit({ kind: 'notice', level: 'info', message: `the staged file is kept: ${staged.path}` })
  }
}
