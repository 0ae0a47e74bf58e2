// Apply: the steps that bring files into place, in their order: those of one resource, or of all the
// resources of a group. All files pass one step before any takes the next, so none is swapped when
// another is refused.
//
//     stage -> check -> owe (the caller's beforeSwap) -> swap [-> undo, should the caller ask for it]
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Write } from '../core/plan.ts'
import type { TemplateSpec } from '../core/resource.ts'
import type { Result } from '../core/result.ts'
import { keepAttributes } from './attributes.ts'
import { linkFault } from '../system/place.ts'
import { Checks } from './check.ts'
import { removeDirs } from './dirs.ts'
import { formatFault } from './format.ts'
import { hashOf } from './hash.ts'
import { draft, fill } from './stage.ts'
import type { Staged } from './staged.ts'
import { remove, repairMetadata, restore, swap, syncDirs } from './swap.ts'
import { restoreFiles } from './undo.ts'

export interface FileChange {
  /** The name of the resource that it belongs to, for what is told. */
  readonly resource: string
  /** Its `dest` is the file's own path, also where the resource has a template of paths. */
  readonly spec: TemplateSpec
  readonly plan: Write
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
      /**
       * Puts every destination back as it was before, and removes the folders that were made. All
       * are tried; the fault names those that could not be put back.
       */
      readonly undo: () => Promise<Fault | undefined>
    }
  | {
      readonly ok: false
      readonly at: 'stage' | 'check' | 'swap' | 'state'
      readonly fault: Fault
      readonly resource: string
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

/** A change on its way. Staged: absent when a file is to go, or only its mode and owner are to be set. */
interface Step {
  readonly change: FileChange
  readonly staged?: Staged
  /** Of the new content, for the log; empty when there is none. */
  hash: string
}

type Failure = Extract<Applied, { ok: false }>

/**
 * Applies the changes, all or none. On failure every destination is as it was and no staged file and
 * no folder is left, unless the staged file is to be kept.
 */
export async function applyFiles(
  changes: readonly FileChange[],
  options: ApplyOptions,
): Promise<Applied> {
  const steps: Step[] = []
  let failure: Failure | undefined
  try {
    failure =
      (await stageAll(changes, steps, options)) ??
      (await checkAll(steps, options)) ??
      (await makeSafe(steps, options)) ??
      (await swapAll(steps))
  } finally {
    for (const { staged } of steps) {
      const kept = await staged?.release(options.keepStageFile)
      if (kept === undefined) continue
      const message = `the staged file is kept: ${kept}`
      options.emit({ kind: 'notice', level: 'info', message })
    }
  }
  if (failure !== undefined) {
    removeMadeDirs(steps)
    return failure
  }
  for (const { change, hash } of steps) {
    const { resource, spec, plan } = change
    const { why } = plan
    const bytes = why === 'remove' ? 0 : plan.next.bytes.length
    options.emit({ kind: 'written', resource, dest: spec.dest, why, hash, bytes })
  }
  return {
    ok: true,
    written: changes,
    durable: makeDurable(steps, options.emit),
    undo: async () => {
      const fault = await undo(changes)
      removeMadeDirs(steps)
      return fault
    },
  }
}

const failed = (at: Failure['at'], fault: Fault, { resource, spec }: FileChange): Failure => ({
  ok: false,
  at,
  fault,
  resource,
  spec,
})

/** The attributes come first: whoever an ACL lets read a file does not see the content before its mode is set. */
async function stageAll(
  changes: readonly FileChange[],
  steps: Step[],
  { emit }: ApplyOptions,
): Promise<Failure | undefined> {
  for (const change of changes) {
    const { spec, plan } = change
    if (plan.why === 'remove' || plan.why === 'metadata') {
      const refused = linkFault(spec)
      if (refused !== undefined) return failed('stage', refused, change)
      steps.push({ change, hash: '' })
      continue
    }
    const staged = draft(spec, plan.next, spec.mkdirs)
    if (!staged.ok) return failed('stage', staged.error, change)
    steps.push({ change, staged: staged.value, hash: '' })
  }
  const lost = await keepAttributes(steps.flatMap(({ staged }) => staged ?? []))
  for (const message of lost) emit({ kind: 'notice', level: 'warn', message })
  for (const step of steps) {
    const { change, staged } = step
    const filled = staged && fill(staged, change.spec.dest)
    if (filled?.ok === false) return failed('stage', filled.error, change)
    // Counted while the disk is at work.
    if (change.plan.why !== 'remove') step.hash = hashOf(change.plan.next.bytes)
  }
  return undefined
}

async function checkAll(
  steps: readonly Step[],
  { emit, signal }: ApplyOptions,
): Promise<Failure | undefined> {
  const isStopped = (): boolean => signal?.aborted === true
  let resource = ''
  const checks = new Checks(
    ({ dest }, { command, result }) => emit({ kind: 'checked', resource, dest, command, result }),
    signal,
  )
  for (const { change, staged } of steps) {
    const { spec } = change
    ;({ resource } = change)
    if (isStopped()) return failed('check', stopped(spec), change)
    if (staged === undefined) continue
    const wrong = await formatFault(spec, staged.next.bytes)
    const fault = wrong ?? (await checks.check(spec, staged))
    if (fault === undefined) continue
    return failed('check', isStopped() && wrong === undefined ? stopped(spec) : fault, change)
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

async function swapAll(steps: readonly Step[]): Promise<Failure | undefined> {
  const done: FileChange[] = []
  for (const step of steps) {
    const swapped = await swapOne(step)
    if (!swapped.ok) return failed('swap', await undone(done, swapped.error), step.change)
    done.push(step.change)
  }
  return undefined
}

async function swapOne({ change, staged }: Step): Promise<Result<void, Fault>> {
  const { spec, plan } = change
  if (plan.why === 'metadata') return repairMetadata(spec, plan.next)
  if (spec.backup === true && plan.previous.kind === 'file') {
    const dest = `${spec.dest}.bak`
    const kept = await restore({ ...spec, dest, followSymlinks: false }, plan.previous)
    if (!kept.ok) return kept
  }
  return staged === undefined ? remove(spec) : swap(spec.dest, staged)
}

/** The newest first, as they came. */
const undo = (done: readonly FileChange[]): Promise<Fault | undefined> =>
  restoreFiles(done.toReversed().map(({ spec, plan }) => ({ ...spec, observed: plan.previous })))

/** Why a swap has failed, and which of those before it could not be undone. */
async function undone(done: readonly FileChange[], fault: Fault): Promise<Fault> {
  const lost = await undo(done)
  if (lost === undefined) return fault
  return { ...fault, message: `${fault.message}; and not all could be undone: ${lost.message}` }
}

async function makeDurable(steps: readonly Step[], emit: Emit): Promise<void> {
  const changed = steps.flatMap(({ change: { spec, plan }, staged }) => {
    if (staged !== undefined) return [staged.place.path, ...staged.madeDirs]
    return plan.why === 'remove' ? [spec.dest] : []
  })
  const synced = await syncDirs(changed)
  warnIfFailed(emit, synced)
}

function removeMadeDirs(steps: readonly Step[]): void {
  for (const { staged } of steps.toReversed()) if (staged) removeDirs(staged.madeDirs)
}
