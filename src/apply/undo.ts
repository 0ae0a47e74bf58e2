// Undo: what stood at the destinations before comes back, after a swap that was in vain (another one
// failed, or the check of the group) or long after it (a rollback).
import type { Fault } from '../core/fault.ts'
import type { Observed, Target } from '../core/plan.ts'
import { ok, type Result } from '../core/result.ts'
import type { Destination } from '../system/place.ts'
import { observe } from './observe.ts'
import { repairMetadata, restore, syncDirs } from './swap.ts'

/** One destination and what is to stand there again. */
export interface RestoredFile extends Destination {
  readonly observed: Observed
}

/**
 * Puts contents, modes and owners back, each file at once and whole; one that was absent is removed.
 * All are tried, and only those that differ are touched.
 * @returns a fault that names those that could not be put back
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
