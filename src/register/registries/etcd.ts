// Registers services in etcd v3. All entries of a registrar are attached to one lease (etcd-lease.ts), so that
// a renewal is one request. An entry is ours if it is attached to our lease.
import { FaultError } from '../../core/fault.ts'
import type { RegisterSettings } from '../../core/register.ts'
import { Gateway, isDenied } from '../../stores/etcdv3/gateway.ts'
import { decodeText64, encodeText64, keyValue } from '../../stores/etcdv3/wire.ts'
import { bool, listOf, optional, record, textLike } from '../../stores/shape.ts'
import {
  holdLease,
  isLeaseMissing,
  keepAlive,
  revoke,
  timeToLive,
  type Leases,
} from './etcd-lease.ts'
import { KeyWatch } from './etcd-watch.ts'
import { openClient } from './http.ts'
import { plainEntry, otherOwnerFault } from './layout.ts'
import {
  Lost,
  type RegistryEntry,
  type RegistryMemory,
  type EntryRefusal,
  type Registry,
  type RegistrySession,
} from './registry.ts'

/** Maximum number of operations in one transaction; etcd's default limit is 128. */
const OPERATIONS = 100
/** Maximum number of attempts to write entries, if the writes conflict with those of other clients. */
const ROUNDS = 3

export function etcd(settings: RegisterSettings, memory: RegistryMemory): Registry {
  const { to, connection, ttl } = settings
  // Rounded down, so that entries never live longer than requested.
  const seconds = Math.floor(ttl / 1000)
  return {
    product: 'etcd',
    nodes: connection.nodes,
    makes: new Set(),
    entryOf: plainEntry(to.path),
    async open(node, signal, changed) {
      const http = openClient(node, settings, 'etcd', 2379)
      const gateway = new Gateway(http, connection, signal)
      try {
        const leases = await holdLease(gateway, seconds, memory)
        return new EtcdSession(gateway, leases, to.path, changed)
      } catch (error) {
        await http.close()
        throw explained(error, gateway, to.path)
      }
    },
  }
}

interface StoredEntry {
  readonly value: string
  readonly lease: string
  readonly revision: string
}

const txnResponse = record({
  header: record({ revision: textLike(/^\d{1,19}$/, 'a revision') }),
  succeeded: optional(bool),
  responses: optional(
    listOf(record({ response_range: optional(record({ kvs: optional(listOf(keyValue)) })) })),
  ),
})

class EtcdSession implements RegistrySession {
  readonly broken: Promise<never>
  #former: string | undefined
  readonly #watch: KeyWatch
  /** Revision of the last transaction. */
  #revision = '0'

  constructor(
    private readonly gateway: Gateway,
    private readonly leases: Leases,
    private readonly path: string,
    changed: () => void,
  ) {
    this.#former = leases.former
    this.#watch = new KeyWatch(gateway, leases.id, changed)
    this.broken = this.#watch.broken
  }

  async present(): Promise<ReadonlyMap<string, string>> {
    return this.#explaining(async () => {
      const keys = [...(await this.#keysOf(this.leases.id)), ...(await this.#formerKeys())]
      const texts = new Map<string, string>()
      for (const [key, { value, lease }] of await this.#read(keys)) {
        // Entries on the lease of an earlier run must be written again, with the current lease.
        if (lease === this.leases.id) texts.set(key, value)
        else if (lease === this.#former) texts.set(key, '')
      }
      this.#watch.cover([...texts.keys()], this.#revision)
      return texts
    })
  }

  async put(entries: readonly RegistryEntry[]): Promise<ReadonlyMap<string, EntryRefusal>> {
    return this.#explaining(async () => {
      const refused = new Map<string, EntryRefusal>()
      let left = new Map(entries.map((entry) => [entry.key, entry]))
      for (let round = 1; left.size > 0; round++) {
        const found = await this.#read([...left.keys()])
        for (const { key, text } of left.values()) {
          if (this.#mayWrite(found.get(key), text)) continue
          refused.set(key, takenRefusal(key))
          left.delete(key)
        }
        const puts = [...left.values()].map(({ key, text }) => ({
          request_put: { key: encodeText64(key), value: encodeText64(text), lease: this.leases.id },
        }))
        if (await this.#write(puts, [...left.keys()], found)) {
          this.#watch.add([...left.keys()], this.#revision)
          left = new Map()
        }
        if (left.size > 0 && round === ROUNDS) {
          for (const key of left.keys()) refused.set(key, takenRefusal(key))
          left = new Map()
        }
      }
      return refused
    })
  }

  async remove(keys: readonly string[]): Promise<void> {
    await this.#explaining(async () => {
      for (;;) {
        const found = await this.#read(keys)
        const ours = keys.filter((key) => this.#isOurs(found.get(key)))
        const deletions = ours.map((key) => ({ request_delete_range: { key: encodeText64(key) } }))
        if (await this.#write(deletions, ours, found)) return
      }
    })
  }

  async renew(): Promise<readonly string[]> {
    return this.#explaining(async () => {
      if (!(await keepAlive(this.gateway, this.leases.id))) throw new Lost('the lease')
      if (this.#former !== undefined && (await this.#formerKeys()).length === 0) {
        await revoke(this.gateway, this.#former)
        this.#former = undefined
      }
      return []
    })
  }

  async end(): Promise<void> {
    await revoke(this.gateway, this.leases.id)
    if (this.#former !== undefined) await revoke(this.gateway, this.#former)
  }

  close(): Promise<void> {
    this.#watch.close()
    return this.gateway.http.close()
  }

  async #keysOf(lease: string): Promise<readonly string[]> {
    const { TTL = '-1', keys = [] } = await timeToLive(this.gateway, lease, true)
    if (Number(TTL) < 0 && lease === this.leases.id) throw new Lost('the lease')
    return keys.map(decodeText64)
  }

  async #formerKeys(): Promise<readonly string[]> {
    return this.#former === undefined ? [] : this.#keysOf(this.#former)
  }

  /** Reads the values and leases of keys. */
  async #read(keys: readonly string[]): Promise<ReadonlyMap<string, StoredEntry>> {
    const found = new Map<string, StoredEntry>()
    for (let from = 0; from < keys.length; from += OPERATIONS) {
      const some = keys.slice(from, from + OPERATIONS)
      const success = some.map((key) => ({ request_range: { key: encodeText64(key) } }))
      const { responses = [], header } = await this.gateway.call(
        '/kv/txn',
        { success },
        txnResponse,
      )
      if (from === 0) this.#revision = header.revision
      some.forEach((key, n) => {
        const kv = responses[n]?.response_range?.kvs?.[0]
        if (kv === undefined) return
        const { value, lease = '0', mod_revision: revision = '0' } = kv
        found.set(key, { value: decodeText64(value), lease, revision })
      })
    }
    return found
  }

  /** Writes in one transaction. Returns false if one of the keys has changed since it was read. */
  async #write(
    success: readonly object[],
    keys: readonly string[],
    found: ReadonlyMap<string, StoredEntry>,
  ): Promise<boolean> {
    if (success.length === 0) return true
    const compare = keys.map((key) => ({
      key: encodeText64(key),
      target: 'MOD',
      result: 'EQUAL',
      mod_revision: found.get(key)?.revision ?? '0',
    }))
    try {
      const answer = await this.gateway.call('/kv/txn', { compare, success }, txnResponse)
      this.#revision = answer.header.revision
      return answer.succeeded === true
    } catch (error) {
      throw isLeaseMissing(error) ? new Lost('the lease') : error
    }
  }

  #isOurs(found: StoredEntry | undefined): boolean {
    if (found === undefined) return false
    return found.lease === this.leases.id || found.lease === this.#former
  }

  /** Adopts an equal entry without an owner, because registrator writes such entries. */
  #mayWrite(found: StoredEntry | undefined, text: string): boolean {
    if (found === undefined || this.#isOurs(found)) return true
    return found.lease === '0' && found.value === text
  }

  async #explaining<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      throw explained(error, this.gateway, this.path)
    }
  }
}

/** Replaces the gateway's fault for denied access, because that fault is about reading. */
function explained(error: unknown, gateway: Gateway, path: string): unknown {
  if (!isDenied(error)) return error
  const prefix = path === '/' ? '/' : `${path}/`
  return new FaultError({
    kind: 'store',
    message: `etcd at ${gateway.http.origin} denies writing below ${prefix}`,
    hint: `grant access: etcdctl role grant-permission ROLE --prefix=true readwrite ${prefix}`,
    permanent: true,
  })
}

const takenRefusal = (key: string): EntryRefusal => ({ taken: true, fault: otherOwnerFault(key) })
