// Registers services as Consul keys. One session with a TTL locks all entries of a registrar; Consul deletes the
// entries when the session expires. An entry is ours if our session locks it; the session's id is kept in the state
// directory.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../../core/fault.ts'
import type { RegisterSettings } from '../../core/register.ts'
import { Wakeup } from '../wakeup.ts'
import { ConsulWriter, printable } from './consul-writer.ts'
import { openClient } from './http.ts'
import { plainEntry, otherOwnerFault } from './layout.ts'
import { forEach, ledgerIn } from './ledger.ts'
import {
  Lost,
  type RegistryEntry,
  type RegistryMemory,
  type EntryRefusal,
  type Registry,
  type RegistrySession,
} from './registry.ts'

/** Consul's minimum session TTL, in milliseconds. */
const MIN_TTL = 10_000
/** Wait time of a blocking query, in seconds. */
const WAIT = 55

const NEEDS =
  'use -auth-token-file or CONSUL_HTTP_TOKEN to set a token whose policy has session:write for the node and key:write for the prefix'

interface KvPair {
  readonly Value: string | null
  readonly Session?: string
  readonly ModifyIndex: number
}

export function consulkv(settings: RegisterSettings, memory: RegistryMemory): Registry {
  const { to, connection, ttl, host } = settings
  return {
    product: 'Consul',
    nodes: connection.nodes,
    makes: new Set(),
    entryOf: printable(plainEntry(to.path)),
    async open(node, signal, changed) {
      const http = openClient(node, settings, 'Consul', 8500)
      const closing = new AbortController()
      signal.addEventListener('abort', () => closing.abort(), { once: true })
      const consul = new ConsulWriter(http, connection, closing.signal, NEEDS)
      try {
        // Consul may keep a session for up to twice its TTL.
        const id = await holdSession(consul, Math.max(MIN_TTL, ttl / 2), host, memory)
        return new KvSession(consul, id, memory, changed, closing)
      } catch (error) {
        await http.close()
        throw error
      }
    },
  }
}

/** Adopts the session of the previous run, or creates one. */
async function holdSession(
  consul: ConsulWriter,
  ttl: number,
  host: string,
  memory: RegistryMemory,
): Promise<string> {
  const kept = memory.kept['session']
  if (typeof kept === 'string' && /^[\w-]+$/.test(kept)) {
    if ((await consul.put(`/v1/session/renew/${kept}`)) === undefined) return kept
  }
  const { value } = await consul.exchange<{ ID: string }>('/v1/session/create', {
    Name: `reconfd register on ${host}`,
    TTL: `${Math.ceil(ttl / 1000)}s`,
    Behavior: 'delete',
    LockDelay: '0s',
    // Without node checks, because the session must survive a restart of the agent.
    NodeChecks: [],
  })
  if (value === undefined) throw consul.refusal('refuses to create a session')
  await memory.keep({ ...memory.kept, session: value.ID })
  return value.ID
}

class KvSession implements RegistrySession {
  readonly broken: Promise<never>
  readonly #wakeup = new Wakeup()

  constructor(
    private readonly consul: ConsulWriter,
    private readonly id: string,
    private readonly memory: RegistryMemory,
    changed: () => void,
    private readonly closing: AbortController,
  ) {
    this.broken = new Promise((_, reject) => {
      this.#follow(changed).catch((error: Error) => {
        if (!closing.signal.aborted) reject(error)
      })
    })
    // The keeper handles the rejection, if it still uses the session.
    this.broken.catch(() => undefined)
  }

  async present(wanted: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const session = await this.consul.get<readonly object[]>(`/v1/session/info/${this.id}`)
    if (session.length === 0) throw new Lost('the session')
    const texts = new Map<string, string>()
    const keys = new Set([...Object.keys(ledgerIn(this.memory)), ...wanted])
    await forEach([...keys], async (key) => {
      const found = await this.#get(key)
      if (found?.Session === this.id) texts.set(key, textOf(found))
    })
    return texts
  }

  async put(entries: readonly RegistryEntry[]): Promise<ReadonlyMap<string, EntryRefusal>> {
    // Recorded before the write, so that a crash orphans no entry.
    await this.#keep((keys) => entries.forEach(({ key }) => (keys[key] = '')))
    const refused = new Map<string, EntryRefusal>()
    await forEach(entries, async ({ key, text }) => {
      const found = await this.#get(key)
      if (found !== undefined && !this.#mayWrite(found, text)) {
        refused.set(key, { taken: true, fault: otherOwnerFault(key) })
        return
      }
      const Key = nameOf(key)
      const unchanged =
        found === undefined
          ? { Verb: 'check-not-exists', Key }
          : { Verb: 'check-index', Key, Index: found.ModifyIndex }
      const lock = {
        Verb: 'lock',
        Key,
        Value: Buffer.from(text).toString('base64'),
        Session: this.id,
      }
      const fault = await this.#transact([unchanged, lock])
      if (fault !== undefined) refused.set(key, { taken: true, fault })
    })
    return refused
  }

  async remove(keys: readonly string[]): Promise<void> {
    await forEach(keys, async (key) => {
      const Key = nameOf(key)
      const ours = { Verb: 'check-session', Key, Session: this.id }
      await this.#transact([ours, { Verb: 'delete', Key }])
    })
    await this.#keep((kept) => keys.forEach((key) => delete kept[key]))
  }

  async renew(): Promise<readonly string[]> {
    const { status } = await this.consul.exchange(`/v1/session/renew/${this.id}`)
    if (status === 404) throw new Lost('the session')
    return []
  }

  async end(): Promise<void> {
    await this.consul.put(`/v1/session/destroy/${this.id}`)
  }

  async close(): Promise<void> {
    this.closing.abort()
    this.#wakeup.ring()
    await this.consul.close()
  }

  #mayWrite({ Session, ...found }: KvPair, text: string): boolean {
    if (Session === this.id) return true
    // Adopts an equal entry without an owner, because registrator writes such entries.
    return Session === undefined && textOf(found) === text
  }

  async #get(key: string): Promise<KvPair | undefined> {
    const [found] = (await this.consul.find<KvPair[]>(pathOf(key))) ?? []
    return found
  }

  /** Returns undefined on success. */
  async #transact(operations: readonly object[]): Promise<Fault | undefined> {
    const body = operations.map((KV) => ({ KV }))
    const { status, said } = await this.consul.exchange('/v1/txn', body)
    if (status === 200) return undefined
    // The next full read shows whether the session has expired or another client was faster.
    return { kind: 'store', message: `Consul refuses an entry${said === '' ? '' : `: ${said}`}` }
  }

  async #keep(change: (keys: Record<string, string>) => void): Promise<void> {
    const before = ledgerIn(this.memory)
    const keys = { ...before }
    change(keys)
    if (Object.keys(keys).join('\n') === Object.keys(before).join('\n')) return
    await this.memory.keep({ ...this.memory.kept, keys })
    this.#wakeup.ring()
  }

  /**
   * Watches one of our keys, because all of them are deleted when the session expires. Also detects that the agent has
   * stopped.
   */
  async #follow(changed: () => void): Promise<never> {
    const { signal } = this.closing
    let index = 0
    for (let followed: string | undefined; ;) {
      const [key] = Object.keys(ledgerIn(this.memory))
      if (key === undefined) {
        await this.#wakeup.wait(Infinity)
        signal.throwIfAborted()
        continue
      }
      if (key !== followed) [followed, index] = [key, 0]
      const query = index === 0 ? '' : `?index=${index}&wait=${WAIT}s`
      const answer = await this.consul.poll(pathOf(key) + query, (WAIT * 17_000) / 16 + 10_000)
      if (index !== 0 && answer.index !== index) changed()
      const isGood = answer.status === 200 || answer.status === 404
      index = isGood && answer.index >= index ? answer.index : 0
      if (index === 0) await sleep(PAUSE, undefined, { signal })
    }
  }
}

/** Milliseconds until the retry after an unusable response. */
const PAUSE = 1_000

const textOf = ({ Value }: Pick<KvPair, 'Value'>): string =>
  Buffer.from(Value ?? '', 'base64').toString()

const nameOf = (key: string): string => key.slice(1)
const pathOf = (key: string): string => `/v1/kv${key.split('/').map(encodeURIComponent).join('/')}`
