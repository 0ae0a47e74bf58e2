// Guards: hold a change that a resource's guard trips at, until it is accepted or the content changes. What
// a change is compared with is the last applied render, remembered from run to run.
import { trips } from '../core/guard.ts'
import type { Key } from '../core/key.ts'
import type { TemplateSpec } from '../core/resource.ts'
import type { Memory } from '../state/records.ts'
import type { Consent } from './unit.ts'

/** One rendered file of a resource that has a guard. */
export interface GuardedFile {
  readonly spec: TemplateSpec
  readonly keys: ReadonlySet<Key>
  /** Of the new content, in bytes. */
  readonly size: number
  /** Of what stands at the destination; undefined when nothing does. */
  readonly lastSize: number | undefined
}

/** Why a change is held. */
export interface Hold {
  readonly dest: string
  readonly reason: string
  /** Some of the keys that have vanished since the last applied render, and how many more. */
  readonly vanished: readonly Key[]
  readonly more: number
}

/** How many vanished keys are named; the rest is counted. */
const KEYS_NAMED = 20

/** @param hash of the whole content of the resource */
export const isAccepted = ({ accepted }: Consent, hash: string): boolean =>
  accepted === 'any' || accepted === hash

/** Why these files of a resource are not to be placed now; undefined: they are. */
export async function holdOf(
  resource: string,
  files: readonly GuardedFile[],
  memory: Memory,
): Promise<Hold | undefined> {
  if (files.length === 0) return undefined
  const { keys: last } = await memory.get(resource)
  for (const { spec, keys, size, lastSize } of files) {
    if (spec.guard === undefined) continue
    const lastKeys = last.get(spec.dest)
    const before = lastKeys && { keys: lastKeys, size: lastSize ?? 0 }
    const tripped = trips(spec.guard, before, { keys, size })
    if (tripped === undefined) continue
    const { reason, vanished } = tripped
    return {
      dest: spec.dest,
      reason,
      vanished: vanished.slice(0, KEYS_NAMED),
      more: Math.max(0, vanished.length - KEYS_NAMED),
    }
  }
  return undefined
}

/** What the next change is compared with; undefined when that is known already. */
export async function footprintOf(
  resource: string,
  files: readonly GuardedFile[],
  memory: Memory,
): Promise<ReadonlyMap<string, ReadonlySet<Key>> | undefined> {
  if (files.length === 0) return undefined
  const { keys: known } = await memory.get(resource)
  const keys = new Map(files.map((file) => [file.spec.dest, file.keys]))
  return [...keys].every(([dest, now]) => areEqual(known.get(dest), now)) ? undefined : keys
}

const areEqual = (a: ReadonlySet<Key> | undefined, b: ReadonlySet<Key>): boolean =>
  a !== undefined && a.size === b.size && [...a].every((key) => b.has(key))
