// Registers services with Consul's agent. Each service has a TTL check, which becomes critical unless reconfd
// renews it, and the checks that the service defines, which the agent runs. The owner of a service is recorded
// in its metadata.
import { createHash } from 'node:crypto'
import type { Fault } from '../../core/fault.ts'
import type { RegisterSettings } from '../../core/register.ts'
import { ok } from '../../core/result.ts'
import { serviceLabel, type HealthCheck, type Service } from '../service.ts'
import { watchAgent } from './consul-follow.ts'
import { ConsulWriter, printable } from './consul-writer.ts'
import type { RegistryEntry, EntryRefusal, Registry, RegistrySession } from './registry.ts'
import { openClient } from './http.ts'
import { otherOwnerFault } from './layout.ts'
import { forEach } from './ledger.ts'

/** Metadata key whose value contains the owner and a hash of the registration. */
const MARK = 'reconfd'

/** The fields of the agent's API that reconfd uses. */
interface AgentService {
  readonly ID: string
  readonly Service: string
  readonly Address: string
  readonly Port: number
  readonly Meta?: Readonly<Record<string, string>> | null
}

interface AgentCheck {
  readonly ServiceID: string
  readonly Status: string
}

interface ConsulEntry extends RegistryEntry {
  readonly body: object
  /** The ids of its checks. */
  readonly checks: readonly string[]
}

/** @param registrar id of this registrar, unique on its host */
export function consul(settings: RegisterSettings, registrar: string): Registry {
  const { connection, ttl, host } = settings
  const mark = `${host}/${registrar}`
  return {
    product: 'Consul',
    nodes: connection.nodes,
    makes: new Set(['http', 'tcp', 'grpc', 'native']),
    entryOf: printable((service) => ok(consulEntry(service, mark, ttl))),
    async open(node, signal, changed) {
      const http = openClient(node, settings, 'Consul', 8500)
      const closing = new AbortController()
      signal.addEventListener('abort', () => closing.abort(), { once: true })
      const writer = new ConsulWriter(http, connection, closing.signal, NEEDS)
      return new ConsulSession(writer, mark, changed, closing)
    },
  }
}

const NEEDS =
  'use -auth-token-file or CONSUL_HTTP_TOKEN to set a token whose policy has service:write for the services'

class ConsulSession implements RegistrySession {
  readonly broken: Promise<never>
  /** Name of one of our services. */
  #name: string | undefined

  constructor(
    private readonly consul: ConsulWriter,
    private readonly mark: string,
    changed: () => void,
    private readonly closing: AbortController,
  ) {
    this.broken = new Promise((_, reject) => {
      watchAgent(consul, () => this.#name, changed, closing.signal).catch((error: Error) => {
        if (!closing.signal.aborted) reject(error)
      })
    })
    // The keeper handles the rejection, if it still uses the session.
    this.broken.catch(() => undefined)
  }

  async present(): Promise<ReadonlyMap<string, string>> {
    const texts = new Map<string, string>()
    for (const [id, service] of await this.#services()) {
      const [owner, text] = ownerOf(service)
      if (owner !== this.mark) continue
      texts.set(id, text)
      this.#name = service.Service
    }
    return texts
  }

  async put(entries: readonly RegistryEntry[]): Promise<ReadonlyMap<string, EntryRefusal>> {
    const there = await this.#services()
    const checks = await this.consul.get<Record<string, AgentCheck>>('/v1/agent/checks')
    const refused = new Map<string, EntryRefusal>()
    const idsOf = new Map<string, string[]>()
    for (const [id, { ServiceID }] of Object.entries(checks)) {
      idsOf.set(ServiceID, [...(idsOf.get(ServiceID) ?? []), id])
    }
    await forEach(entries as readonly ConsulEntry[], async (entry) => {
      const { key, service, body } = entry
      const found = there.get(key)
      if (found !== undefined && !this.#mayReplace(found, service, checks[checkId(key)])) {
        refused.set(key, {
          taken: true,
          fault: otherOwnerFault(`the service "${key}" of this agent`),
        })
        return
      }
      const refusal = await this.consul.put('/v1/agent/service/register', body)
      if (refusal === undefined) {
        this.#name = service.name
        await this.#removeChecks(entry, idsOf.get(key))
      } else if (refusal.isDenied) {
        const { fault } = this.consul.denied(`the service ${serviceLabel(service)}`)
        refused.set(key, { fault })
      } else refused.set(key, { fault: refusedBy(service, refusal.reason) })
    })
    return refused
  }

  /**
   * Removes the checks of a previous registration. Consul's own option, replace-existing-checks, would also end a
   * maintenance.
   */
  async #removeChecks(of: ConsulEntry, existing: readonly string[] = []): Promise<void> {
    const kept = new Set([`_service_maintenance:${of.key}`, ...of.checks])
    for (const id of existing) {
      if (kept.has(id)) continue
      await this.consul.put(`/v1/agent/check/deregister/${encodeURIComponent(id)}`)
    }
  }

  async remove(keys: readonly string[]): Promise<void> {
    const there = await this.#services()
    const ours = keys.filter((key) => {
      const found = there.get(key)
      return found !== undefined && ownerOf(found)[0] === this.mark
    })
    const denied: string[] = []
    await forEach(ours, async (key) => {
      // Another client may have removed the service already, so other refusals are ignored.
      const refusal = await this.consul.put(
        `/v1/agent/service/deregister/${encodeURIComponent(key)}`,
      )
      if (refusal?.isDenied === true) denied.push(key)
    })
    if (denied[0] !== undefined) throw this.consul.denied(`the service ${denied[0]}`)
  }

  async renew(keys: readonly string[]): Promise<readonly string[]> {
    const missing: string[] = []
    await forEach(keys, async (key) => {
      const path = `/v1/agent/check/pass/${encodeURIComponent(checkId(key))}`
      // Any refusal means that the agent does not know the check. The message is ignored, since it depends on Consul's
      // version.
      if ((await this.consul.put(path)) !== undefined) missing.push(key)
    })
    return missing
  }

  async close(): Promise<void> {
    this.closing.abort()
    await this.consul.close()
  }

  /** Nothing to end: there is no lease, and no entry is left. */
  async end(): Promise<void> {}

  async #services(): Promise<ReadonlyMap<string, AgentService>> {
    const services = await this.consul.get<Record<string, AgentService>>('/v1/agent/services')
    return new Map(Object.entries(services))
  }

  /**
   * Whether an existing service may be overwritten: a service of ours, or one that its registrar no longer renews. A
   * service without an owner, such as one registered by registrator, is adopted if it equals the new service.
   */
  #mayReplace(
    found: AgentService,
    { name, address, port }: Service,
    check: AgentCheck | undefined,
  ): boolean {
    const [owner] = ownerOf(found)
    if (owner === this.mark) return true
    if (owner !== undefined) return check?.Status !== 'passing'
    return found.Service === name && found.Address === address && found.Port === port
  }
}

/** Returns the owner of a service and the hash of its registration. */
function ownerOf({ Meta }: AgentService): readonly [owner: string | undefined, text: string] {
  const [, owner, text = ''] = /^(.*) (\w+)$/s.exec(Meta?.[MARK] ?? '') ?? []
  return [owner, text]
}

const checkId = (id: string): string => `reconfd:${id}`

function consulEntry(service: Service, mark: string, ttl: number): ConsulEntry {
  const { name, id, address, port, tags } = service
  const liveness = {
    CheckID: checkId(id),
    Name: 'Registered by reconfd',
    TTL: `${ttl}ms`,
    Status: 'passing',
    // Consul's minimum.
    DeregisterCriticalServiceAfter: '1m',
  }
  const definition = service.native ?? checkDefinition(service)
  const own = { CheckID: `service:${id}`, Name: `Check of ${name}`, ...definition }
  const checks = definition === undefined ? [liveness] : [liveness, own]
  const body = {
    ID: id,
    Name: name,
    Address: address,
    Port: port,
    Tags: tags,
    Meta: metaOf(service.meta),
    Checks: checks,
  }
  const text = createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 16)
  return {
    service,
    key: id,
    text,
    shown: JSON.stringify(body),
    checks: checks.map(({ CheckID }) => CheckID),
    body: { ...body, Meta: { ...body.Meta, [MARK]: `${mark} ${text}` } },
  }
}

/** Returns the check of a service in Consul's format. The agent runs it once the service is up. */
function checkDefinition({ check, address, port }: Service): object | undefined {
  if (check === undefined || check.what.kind === 'command') return undefined
  const common = {
    Status: 'passing',
    Interval: `${check.interval}ms`,
    Timeout: `${check.timeout}ms`,
    SuccessBeforePassing: check.rise,
    FailuresBeforeCritical: check.fall,
  }
  return { ...common, ...probeOf(check, address, port) }
}

function probeOf({ what }: HealthCheck, address: string, port: number): object {
  switch (what.kind) {
    case 'http':
      return {
        HTTP: what.url,
        ...(what.method === undefined ? {} : { Method: what.method }),
        ...(what.insecure === true ? { TLSSkipVerify: true } : {}),
      }
    case 'tcp': {
      const host = what.host ?? address
      return { TCP: `${host.includes(':') ? `[${host}]` : host}:${what.port ?? port}` }
    }
    default:
      return {}
  }
}

/** Drops metadata for which Consul would refuse the service: it reserves names such as `consul-version`. */
function metaOf(meta: Readonly<Record<string, string>>): Record<string, string> {
  const good = Object.entries(meta).filter(
    ([key, value]) =>
      /^(?!consul-)[\w-]{1,128}$/.test(key) && key !== MARK && Buffer.byteLength(value) <= 512,
  )
  return Object.fromEntries(good.slice(0, 62))
}

const refusedBy = ({ name, id }: Service, said: string): Fault => ({
  kind: 'store',
  message: `Consul refuses the service ${name}/${id}: ${said}`,
  ...(/script/i.test(said)
    ? { hint: "set enable_local_script_checks = true in the agent's configuration" }
    : {}),
})
