// Rollback: the files of a unit as they were when their reloads last succeeded, and these reloads once
// more. What was in place is rejected until it is another content.
import { observe } from '../apply/observe.ts'
import { restoreFiles } from '../apply/undo.ts'
import { warnIfFailed, type Emit } from '../core/event.ts'
import { planReturn, type Plan } from '../core/plan.ts'
import { reloadsOf, withoutEnd, type Reloads } from '../core/reload.ts'
import type { Resource } from '../core/resource.ts'
import type { WrittenFile } from '../core/written.ts'
import type { LastGood } from '../state/last-good.ts'
import type { Records } from '../state/records.ts'
import type { ReloadDesk } from './desk.ts'

export interface RollbackContext {
  readonly desk: Pick<ReloadDesk, 'owe' | 'request'>
  readonly records: Records
  readonly lastGood: LastGood
  readonly emit: Emit
  readonly wrote: (files: readonly WrittenFile[]) => void
  /** By resource: the hash of what its files hold now. */
  readonly contents: ReadonlyMap<string, string>
}

/** The resources of which something was known to go back to; their files could perhaps not be written. */
export async function rollBack(
  resources: readonly Resource[],
  { desk, records, lastGood, emit, wrote, contents }: RollbackContext,
): Promise<readonly Resource[]> {
  const known = await Promise.all(
    resources.map(async (resource) => ({ resource, good: await lastGood.of(resource.name) })),
  )
  const former = known.filter(({ good }) => good.size > 0)
  for (const { resource } of former) await desk.owe(resource.name, lastReloads(resource))
  const files = former.flatMap(({ resource, good }) =>
    [...good].map(([dest, observed]) => ({ resource, dest, observed })),
  )
  const plans = await Promise.all(
    files.map(async ({ dest, observed }) => planReturn(observed, await observe(dest))),
  )
  const fault = await restoreFiles(files)
  if (fault === undefined) wrote(files.flatMap((file, n) => returned(file, plans[n])))
  for (const { resource, good } of former) {
    const { name } = resource
    if (fault !== undefined) {
      emit({ kind: 'failed', resource: name, at: 'swap', fault, retryIn: null })
    }
    warnIfFailed(emit, await records.set(name, { rejected: contents.get(name) }, true))
    emit({ kind: 'rolled-back', resource: name, dests: [...good.keys()] })
    desk.request(name, lastReloads(resource))
  }
  return former.map(({ resource }) => resource)
}

/** There is nothing further back to go to. */
const lastReloads = (resource: Resource): Reloads =>
  withoutEnd(reloadsOf(resource, resource.templates))

/** For the status page. */
const returned = (
  { resource: { name, sensitive }, dest }: { readonly resource: Resource; readonly dest: string },
  plan: Plan | undefined,
): WrittenFile[] =>
  plan?.kind === 'write'
    ? [{ resource: name, dest, sensitive: sensitive === true, write: plan, rolledBack: true }]
    : []
