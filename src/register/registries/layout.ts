// The layout of services in a key-value store, as in registrator: /PREFIX/NAME/ID = ip:port.
import { joinKeys, type Key } from '../../core/key.ts'
import { ok, type Result } from '../../core/result.ts'
import type { Fault } from '../../core/fault.ts'
import { hostAndPort, type Service } from '../service.ts'
import type { RegistryEntry } from './registry.ts'

export const serviceKey = (path: string, { name, id }: Pick<Service, 'name' | 'id'>): Key =>
  joinKeys(path, name, id)

/** @param path the prefix */
export const plainEntry =
  (path: string) =>
  (service: Service): Result<RegistryEntry, string> =>
    ok({ service, key: serviceKey(path, service), text: hostAndPort(service) })

/**
 * Request timeout in milliseconds. Short if there is another node to try; a single node gets more time, but at most a
 * quarter of the TTL, so that a retry fits.
 */
export const requestTimeout = (ttl: number, nodes: number): number =>
  Math.min(nodes > 1 ? 1_000 : 5_000, ttl / 4)

/** The fault of an entry with another owner. */
export const otherOwnerFault = (key: string): Fault => ({
  kind: 'store',
  message: `${key} has another owner`,
  hint: 'another registrar renews this entry, or it was written by hand; choose another id, or delete the entry',
})
