// Guards hold a change that removes too much until it is accepted, the keys return, or the content changes. A change is
// compared with the last applied render, which is kept in the state directory.
import { judge, type Evidence } from '../core/hold.ts'
import type { Key } from '../core/key.ts'
import { resourceKeys, type Guard, type Resource } from '../core/resource.ts'
import { areSame, sumOf, type Supplies } from '../core/supply.ts'
import type { Memory, Remembered } from '../state/records.ts'
import type { RenderedTemplate } from './render-unit.ts'
import type { Consent } from './unit.ts'

/** A rendered file of a template with a guard; for a for_each template, all of its files together. */
export interface GuardedFile {
  /** The `dest` of the template, as configured. */
  readonly dest: string
  readonly guard: Guard
  readonly keys: ReadonlySet<Key>
  /** Size of the new content, in bytes. */
  readonly size: number
  /** Size of the file at the destination; undefined if there is none. */
  readonly lastSize: number | undefined
}

/** The result of a resource's render, as guards judge it. */
export interface Finding {
  readonly resource: Resource
  readonly files: readonly GuardedFile[]
  readonly supplies: Supplies
}

/** The reason for holding a change. */
export interface Hold {
  readonly dest: string
  readonly reason: string
  /** Some of the keys that have vanished since the last applied render. `more` is the number of the others. */
  readonly vanished: readonly Key[]
  readonly more: number
  readonly by: 'guard' | 'default'
  /** Milliseconds until the change passes if no key changes; absent if it does not pass by itself. */
  readonly passesIn?: number
}

/** Maximum number of vanished keys that are named; the others are only counted. */
const KEYS_NAMED = 20

/**
 * Whether an operator has accepted this content.
 * @param hash the hash of all files of the resource, or of its unit
 */
export const isAccepted = ({ accepted }: Consent, hash: string): boolean => accepted === hash

/**
 * @param templates all templates of the unit, rendered
 * @param files the guarded files of this resource
 * @param isWithout returns whether the unit was rendered without the optional store that contains this key
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
  // The keys of an unreachable optional store have not vanished, so they do not count as a loss. With for_each they do
  // count, because files would be removed.
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
 * Returns the reason to hold a change to a resource; undefined if the change may be placed. Records a held change.
 * @param change the destinations that differ, and the hash of the whole content, computed only for a held change
 * @param time milliseconds since the Unix epoch
 */
export async function holdOf(
  finding: Finding,
  change: { readonly dests: readonly string[]; readonly hash: () => string },
  memory: Memory,
  time: number,
): Promise<Hold | undefined> {
  const { name } = finding.resource
  const last = await memory.get(name)
  const held = judge(evidenceOf(finding, last), last.held?.short, time)
  if (held === undefined) return undefined
  const { by, reason, vanished, short, passesIn } = held
  const remembered = { hash: change.hash(), ...(short === undefined ? {} : { short }) }
  // A failed write is not fatal: after a restart, the change is held again.
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
    keys: () => resourceKeys([resource]),
  }
}

/** Returns the record to store for an applied render; undefined if the stored one is the same and no change was held. */
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
