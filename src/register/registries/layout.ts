// Where a service lies in a key-value store, as registrator has it: /PREFIX/NAME/ID = ip:port.
import { joinKeys, type Key } from '../../core/key.ts'
import { ok, type Result } from '../../core/result.ts'
import type { Fault } from '../../core/fault.ts'
import { hostAndPort, type Service } from '../service.ts'
import type { Entry } from './registry.ts'

export const keyOf = (path: string, { name, id }: Pick<Service, 'name' | 'id'>): Key =>
  joinKeys(path, name, id)

/** @param path the prefix */
export const plainEntry =
  (path: string) =>
  (service: Service): Result<Entry, string> =>
    ok({ service, key: keyOf(path, service), text: hostAndPort(service) })

/**
 * Milliseconds that a request may take. Where there is another node, it is tried soon; else a slow one is
 * better than none, as long as there is time for a second try within a TTL.
 */
export const patienceFor = (ttl: number, nodes: number): number =>
  Math.min(nodes > 1 ? 1_000 : 5_000, ttl / 4)

/** Of an entry that is somebody else's. */
export const takenFault = (key: string): Fault => ({
  kind: 'store',
  message: `${key} belongs to somebody else`,
  hint: 'Another registrar keeps it, or it was put by hand: choose another id, or delete it.',
})
