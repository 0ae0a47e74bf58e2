// Recovery at the start: undoes interrupted changes first, and derives debts from the files in place if the journal
// is lost or damaged.
import { hashOf } from '../apply/hash.ts'
import type { RestoredFile } from '../apply/undo.ts'
import { warnIfFailed } from '../core/event.ts'
import { placeRules } from '../core/for-each.ts'
import type { Observed } from '../core/plan.ts'
import type { Placement } from '../core/reload-run.ts'
import type { Resource } from '../core/resource.ts'
import type { FullStatus, ResourceHistory } from '../core/status.ts'
import type { Journal, Owed } from '../state/journal.ts'
import { isRunning } from '../system/process.ts'
import { failed, type Failed } from './outcome.ts'
import type { Parts } from './parts.ts'
import type { Unit } from './unit.ts'

/**
 * Restores the previous files of changes that were interrupted: during group_check_cmd, between the files of a group,
 * or during a rollback. Call before any reload runs.
 */
export async function undoInterrupted(
  journal: Journal,
  resources: readonly Resource[],
  { memory, machine, self, emit }: Parts,
): Promise<void> {
  for (const resource of journal.owed.keys()) {
    const { undo } = await memory.get(resource)
    if (undo === undefined || (undo.by.pid !== self.pid && isRunning(undo.by))) continue
    const configured = resources.find(({ name }) => name === resource)
    const files = restored(configured, undo.files)
    const fault = await machine.restore(files)
    if (fault !== undefined) {
      emit({ kind: 'failed', resource, at: 'swap', fault, retryIn: null })
      continue
    }
    const dests = files.map(({ dest }) => dest).join(', ')
    const message = `${resource}: an earlier run was interrupted while it changed ${dests}; the previous files have been restored`
    emit({ kind: 'notice', level: 'warn', message })
    warnIfFailed(emit, await memory.set(resource, { undo: undefined }, true))
  }
}

/**
 * Returns the files to restore, with the rules of their templates.
 * @param resource undefined if it is no longer configured
 */
export const restored = (
  resource: Resource | undefined,
  files: ReadonlyMap<string, Observed>,
): readonly RestoredFile[] =>
  [...files].map(([dest, observed]) => ({
    ...placeRules(resource?.templates ?? [], dest),
    dest,
    observed,
  }))

/**
 * Restores the previous files of a unit if an earlier undo or rollback could not restore all of them. Records their
 * reloads as owed, because a program may have read the refused content. Call in the unit's turn.
 */
export async function finishUndo(unit: Unit, parts: Parts): Promise<Failed | undefined> {
  const { memory, machine, desk, emit } = parts
  if (!unit.isAtomic && !unit.mayGoBack) return undefined
  const stuck = new Map<string, readonly RestoredFile[]>()
  for (const resource of unit.resources) {
    const { undo } = await memory.get(resource.name)
    if (undo !== undefined && undo.files.size > 0)
      stuck.set(resource.name, restored(resource, undo.files))
  }
  const [first] = stuck.keys()
  if (first === undefined) return undefined
  const owing = new Map(
    [...stuck.keys()].map((name) => [name, unit.reloads.get(name)?.all ?? new Map()] as const),
  )
  const placement: Placement = { resources: unit.names, owing, isJudged: false, isChecked: false }
  await desk.enter(placement)
  let how: 'placed' | 'stuck' = 'stuck'
  try {
    const recorded = await desk.record(placement, true)
    if (!recorded.ok) return failed('state', first, recorded.error)
    const fault = await machine.restore([...stuck.values()].flat())
    if (fault !== undefined) return failed('swap', first, fault)
    for (const name of stuck.keys()) {
      warnIfFailed(emit, await memory.set(name, { undo: undefined }, true))
    }
    how = 'placed'
    return undefined
  } finally {
    await desk.leave(placement, how)
  }
}

/**
 * Returns the debts that a lost or damaged journal may have contained. A resource has such a debt if the last status
 * reports its reload as owed, or if its files differ from that status. If the journal is missing rather than damaged,
 * files count only for resources that an earlier run has applied. An unnecessary reload is better than a missing one.
 */
export async function derivedDebts(
  resources: readonly Resource[],
  status: FullStatus | undefined,
  isDamaged: boolean,
  { machine, memory, clock }: Pick<Parts, 'machine' | 'memory' | 'clock'>,
): Promise<readonly Owed[]> {
  const known = new Map(status?.resources.map((one) => [one.name, one]))
  const owed: Owed[] = []
  for (const resource of resources) {
    const { name, templates } = resource
    if (templates.every(({ reloadCmd }) => reloadCmd === undefined)) continue
    const history = known.get(name)
    const isOwed = history?.state === 'owed' || history?.owedSince !== undefined
    const isApplied = memory.has(name) || Object.keys(history?.hashes ?? {}).length > 0
    if (isOwed || ((isDamaged || isApplied) && (await differs(resource, history, machine)))) {
      const since = Date.parse(history?.owedSince ?? '') || clock.time()
      // It is not known which of the resource's commands is owed. An empty command means all configured commands.
      owed.push({ resource: name, since, commands: [''] })
    }
  }
  return owed
}

/** Whether a file in place differs from the file that the status reports. */
async function differs(
  { templates }: Resource,
  history: ResourceHistory | undefined,
  machine: Parts['machine'],
): Promise<boolean> {
  const hashes = new Map(Object.entries(history?.hashes ?? {}))
  const plain = templates.flatMap(({ forEach, dest }) => (forEach === undefined ? [dest] : []))
  for (const dest of new Set([...plain, ...hashes.keys()])) {
    const found = await machine.observe(dest)
    const hash = found.kind === 'file' ? hashOf(found.bytes) : undefined
    if (hash !== hashes.get(dest)) return true
  }
  return false
}
