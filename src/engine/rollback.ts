// Rollback: a unit's files as they were when their reloads last succeeded, and these reloads once more. The
// content that was in place is not tried again until it changes. Where nothing was ever proved and nothing
// stood there before, there is nothing to go back to: the new files stay, and their reload is retried.
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

/** One resource of the unit, and the files that it goes back to. */
interface Return {
  readonly resource: Resource
  readonly files: ReadonlyMap<string, Observed>
}

/**
 * To be called in the unit's turn. Does nothing when the content that has failed is not in place any more,
 * or was read by a reload that succeeded in the meantime.
 * @param fault the last failure of the reload
 * @returns the resources whose new content was given up
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
    // A retry may have succeeded while this waited to be admitted.
    if (!isExhausted()) return []
    how = (await restore(returns, placement, fault, parts)) ? 'placed' : 'stuck'
  } finally {
    await desk.leave(placement, how)
  }
  // Files that could not be put back, or have no predecessor: their reloads go on.
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

/** There is nothing to go back to: the files stay, and their reloads are retried until they succeed. */
function stay({ resources }: Unit, fault: Fault, { desk, emit }: Parts): void {
  for (const { name, templates } of resources) {
    if (!desk.isExhausted(name)) continue
    const retryIn = desk.persist(name)
    const dests = templates.map(({ dest }) => dest)
    emit({ kind: 'rollback-impossible', resource: name, dests, fault, retryIn })
  }
}

/** Its reloads have nothing further to go back to. */
function placementOf({ names, reloads, isJudged }: Unit, returns: readonly Return[]): Placement {
  const owing = new Map(
    returns.map(({ resource: { name } }) => {
      const all: Reloads = reloads.get(name)?.all ?? new Map()
      return [name, withoutEnd(all)] as const
    }),
  )
  return { resources: names, owing, isJudged, isChecked: false }
}

/** True when all files are back. */
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

/** Before the files go back: an interrupted rollback is finished at the next start. */
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

/** The files of for_each templates that come back: they are ours again. */
function expandedIn({ templates }: Resource, files: Return['files']): WantedFile[] {
  const expanding = templates.filter(({ forEach }) => forEach !== undefined)
  return [...files].flatMap(([dest, observed]): WantedFile[] => {
    const spec = expanding.find((one) => dest.startsWith(`${fixedFolder(one.dest)}/`))
    if (observed.kind !== 'file' || spec === undefined) return []
    return [{ dest, template: spec.dest, bytes: observed.bytes }]
  })
}

/** The files are back. */
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
