// The lease that all entries of a registrar hang on. Its id is our own choice and kept in the state folder:
// after a restart the old entries are found by it, and taken over.
import { randomBytes } from 'node:crypto'
import { FaultError } from '../../core/fault.ts'
import { EtcdError, type Gateway } from '../../stores/etcdv3/gateway.ts'
import { anything, base64, listOf, optional, record, textLike } from '../../stores/shape.ts'
import type { Memory } from './registry.ts'

/** Seconds; of a lease that is gone -1, or nothing. */
const lifetime = textLike(/^(?:-1|\d{1,19})$/, 'a number of seconds')
const grantResponse = record({ TTL: lifetime })
const keepAliveResponse = record({ result: record({ TTL: optional(lifetime) }) })

export interface Leases {
  readonly id: string
  /** Of a run with another TTL: what hangs on it is ours, and moves to `id`. */
  readonly former: string | undefined
}

/** Takes over the lease of the last run, or makes one. */
export async function holdLease(
  gateway: Gateway,
  seconds: number,
  memory: Memory,
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
    // Positive, and not so small that somebody has chosen it by hand.
    const id = (BigInt(`0x${randomBytes(8).toString('hex')}`) >> 1n) + 1n
    // Recorded before the grant, so that entries are found again after a crash at any time.
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

/** The path of etcd 3.2 and 3.3, which later ones know, too. */
export const timeToLive = (gateway: Gateway, id: string, keys: boolean) =>
  gateway.call('/kv/lease/timetolive', { ID: id, keys }, timeToLiveResponse)

/** False if the lease is gone, which only the missing TTL shows. */
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
    message: `etcd at ${gateway.http.origin} keeps entries for ${granted} s at least, and -ttl is ${asked} s`,
    hint: `Write -ttl ${granted}s or more.`,
    permanent: true,
  })
