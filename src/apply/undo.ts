// Restores previous files: after a failed swap or group check, in a rollback, and after an interrupted change.
import type { Fault } from '../core/fault.ts'
import type { Observed, Target } from '../core/plan.ts'
import { ok, type Result } from '../core/result.ts'
import type { Destination } from '../system/place.ts'
import { observe } from './observe.ts'
import { repairMetadata, restore, syncDirs } from './swap.ts'

/** A destination and the content to restore. */
export interface RestoredFile extends Destination {
  readonly observed: Observed
}

/**
 * Restores the content, mode and owner of each file, each file atomically; removes files that were absent. Touches only
 * files that differ, and continues after a failure.
 * @returns a fault that names the files that could not be restored
 */
export async function restoreFiles(previous: readonly RestoredFile[]): Promise<Fault | undefined> {
  const lost: Fault[] = []
  for (const { observed, ...destination } of previous) {
    const back = await putBack(destination, observed)
    if (!back.ok) lost.push(back.error)
  }
  const synced = await syncDirs(previous.map(({ dest }) => dest))
  if (!synced.ok) lost.push(synced.error)
  const [first, ...rest] = lost
  if (first === undefined) return undefined
  return { ...first, message: [first, ...rest].map(({ message }) => message).join('; ') }
}

async function putBack(destination: Destination, former: Observed): Promise<Result<void, Fault>> {
  const now = await observe(destination.dest, destination)
  if (former.kind === 'file' && now.kind === 'file') {
    if (Buffer.compare(former.bytes, now.bytes) === 0) {
      return sameMetadata(former, now) ? ok(undefined) : repairMetadata(destination, former)
    }
  }
  return restore(destination, former)
}

const sameMetadata = (a: Target, b: Target): boolean =>
  a.mode === b.mode && a.uid === b.uid && a.gid === b.gid
