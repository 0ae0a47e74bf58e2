// Where a service lies in a key-value store, as registrator has it: /PREFIX/NAME/ID = ip:port.
import { joinKeys, type Key } from '../../core/key.ts'
import { ok, type Result } from '../../core/result.ts'
import { hostAndPort, type Service } from '../service.ts'
import type { Entry } from './registry.ts'

export const keyOf = (path: string, { name, id }: Pick<Service, 'name' | 'id'>): Key =>
  joinKeys(path, name, id)

/** @param path the prefix */
export const plainEntry =
  (path: string) =>
  (service: Service): Result<Entry, string> =>
    ok({ service, key: keyOf(path, service), text: hostAndPort(service) })

/** Every request within this time, in milliseconds: another node is to be tried before a TTL is over. */
export const patienceFor = (ttl: number): number => Math.min(5_000, ttl / 4)
