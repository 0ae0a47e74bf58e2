// Guards: hold a change that takes too much away until it is accepted, the keys are back, or the content changes. A
// change is compared with the last applied render, which is kept in the state directory.
import { judge, type Evidence } from '../core/hold.ts'
import type { Key } from '../core/key.ts'
import { resourceKeys, type Guard, type Resource } from '../core/resource.ts'
import { areSame, sumOf, type Supplies } from '../core/supply.ts'
import type { Memory, Remembered } from '../state/records.ts'
import type { RenderedTemplate } from './render-unit.ts'
import type { Consent } from './unit.ts'

/** A rendered file of a template with a guard; for a for_each template, all of its files together. */
export interface GuardedFile {
  /** As configured. */
  readonly dest: string
  readonly guard: Guard
  readonly keys: ReadonlySet<Key>
  /** Of the new content, in bytes. */
  readonly size: number
  /** Size of the current destination; undefined if there is none. */
  readonly lastSize: number | undefined
}

/** What a render of a resource found. */
export interface Finding {
  readonly resource: Resource
  readonly files: readonly GuardedFile[]
  readonly supplies: Supplies
}

/** Why a change is held. */
export interface Hold {
  readonly dest: string
  readonly reason: string
  /** Some of the keys that have vanished since the last applied render, and how many more. */
  readonly vanished: readonly Key[]
  readonly more: number
  readonly by: 'guard' | 'default'
  /** Milliseconds until it passes, unless something changes. */
  readonly passesIn?: number
}

/** Maximum number of vanished keys that are named; the rest is counted. */
const KEYS_NAMED = 20

/** @param hash of the whole content of the resource, or of its unit */
export const isAccepted = ({ accepted }: Consent, hash: string): boolean => accepted === hash

/**
 * @param templates all of the unit, rendered
 * @param files of this resource
 * @param isWithout whether it is rendered without the (optional) store of a full key
 */
export function findingOf(
  resource: Resource,
  templates: readonly RenderedTemplate[],
  files: readonly GuardedFile[],
  isWithout: (key: Key) => boolean,
): Finding {
  const own = templates.filter(
    ({ resource: of, spec }) => of === resource && !(spec.guard ?? resource).allowEmpty,
  )
  // In a store that could not be read, no key has vanished. But files of for_each would be removed, so these are held.
  const supplies = own.flatMap(({ spec, reads }) =>
    reads.map((one) =>
      spec.forEach === undefined
        ? new Map([...one.supplies].filter(([root]) => !isWithout(root)))
        : one.supplies,
    ),
  )
  return { resource, files, supplies: sumOf(supplies) }
}

/**
 * Why a change of a resource must not be placed now; undefined if it may. A held change is recorded.
 * @param change the destinations that differ, and the hash of the whole content
 * @param time milliseconds since 1970
 */
export async function holdOf(
  finding: Finding,
  change: { readonly dests: readonly string[]; readonly hash: string },
  memory: Memory,
  time: number,
): Promise<Hold | undefined> {
  const { name } = finding.resource
  const last = await memory.get(name)
  const held = judge(evidenceOf(finding, last), last.held?.short, time)
  if (held === undefined) return undefined
  const { by, reason, vanished, short, passesIn } = held
  const remembered = { hash: change.hash, ...(short === undefined ? {} : { short }) }
  // Not fatal if it cannot be written: after a restart the change is held again.
  if (JSON.stringify(remembered) !== JSON.stringify(last.held)) {
    await memory.set(name, { held: remembered })
  }
  return {
    dest: held.dest ?? change.dests.join(', '),
    by,
    reason,
    vanished: vanished.slice(0, KEYS_NAMED),
    more: Math.max(0, vanished.length - KEYS_NAMED),
    ...(passesIn === undefined ? {} : { passesIn }),
  }
}

function evidenceOf({ resource, files, supplies }: Finding, last: Remembered): Evidence {
  return {
    files: files.map(({ dest, guard, keys, size, lastSize }) => {
      const lastKeys = last.keys.get(dest)
      const before = lastKeys && { keys: lastKeys, size: lastSize ?? 0 }
      return { dest, guard, last: before, next: { keys, size } }
    }),
    supplies: { last: last.supplies, next: supplies },
    keys: resourceKeys([resource]),
  }
}

/** The record that the next change is compared with; undefined if it is unchanged and nothing was held. */
export async function appliedOf(
  { resource, files, supplies }: Finding,
  memory: Memory,
): Promise<Partial<Remembered> | undefined> {
  const last = await memory.get(resource.name)
  const isKnown =
    files.every(({ dest, keys }) => areEqual(last.keys.get(dest), keys)) &&
    last.supplies !== undefined &&
    areSame(last.supplies, supplies)
  if (isKnown && last.held === undefined) return undefined
  const keys = new Map(files.map((file) => [file.dest, file.keys]))
  return { keys, supplies, held: undefined }
}

const areEqual = (a: ReadonlySet<Key> | undefined, b: ReadonlySet<Key>): boolean =>
  a !== undefined && a.size === b.size && [...a].every((key) => b.has(key))
