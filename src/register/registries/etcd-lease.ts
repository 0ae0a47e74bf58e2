// The lease to which all entries of a registrar are attached. reconfd chooses the id of the lease and keeps it in the
// state directory, so that a restart finds and adopts the existing entries.
import { randomBytes } from 'node:crypto'
import { FaultError } from '../../core/fault.ts'
import { EtcdError, type Gateway } from '../../stores/etcdv3/gateway.ts'
import { anything, base64, listOf, optional, record, textLike } from '../../stores/shape.ts'
import type { RegistryMemory } from './registry.ts'

/** The lifetime of a lease in seconds; -1 or absent if the lease has expired. */
const lifetime = textLike(/^(?:-1|\d{1,19})$/, 'a number of seconds')
const grantResponse = record({ TTL: lifetime })
const keepAliveResponse = record({ result: record({ TTL: optional(lifetime) }) })

export interface Leases {
  readonly id: string
  /** The lease of an earlier run with another TTL; its entries are ours and move to the lease `id`. */
  readonly former: string | undefined
}

/** Adopts the lease of the previous run, or grants one. */
export async function holdLease(
  gateway: Gateway,
  seconds: number,
  memory: RegistryMemory,
): Promise<Leases> {
  const kept = memory.kept['lease']
  const before = typeof kept === 'string' && /^\d{1,19}$/.test(kept) ? kept : undefined
  let former: string | undefined
  if (before !== undefined) {
    const { TTL = '-1', grantedTTL } = await timeToLive(gateway, before, false)
    if (Number(TTL) > 0) {
      if (Number(grantedTTL) === seconds && (await keepAlive(gateway, before))) {
        return { id: before, former: undefined }
      }
      former = before
    }
  }
  for (;;) {
    // Random and positive, so that it does not collide with a lease id chosen by hand.
    const id = (BigInt(`0x${randomBytes(8).toString('hex')}`) >> 1n) + 1n
    // Recorded before the grant, so that a crash at any time orphans no entry.
    await memory.keep({ lease: String(id) })
    try {
      const lease = { ID: String(id), TTL: seconds }
      const { TTL } = await gateway.call('/lease/grant', lease, grantResponse)
      if (Number(TTL) > seconds) throw tooShort(gateway, seconds, Number(TTL))
      return { id: String(id), former }
    } catch (error) {
      if (error instanceof EtcdError && /lease already exists/.test(error.reason)) continue
      throw error
    }
  }
}

const timeToLiveResponse = record({
  TTL: optional(lifetime),
  grantedTTL: optional(lifetime),
  keys: optional(listOf(base64)),
})

/** Uses the path of etcd 3.2 and 3.3, which later versions serve too. */
export const timeToLive = (gateway: Gateway, id: string, keys: boolean) =>
  gateway.call('/kv/lease/timetolive', { ID: id, keys }, timeToLiveResponse)

/** Renews a lease. Returns false if the lease has expired, in which case the response has no TTL. */
export async function keepAlive(gateway: Gateway, id: string): Promise<boolean> {
  const { result } = await gateway.call('/lease/keepalive', { ID: id }, keepAliveResponse)
  return Number(result.TTL ?? 0) > 0
}

export async function revoke(gateway: Gateway, id: string): Promise<void> {
  try {
    await gateway.call('/kv/lease/revoke', { ID: id }, anything)
  } catch (error) {
    if (!isLeaseMissing(error)) throw error
  }
}

export const isLeaseMissing = (error: unknown): boolean =>
  error instanceof EtcdError && /lease not found/.test(error.reason)

const tooShort = (gateway: Gateway, asked: number, granted: number): FaultError =>
  new FaultError({
    kind: 'store',
    message: `etcd at ${gateway.http.origin} keeps entries for at least ${granted} s, but -ttl is ${asked} s`,
    hint: `set -ttl to ${granted}s or more`,
    permanent: true,
  })
