// Consul agents for tests of the catalog, with methods that register services, set checks and change maintenance
// modes.
import { startConsul, type ConsulServer } from './servers.ts'

export interface Registration {
  readonly ID?: string
  readonly Name: string
  readonly Address?: string
  readonly Port?: number
  readonly Tags?: readonly string[]
  readonly Meta?: Readonly<Record<string, string>>
  readonly Weights?: { readonly Passing: number; readonly Warning: number }
  readonly Check?: object
}

/** An agent, controlled through its own API. https://developer.hashicorp.com/consul/api-docs/agent */
export class Agent {
  constructor(readonly server: ConsulServer) {}

  async #put(path: string, body?: object): Promise<void> {
    await this.server.client.call('PUT', path, body === undefined ? '' : JSON.stringify(body))
  }

  register(service: Registration): Promise<void> {
    return this.#put('/v1/agent/service/register', service)
  }

  /** Registers a service with a check, `check:<id>`, which passes until it is changed. */
  registerChecked(service: Registration): Promise<void> {
    const CheckID = `check:${service.ID ?? service.Name}`
    return this.register({ ...service, Check: { CheckID, TTL: '1h', Status: 'passing' } })
  }

  deregister(id: string): Promise<void> {
    return this.#put(`/v1/agent/service/deregister/${encodeURIComponent(id)}`)
  }

  check(id: string, Status: 'passing' | 'warning' | 'critical', Output = ''): Promise<void> {
    return this.#put(`/v1/agent/check/update/check:${id}`, { Status, Output })
  }

  maintain(id: string, enable: boolean): Promise<void> {
    return this.#put(`/v1/agent/service/maintenance/${id}?enable=${enable}&reason=test`)
  }

  leave(): Promise<void> {
    return this.#put('/v1/agent/leave')
  }
}

/**
 * Starts a Consul server with the node name `one`. The output of checks reaches the catalog immediately, not after
 * minutes.
 */
export const startAgent = async (config: object = {}, token?: string): Promise<Agent> =>
  new Agent(
    await startConsul({
      config: { node_name: 'one', check_update_interval: '0s', ...config },
      ...(token === undefined ? {} : { token }),
    }),
  )

/** Starts an agent in client mode on another node. This agent is not part of the quorum. */
export async function joinAgent(first: Agent, name: string): Promise<Agent> {
  const self = await first.server.client.call('GET', '/v1/agent/self')
  const { Member } = JSON.parse(self) as { Member: { Port: number } }
  return startAgent({
    node_name: name,
    server: false,
    bootstrap: false,
    retry_join: [`127.0.0.1:${Member.Port}`],
    leave_on_terminate: true,
  })
}

/** Registers instances of many services on nodes without an agent, in transactions of 64 (Consul's limit). */
export async function fillCatalog(
  agent: Agent,
  services: number,
  instances: number,
): Promise<void> {
  const register = (name: string, n: number): object => ({
    Service: {
      Verb: 'set',
      Node: `n${n}`,
      Service: { Service: name, ID: `${name}-${n}`, Address: `10.0.${n}.1`, Port: 8000 + n },
    },
  })
  const { client } = agent.server
  for (let n = 0; n < instances; n++) {
    const node = { Node: `n${n}`, Address: `10.1.0.${n}` }
    await client.call('PUT', '/v1/catalog/register', JSON.stringify(node))
  }
  const all = Array.from({ length: services }, (_, s) =>
    Array.from({ length: instances }, (__, n) => register(`s${s}`, n)),
  ).flat()
  for (let from = 0; from < all.length; from += 64) {
    await client.call('PUT', '/v1/txn', JSON.stringify(all.slice(from, from + 64)))
  }
}

/** Changes the port of the instance that `fillCatalog` has registered for a service on node n3. */
export async function changePort(agent: Agent, service: string, port: number): Promise<void> {
  const instance = { Service: service, ID: `${service}-3`, Address: '10.0.3.1', Port: port }
  const body = { Node: 'n3', SkipNodeUpdate: true, Service: instance }
  await agent.server.client.call('PUT', '/v1/catalog/register', JSON.stringify(body))
}
