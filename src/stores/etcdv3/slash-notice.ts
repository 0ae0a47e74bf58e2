// If a listing is empty, looks for keys with the other kind of name: registry/a instead of /registry/a, or the reverse.
import type { Key } from '../../core/key.ts'
import type { Notice } from '../../core/store.ts'
import { EtcdError, type Gateway } from './gateway.ts'
import { EtcdNames } from './names.ts'
import { askRanges } from './ranges.ts'
import { templateKey } from './wire.ts'

/** Maximum number of prefixes to try. */
const TRIED = 10

/** Returns a notice if keys with the other kind of name exist; undefined if there are none, or etcd denies access. */
export async function slashNotice(
  gateway: Gateway,
  { slashless }: EtcdNames,
  dirs: readonly Key[],
): Promise<Notice | undefined> {
  const others = new EtcdNames(!slashless)
  const name = await firstOf(gateway, others, dirs.slice(0, TRIED)).catch((error: unknown) => {
    if (error instanceof EtcdError) return undefined
    throw error
  })
  if (name === undefined) return undefined
  const message = slashless
    ? `found no keys without a leading slash, but found ${name}; to read such keys, remove -etcd-slashless`
    : `found no keys with a leading slash, but found ${name}; to read such keys, set -etcd-slashless`
  return { level: 'warn', message }
}

async function firstOf(
  gateway: Gateway,
  names: EtcdNames,
  dirs: readonly Key[],
): Promise<string | undefined> {
  const ranges = dirs
    .flatMap((dir) => names.partsOf(dir))
    .map(({ range }) => ({ ...range, limit: 1, keys_only: true }))
  const { answers } = await askRanges(gateway, ranges)
  const found = answers.flatMap(({ kvs = [] }) => kvs.map(({ key }) => names.read(key)))
  const name = found.find((one) => templateKey(one) !== undefined)
  return name === undefined ? undefined : names.inEtcd(name)
}
