// Real servers for tests: etcd, Consul, HAProxy and nginx on loopback ports, with their clients. All servers are
// killed when the test process exits. A test can stop its servers earlier with `stop()`.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { ConsulClient, EtcdV2Client, EtcdV3Client } from './clients.ts'
import { HttpClient } from './http.ts'
import { ServerProcess, startOnFreePorts, tempDir, type ProcessSpec } from './process.ts'

export { serverBinary, tempDir, removeDir, freePorts, ServerProcess } from './process.ts'
export { ConsulClient, EtcdV2Client, EtcdV3Client } from './clients.ts'
export { until } from './until.ts'

/** A server that stores keys, with its process, address, data and client. */
export class StoreServer<Client extends { close(): void }> extends ServerProcess {
  constructor(
    spec: ProcessSpec,
    /** `127.0.0.1:port`, as in `-node`. */
    readonly node: string,
    readonly dataDir: string,
    readonly client: Client,
  ) {
    super(spec)
  }

  get url(): string {
    return `http://${this.node}`
  }

  /** Kills the server, deletes its data and starts it again at the same address. */
  async restartEmpty(): Promise<void> {
    await this.kill()
    rmSync(this.dataDir, { recursive: true, force: true })
    mkdirSync(this.dataDir, { mode: 0o700 })
    await this.start()
  }

  override async stop(): Promise<void> {
    this.client.close()
    await super.stop()
    rmSync(this.dataDir, { recursive: true, force: true })
  }
}

export interface ServerOptions {
  readonly extraArgs?: readonly string[]
  readonly dataDir?: string
  /** If set, the server also accepts TLS, at `secureNode`. The plain port remains for the test's own writes. */
  readonly tls?: ServerTls
}

/** PEM files. */
export interface ServerTls {
  readonly cert: string
  readonly key: string
  /** The CA that signs client certificates. If it is set, clients must have a certificate. */
  readonly clientCa?: string
}

/** Debian bookworm contains etcd 3.4, and trixie contains 3.5. */
export type EtcdVersion = '3.4' | '3.5'

export type EtcdServer = StoreServer<EtcdV3Client> & {
  readonly v2: EtcdV2Client
  readonly secureNode: string
}

/**
 * Starts one etcd server. `client` speaks v3. `v2` speaks v2, which the server supports only with `{ v2: true }`.
 * `await server.client.enableAuth(...)` enables authentication.
 */
export async function startEtcd(
  options: ServerOptions & { readonly v2?: boolean; readonly version?: EtcdVersion } = {},
): Promise<EtcdServer> {
  const name = options.version === '3.5' ? 'etcd-3.5' : 'etcd'
  return startOnFreePorts(3, async ([port, peerPort, securePort]) => {
    const dataDir = options.dataDir ?? tempDir('etcd')
    const [url, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`]
    const { tls } = options
    const urls = tls === undefined ? url : `${url},https://127.0.0.1:${securePort}`
    const args = [
      `--data-dir=${dataDir}`,
      `--listen-client-urls=${urls}`,
      `--advertise-client-urls=${urls}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--max-txn-ops=10000',
      '--log-level=error',
      ...(options.v2 === true ? ['--enable-v2'] : []),
      ...(tls === undefined ? [] : [`--cert-file=${tls.cert}`, `--key-file=${tls.key}`]),
      ...(tls?.clientCa === undefined
        ? []
        : ['--client-cert-auth', `--trusted-ca-file=${tls.clientCa}`]),
      ...(options.extraArgs ?? []),
    ]
    const probe = new HttpClient(url)
    const ready = async (): Promise<boolean> => {
      const healthy = await probe.answers('/health')
      probe.close()
      return healthy
    }
    const server = Object.assign(
      new StoreServer(
        { name, args, ready, securePort: tls && securePort },
        `127.0.0.1:${port}`,
        dataDir,
        new EtcdV3Client(url),
      ),
      { v2: new EtcdV2Client(url), secureNode: `127.0.0.1:${securePort}` },
    )
    await server.start()
    return server
  })
}

export type ConsulServer = StoreServer<ConsulClient> & { readonly secureNode: string }

/**
 * Starts one Consul server agent that keeps its data across restarts.
 * @param options `config`: further configuration, as an object of Consul's own fields
 */
export async function startConsul(
  options: ServerOptions & { readonly config?: object; readonly token?: string } = {},
): Promise<ConsulServer> {
  return startOnFreePorts(5, async ([http, rpc, lan, wan, https]) => {
    const dataDir = options.dataDir ?? tempDir('consul')
    const { tls } = options
    const config = {
      server: true,
      bootstrap: true,
      bind_addr: '127.0.0.1',
      client_addr: '127.0.0.1',
      ports: {
        ...{ http, server: rpc, serf_lan: lan, serf_wan: wan, dns: -1, grpc: -1 },
        ...(tls === undefined ? {} : { https }),
      },
      ...(tls === undefined ? {} : { cert_file: tls.cert, key_file: tls.key }),
      ...(tls?.clientCa === undefined
        ? {}
        : { ca_file: tls.clientCa, verify_incoming_https: true }),
      disable_host_node_id: true,
      disable_update_check: true,
      log_level: 'error',
      session_ttl_min: '1s',
      // Short elections: a single server elects itself.
      performance: { raft_multiplier: 1 },
      ...options.config,
    }
    const url = `http://127.0.0.1:${http}`
    const probe = new HttpClient(url)
    const ready = async (): Promise<boolean> => {
      try {
        const leader = await probe.send('GET', '/v1/status/leader')
        // Once there is a leader, a missing key gives 404, or 403 with ACLs. Before that, the request fails with 500.
        const key = await probe.send('GET', '/v1/kv/ready?consistent')
        return leader.status === 200 && leader.text !== '""' && [404, 403].includes(key.status)
      } catch {
        return false
      } finally {
        probe.close()
      }
    }
    const args = [
      'agent',
      `-data-dir=${dataDir}`,
      `-hcl=${JSON.stringify(config)}`,
      ...(options.extraArgs ?? []),
    ]
    const server = Object.assign(
      new StoreServer(
        { name: 'consul', args, ready, securePort: tls && https },
        `127.0.0.1:${http}`,
        dataDir,
        new ConsulClient(url, options.token),
      ),
      { secureNode: `127.0.0.1:${https}` },
    )
    await server.start()
    return server
  })
}

/**
 * Starts HAProxy in master-worker mode with the given configuration file. Send SIGUSR2 to `pid` to reload it.
 * @param port a port on which the configuration listens
 * @param pidFile the file to which HAProxy's pid is written, for commands
 */
export async function startHaproxy(
  config: string,
  port: number,
  pidFile?: string,
): Promise<ServerProcess> {
  const server = new ServerProcess({
    name: 'haproxy',
    args: ['-W', '-db', '-f', config],
    ready: () => isListening(port),
  })
  await server.start()
  if (pidFile !== undefined) writeFileSync(pidFile, `${server.pid}\n`)
  return server
}

/** Returns true if a server answers HTTP requests on the port, with any status. */
async function isListening(port: number): Promise<boolean> {
  const probe = new HttpClient(`http://127.0.0.1:${port}`)
  try {
    await probe.send('GET', '/')
    return true
  } catch {
    return false
  } finally {
    probe.close()
  }
}
