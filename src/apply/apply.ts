// Puts the files of one unit in place, in steps. All files complete a step before any file begins the next, so no file
// is swapped if another one is refused. The caller records the owed reloads between the check and the swap.
//
//     stage -> check -> sync -> swap [-> undo, if the caller asks for it]
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Write } from '../core/plan.ts'
import type { TemplateSpec } from '../core/resource.ts'
import type { Result } from '../core/result.ts'
import { keepAttributes } from './attributes.ts'
import { linkFault } from '../system/place.ts'
import { Checks } from './check.ts'
import { removeDirs } from './dirs.ts'
import { checkFormat } from './format.ts'
import { hashOf } from './hash.ts'
import { draft, fill } from './stage.ts'
import type { Staged } from './staged.ts'
import { remove, repairMetadata, restore, swap, syncDirs } from './swap.ts'
import { restoreFiles } from './undo.ts'

export interface FileChange {
  /** Name of the resource, for events. */
  readonly resource: string
  /** The settings of the template. Their `dest` is the path of this file, even for a for_each template. */
  readonly spec: TemplateSpec
  readonly plan: Write
}

export interface ApplyOptions {
  /** Keeps the staged file beside the destination and logs its path. */
  readonly keepStageFile: boolean
  readonly emit: Emit
}

export interface ApplyFailure {
  readonly ok: false
  readonly at: 'stage' | 'check' | 'swap'
  readonly fault: Fault
  readonly resource: string
  /** True if some destinations could not be restored. */
  readonly isStuck?: true
}

/** Changes whose staged files have passed their checks. The caller must call swap() or discard(). */
export interface PreparedFiles {
  readonly ok: true
  /** Waits until the staged files are on disk. After a failure, call discard(). */
  sync(): Promise<ApplyFailure | undefined>
  /** Puts all changes in place. If one of them fails, restores the files that were changed before it. */
  swap(): Promise<Swapped | ApplyFailure>
  /** Removes the staged files and the folders created for them. */
  discard(): Promise<void>
}

export type Prepared = PreparedFiles | ApplyFailure

export interface PlacedFile {
  readonly resource: string
  readonly dest: string
  readonly why: Write['why']
  /** Short hash of the new content, for the log; empty if the file was removed. */
  readonly hash: string
  /** Size of the new content; 0 if the file was removed. */
  readonly bytes: number
}

export interface Swapped {
  readonly ok: true
  readonly files: readonly PlacedFile[]
  /**
   * Resolves when the renames are on disk; never rejects. Reloads need not wait for this: every reader already sees the
   * new files, and if a power cut undoes a rename, the next start writes the file again and reloads.
   */
  readonly durable: Promise<void>
  /**
   * Restores the previous file of every destination and removes the folders created for the new files. Continues if a
   * file cannot be restored; the fault names all such files.
   */
  readonly undo: () => Promise<Fault | undefined>
}

/** A change and its progress. */
interface Step {
  readonly change: FileChange
  /** Absent if the file is to be removed, or only its mode and owner change. */
  readonly staged?: Staged
  /** See PlacedFile. */
  hash: string
}

/**
 * Stages and checks all changes. After a failure, no staged file and no created folder is left, unless `keepStageFile`
 * is set.
 */
export async function prepareFiles(
  changes: readonly FileChange[],
  options: ApplyOptions,
): Promise<Prepared> {
  const steps: Step[] = []
  let failure: ApplyFailure | undefined
  try {
    failure = (await stageAll(changes, steps, options)) ?? (await checkAll(steps, options))
  } catch (error) {
    await releaseAll(steps, options)
    throw error
  }
  if (failure !== undefined) {
    await discard(steps, options)
    return failure
  }
  return {
    ok: true,
    sync: () => sync(steps),
    swap: () => swapAll(changes, steps, options),
    discard: () => discard(steps, options),
  }
}

async function releaseAll(
  steps: readonly Step[],
  { keepStageFile, emit }: ApplyOptions,
): Promise<void> {
  for (const { staged } of steps) {
    const kept = await staged?.release(keepStageFile)
    if (kept === undefined) continue
    emit({ kind: 'notice', level: 'info', message: `the staged file is kept: ${kept}` })
  }
}

async function discard(steps: readonly Step[], options: ApplyOptions): Promise<void> {
  await releaseAll(steps, options)
  removeMadeDirs(steps)
}

const failed = (at: ApplyFailure['at'], fault: Fault, { resource }: FileChange): ApplyFailure => ({
  ok: false,
  at,
  fault,
  resource,
})

/**
 * Stages all files. Copies attributes to the files while they are empty, because a copied ACL could let another user
 * read the content before the mode of the file is set.
 */
async function stageAll(
  changes: readonly FileChange[],
  steps: Step[],
  { emit }: ApplyOptions,
): Promise<ApplyFailure | undefined> {
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
    // Computed while the disk syncs.
    if (change.plan.why !== 'remove') step.hash = hashOf(change.plan.next.bytes)
  }
  return undefined
}

async function checkAll(
  steps: readonly Step[],
  { emit }: ApplyOptions,
): Promise<ApplyFailure | undefined> {
  let resource = ''
  const checks = new Checks(({ dest }, { command, result }) =>
    emit({ kind: 'checked', resource, dest, command, result }),
  )
  for (const { change, staged } of steps) {
    if (staged === undefined) continue
    ;({ resource } = change)
    const wrong = await checkFormat(change.spec, staged.next.bytes)
    const fault = wrong ?? (await checks.check(change.spec, staged))
    if (fault !== undefined) return failed('check', fault, change)
  }
  return undefined
}

async function sync(steps: readonly Step[]): Promise<ApplyFailure | undefined> {
  for (const { change, staged } of steps) {
    const synced = await staged?.synced
    if (synced?.ok === false) return failed('stage', synced.error, change)
  }
  return undefined
}

async function swapAll(
  changes: readonly FileChange[],
  steps: readonly Step[],
  options: ApplyOptions,
): Promise<Swapped | ApplyFailure> {
  const done: FileChange[] = []
  let failure: ApplyFailure | undefined
  try {
    for (const step of steps) {
      const swapped = await swapOne(step)
      if (!swapped.ok) {
        failure = await undone(done, failed('swap', swapped.error, step.change))
        break
      }
      done.push(step.change)
    }
  } finally {
    await releaseAll(steps, options)
  }
  if (failure !== undefined) {
    removeMadeDirs(steps)
    return failure
  }
  return {
    ok: true,
    files: steps.map(({ change: { resource, spec, plan }, hash }) => {
      const bytes = plan.why === 'remove' ? 0 : plan.next.bytes.length
      return { resource, dest: spec.dest, why: plan.why, hash, bytes }
    }),
    durable: makeDurable(steps, options.emit),
    undo: async () => {
      const fault = await undo(changes)
      removeMadeDirs(steps)
      return fault
    },
  }
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

/** Restores the previous files in reverse order. */
const undo = (done: readonly FileChange[]): Promise<Fault | undefined> =>
  restoreFiles(done.toReversed().map(({ spec, plan }) => ({ ...spec, observed: plan.previous })))

/**
 * Undoes the swaps that succeeded before one failed. Returns the failure, whose message then also names the files that
 * could not be restored.
 */
async function undone(done: readonly FileChange[], failure: ApplyFailure): Promise<ApplyFailure> {
  const lost = await undo(done)
  if (lost === undefined) return failure
  const { fault } = failure
  const message = `${fault.message}; some files could not be restored: ${lost.message}`
  return { ...failure, fault: { ...fault, message }, isStuck: true }
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
