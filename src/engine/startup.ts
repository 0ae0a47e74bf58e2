// Finishes the interrupted work of earlier runs, before the first cycle and before any reload: removes leftover
// files, undoes interrupted changes, and derives the debts of a lost journal.
import { warnIfFailed } from '../core/event.ts'
import type { Resource } from '../core/resource.ts'
import type { Settings } from '../core/settings.ts'
import type { Journal } from '../state/journal.ts'
import { stateDirDoubt } from '../state/state-files.ts'
import type { Parts } from './parts.ts'
import { derivedDebts, undoInterrupted } from './recovery.ts'
import type { RunState } from './run-state.ts'
import { resumeLoaded } from './settle.ts'
import { tidy } from './tidy.ts'

export async function startUp(
  resources: readonly Resource[],
  { stateDir, reloadAlways }: Settings,
  state: RunState,
  parts: Parts,
): Promise<void> {
  const { emit, kept } = parts
  const doubt = stateDirDoubt(stateDir)
  if (doubt !== undefined) emit({ kind: 'notice', level: 'warn', message: doubt })
  for (const path of await tidy(resources, stateDir, state.manifest)) {
    emit({ kind: 'notice', level: 'info', message: `removed ${path}, left by a crashed run` })
  }
  await undoInterrupted(state.journal, resources, parts)
  await oweLost(resources, state, parts)
  if (reloadAlways) await oweAll(resources, state.journal, parts)
  await kept.load()
  await resumeLoaded(resources, parts)
}

/** Records and reports the debts that a lost or damaged journal may have contained. */
async function oweLost(
  resources: readonly Resource[],
  { journal, damage, readStatus }: RunState,
  parts: Parts,
): Promise<void> {
  if (damage === undefined) return
  const { emit } = parts
  const isDamaged = damage !== 'missing'
  const derived = await derivedDebts(resources, await readStatus(), isDamaged, parts)
  const owed = derived.filter(({ resource }) => !journal.owed.has(resource))
  if (!isDamaged && owed.length === 0) return
  const what = isDamaged ? damage.message : 'the journal of owed reloads is missing'
  const names = owed.map(({ resource }) => resource).join(', ')
  const result =
    owed.length === 0
      ? 'the files in place show no sign of a lost reload'
      : `reloads that may have been lost will run: ${names}`
  emit({ kind: 'notice', level: 'warn', message: `${what}; ${result}` })
  if (owed.length > 0) warnIfFailed(emit, await journal.owe(owed))
}

/**
 * For -reload-always: records a reload for each resource. Like inherited debts, these reloads run after the first
 * cycle of their resource.
 */
async function oweAll(
  resources: readonly Resource[],
  journal: Journal,
  { emit, clock }: Parts,
): Promise<void> {
  const reloading = resources.filter(({ templates }) =>
    templates.some(({ reloadCmd }) => reloadCmd !== undefined),
  )
  const since = clock.time()
  // An empty command means all configured commands.
  const owed = reloading.map(({ name }) => ({ resource: name, since, commands: [''] }))
  if (owed.length > 0) warnIfFailed(emit, await journal.owe(owed))
}
