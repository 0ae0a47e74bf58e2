// Rolls back a unit: restores the files that the last successful reloads read, and records new reloads as owed.
// Rejected content is not retried until it changes. Without a proved or previous file, a rollback is impossible: the
// new file stays, and its reload is retried.
import { hashOf } from '../apply/hash.ts'
import { noCause } from '../core/cause.ts'
import { warnIfFailed } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { fixedFolder } from '../core/for-each.ts'
import { restoredFiles } from '../core/last-good.ts'
import { planReturn, type Observed } from '../core/plan.ts'
import type { Placement } from '../core/reload-run.ts'
import { withoutEnd, type Reloads } from '../core/reload.ts'
import type { Resource } from '../core/resource.ts'
import { ok, type Result } from '../core/result.ts'
import type { WrittenFile } from '../core/written.ts'
import type { WantedFile } from '../state/manifest.ts'
import type { Parts } from './parts.ts'
import { restored } from './recovery.ts'
import type { Unit } from './unit.ts'

/** One resource of the unit, and the files to restore. */
interface Return {
  readonly resource: Resource
  readonly files: ReadonlyMap<string, Observed>
}

/**
 * Rolls back the unit. Call in the unit's turn. Does nothing if the failed content is no longer in place, or if a
 * reload has succeeded in the meantime.
 * @param fault the last failure of the reload
 * @returns the resources that were rolled back
 */
export async function rollBack(unit: Unit, fault: Fault, parts: Parts): Promise<readonly string[]> {
  const { desk } = parts
  const isExhausted = (): boolean => unit.names.some((name) => desk.isExhausted(name))
  if (!isExhausted()) return []
  const returns = await returnsOf(unit, parts)
  if (returns.length === 0) {
    stay(unit, fault, parts)
    return []
  }
  const placement = placementOf(unit, returns)
  await desk.enter(placement)
  let how: 'placed' | 'stuck' | 'untouched' = 'untouched'
  try {
    // A retry may have succeeded while the placement waited.
    if (!isExhausted()) return []
    how = (await restore(returns, placement, fault, parts)) ? 'placed' : 'stuck'
  } finally {
    await desk.leave(placement, how)
  }
  // Where files could not be restored, or had no previous version, the reloads are retried.
  if (how === 'stuck') for (const name of unit.names) desk.persist(name)
  else stay(unit, fault, parts)
  return returns.map(({ resource }) => resource.name)
}

async function returnsOf({ resources }: Unit, { memory }: Parts): Promise<readonly Return[]> {
  const returns: Return[] = []
  for (const resource of resources) {
    const files = restoredFiles((await memory.get(resource.name)).good)
    if (files.size > 0) returns.push({ resource, files })
  }
  return returns
}

/** Keeps the files without a previous version, reports them, and retries their reloads until they succeed. */
function stay({ resources }: Unit, fault: Fault, { desk, emit }: Parts): void {
  for (const { name, templates } of resources) {
    if (!desk.isExhausted(name)) continue
    const retryIn = desk.persist(name)
    const dests = templates.map(({ dest }) => dest)
    emit({ kind: 'rollback-impossible', resource: name, dests, fault, retryIn })
  }
}

/**
 * Returns the placement of the restored files. Their reloads are retried until they succeed, without a further
 * rollback.
 */
function placementOf({ names, reloads, isJudged }: Unit, returns: readonly Return[]): Placement {
  const owing = new Map(
    returns.map(({ resource: { name } }) => {
      const all: Reloads = reloads.get(name)?.all ?? new Map()
      return [name, withoutEnd(all)] as const
    }),
  )
  return { resources: names, owing, isJudged, isChecked: false }
}

/** Restores the files. Resolves with true if all files were restored. */
async function restore(
  returns: readonly Return[],
  placement: Placement,
  fault: Fault,
  parts: Parts,
): Promise<boolean> {
  const { machine, emit, showWritten } = parts
  const recorded = await record(returns, placement, fault, parts)
  if (!recorded.ok) return refuse(returns, recorded.error, 'state', parts)
  const files = returns.flatMap(({ resource, files }) =>
    restored(resource, files).map((file) => ({ resource, ...file })),
  )
  const written: WrittenFile[] = []
  for (const { resource, dest, observed, ...rules } of files) {
    const plan = planReturn(observed, await machine.observe(dest, rules))
    if (plan.kind !== 'write') continue
    const sensitive = resource.sensitive === true
    const about = { resource: resource.name, dest, sensitive, cause: noCause }
    written.push({ ...about, write: plan, rolledBack: true })
  }
  const lost = await machine.restore(files)
  if (lost !== undefined) return refuse(returns, lost, 'swap', parts)
  for (const { resource, files } of returns) await settle(resource, files, parts)
  showWritten(written)
  for (const { resource, files } of returns) {
    const hashes = [...files].map(
      ([dest, observed]) =>
        [dest, observed.kind === 'file' ? hashOf(observed.bytes) : null] as const,
    )
    emit({ kind: 'rolled-back', resource: resource.name, files: new Map(hashes), fault })
  }
  return true
}

/**
 * Records the rollback durably before any file is restored, so that the next start completes an interrupted rollback.
 */
async function record(
  returns: readonly Return[],
  placement: Placement,
  fault: Fault,
  { desk, memory, manifest, self }: Parts,
): Promise<Result<void, Fault>> {
  const owed = await desk.record(placement, true)
  if (!owed.ok) return owed
  for (const { resource, files } of returns) {
    const listed = await manifest.will(resource.name, expandedIn(resource, files))
    if (!listed.ok) return listed
    const { placed } = await memory.get(resource.name)
    const rejected = placed === undefined ? {} : { rejected: { hash: placed, why: fault.message } }
    const written = await memory.set(
      resource.name,
      { ...rejected, undo: { by: self, files } },
      true,
    )
    if (!written.ok) return written
  }
  return ok(undefined)
}

/** Returns the restored files of for_each templates, for the manifest. */
function expandedIn({ templates }: Resource, files: Return['files']): WantedFile[] {
  const expanding = templates.filter(({ forEach }) => forEach !== undefined)
  return [...files].flatMap(([dest, observed]): WantedFile[] => {
    const spec = expanding.find((one) => dest.startsWith(`${fixedFolder(one.dest)}/`))
    if (observed.kind !== 'file' || spec === undefined) return []
    return [{ dest, template: spec.dest, bytes: observed.bytes }]
  })
}

/** Records that the files are restored. */
async function settle(
  resource: Resource,
  files: Return['files'],
  { memory, manifest, emit }: Parts,
): Promise<void> {
  const { name } = resource
  warnIfFailed(emit, await memory.set(name, { undo: undefined, placed: undefined }))
  const back = expandedIn(resource, files).map(({ dest }) => dest)
  const gone = [...files].flatMap(([dest, { kind }]) => (kind === 'absent' ? [dest] : []))
  warnIfFailed(emit, await manifest.made(name, back))
  warnIfFailed(emit, await manifest.gone(name, gone))
}

function refuse(
  returns: readonly Return[],
  fault: Fault,
  at: 'state' | 'swap',
  { emit }: Parts,
): false {
  for (const { resource } of returns) {
    emit({ kind: 'failed', resource: resource.name, at, fault, retryIn: null })
  }
  return false
}
