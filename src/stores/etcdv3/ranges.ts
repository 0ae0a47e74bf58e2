// Read-only transactions, each of which reads ranges of keys at one revision. Apart from askRanges(), which the
// listing also uses, the functions here find out whether the known keys have changed, and how.
import { OutdatedError } from '../../core/store.ts'
import { each, Mismatch } from '../shape.ts'
import { EtcdError, type Gateway, type Terms } from './gateway.ts'
import type { Change, Held, LastEvent } from './held.ts'
import { expectSameCluster } from './stream.ts'
import {
  decodeText64,
  integer,
  outsideOfRange,
  txnResponse,
  type Header,
  type EtcdKeyValue,
  type DirRange,
  type RangeResponse,
} from './wire.ts'

/** Maximum number of ranges in one transaction; the server's limit is 128. */
export const RANGES = 100

export interface Answers {
  readonly header: Header
  /** One answer for each range. */
  readonly answers: readonly RangeResponse[]
}

/** Reads at most RANGES ranges. */
export async function askRanges(
  gateway: Gateway,
  ranges: readonly object[],
  terms: Terms = {},
): Promise<Answers> {
  const body = { success: ranges.map((range) => ({ request_range: range })) }
  const { header, responses } = await gateway.call('/kv/txn', body, txnResponse, terms)
  gateway.expecting(() => {
    if (responses.length === ranges.length) return
    const text = `has ${responses.length} items for ${ranges.length} ranges`
    throw new Mismatch(text).within('responses')
  })
  return { header, answers: responses.map(({ response_range }) => response_range) }
}

/**
 * Returns the server's current revision, with the cheapest possible request. Any member may answer, even a member that
 * is behind.
 */
export async function revisionNow(gateway: Gateway, held: Held, terms: Terms): Promise<bigint> {
  const [{ range }] = held.parts as readonly [DirRange]
  const probe = { key: range.key, limit: 1, keys_only: true, serializable: true }
  const { header } = await askRanges(gateway, [probe], terms)
  expectSameCluster(gateway, held, header, 0n)
  return integer(header.revision)
}

/**
 * Proves that the known keys are equal to the keys of the cluster and have the same history: the last event is
 * unchanged, no key is newer, and the numbers of keys are equal.
 * @param at the revision to compare with; absent for the current one
 * @returns the revision of the proof; undefined if the keys differ, or the last event is unknown
 */
export async function proveUnchanged(
  gateway: Gateway,
  held: Held,
  { at, ...terms }: Terms & { readonly at?: bigint } = {},
): Promise<bigint | undefined> {
  const { last, parts } = held
  if (last === undefined && held.size > 0) return undefined
  const counts = parts.map((part) => held.count(part))
  const min_mod_revision = String((last?.revision ?? 0n) + 1n)
  const newer = { min_mod_revision, limit: 1, keys_only: true }
  const ranges: object[] = last === undefined ? [] : [...evidenceOf(last)]
  const evidence = ranges.length
  ranges.push(...parts.map(({ range }) => ({ ...range, ...newer })))
  const least = at ?? held.revision
  let revision = at
  const answers: RangeResponse[] = []
  for (let n = 0; n < ranges.length; n += RANGES) {
    const pinned = revision === undefined ? {} : { revision: String(revision) }
    const asked = ranges.slice(n, n + RANGES).map((range) => ({ ...pinned, ...range }))
    const { header, answers: more } = await askRanges(gateway, asked, terms)
    expectSameCluster(gateway, held, header, least)
    revision ??= integer(header.revision)
    answers.push(...more)
  }
  const isSame = last === undefined || isEvidence(last, answers.slice(0, evidence))
  const isAll = answers
    .slice(evidence)
    .every(({ kvs = [], count }, n) => kvs.length === 0 && Number(count ?? 0) === counts[n])
  return isSame && isAll ? revision : undefined
}

/**
 * Returns the reads that prove that an event has happened. A written key is read once. A removed key is read at the
 * revision before the removal and at the revision of the removal.
 */
const evidenceOf = ({ kv: { key }, revision, isGone }: LastEvent): readonly object[] =>
  isGone
    ? [revision - 1n, revision].map((at) => ({ key, revision: String(at), keys_only: true }))
    : [{ key }]

function isEvidence({ kv, isGone }: LastEvent, answers: readonly RangeResponse[]): boolean {
  const [found, after] = answers.map(({ kvs = [] }) => kvs[0])
  if (isGone) return found !== undefined && after === undefined
  return (
    found !== undefined &&
    found.mod_revision === kv.mod_revision &&
    found.version === kv.version &&
    (found.value ?? '') === (kv.value ?? '')
  )
}

/**
 * Returns the changes in some ranges between the known revision and the revision `at`. The count in an answer includes
 * all keys of the range and so reveals deletions. If there are deletions, all names of that range are read.
 */
export async function changesUpTo(
  gateway: Gateway,
  held: Held,
  parts: readonly DirRange[],
  at: bigint,
): Promise<readonly Change[]> {
  const changes: Change[] = []
  const pinned = { revision: String(at) }
  const min_mod_revision = String(held.revision + 1n)
  for (let n = 0; n < parts.length; n += RANGES) {
    const some = parts.slice(n, n + RANGES)
    const ranges = some.map(({ range }) => ({ ...range, ...pinned, min_mod_revision }))
    const { header, answers } = await askRanges(gateway, ranges)
    expectSameCluster(gateway, held, header, at)
    const short: DirRange[] = []
    gateway.expecting(() => {
      each(answers, ({ kvs = [], count }, m) => {
        const part = some[m] as DirRange
        const found = kvs.map((kv) => changeOf(held, part, kv, at))
        const names = held.namesIn(part.dir)
        const isNew = ({ name }: Change): boolean => !names.has(name)
        changes.push(...found)
        if (held.count(part) + found.filter(isNew).length !== Number(count ?? 0)) short.push(part)
      })
    })
    for (const part of short) changes.push(...(await goneFrom(gateway, held, part, at)))
  }
  return changes
}

/** Returns the known keys of a range that do not exist at a revision. */
async function goneFrom(
  gateway: Gateway,
  held: Held,
  part: DirRange,
  at: bigint,
): Promise<readonly Change[]> {
  const range = { ...part.range, revision: String(at), keys_only: true }
  const { answers } = await askRanges(gateway, [range])
  const { kvs = [] } = answers[0] as RangeResponse
  const there = gateway.expecting(() => new Set(kvs.map((kv) => changeOf(held, part, kv, at).name)))
  return [...held.namesIn(part.dir)]
    .filter((name) => part.includes(name) && !there.has(name))
    .map((name) => ({ name, dir: part.dir, value: null, revision: at }))
}

function changeOf(
  { names }: Held,
  { dir, includes }: DirRange,
  kv: EtcdKeyValue,
  at: bigint,
): Change {
  const name = names.read(kv.key)
  if (!includes(name)) throw outsideOfRange()
  return {
    kv,
    name,
    dir,
    value: decodeText64(kv.value),
    revision: integer(kv.mod_revision ?? String(at)),
  }
}

/** Converts the error "required revision has been compacted" to an OutdatedError. Returns other errors unchanged. */
export const outdatedIfGone = (error: unknown): unknown =>
  error instanceof EtcdError && /has been compacted/.test(error.reason)
    ? new OutdatedError(error.fault)
    : error
