// A randomized run of `reconfd register` for each store. Containers start, stop, die, are renamed and swap names. The
// container engine, the store, the registrar and the network between them are killed, stopped or cut off. After each
// round, everything runs again, and the store must contain exactly the expected entries. At no time may an unchanged
// service be missing from a reachable store for long.
//
// The default is a short run. RECONFD_LONG=1 gives 300 rounds per store. See also `npm run soak -- register`.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { FakeEngine } from '../support/engine.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import {
  heldByConsul,
  heldByConsulKv,
  heldByEtcd,
  heldByEtcdV2,
  heldByZookeeper,
  startRegister,
  type Held,
} from '../support/registry.ts'
import {
  startConsul,
  startEtcd,
  tempDir,
  type ConsulServer,
  type EtcdServer,
  type ServerProcess,
} from '../support/servers.ts'
import { startZookeeper, type ZookeeperServer } from '../support/zookeeper.ts'
import { isLong, printSeed, randomFrom, seed } from './random.ts'

const ROUNDS = isLong ? 300 : 4
const SOAK = Number(process.env['RECONFD_SOAK_SECONDS'] ?? 0)
/**
 * Milliseconds for which a service may be missing: one second, and an allowance for a busy machine. Only the long runs
 * have the machine to themselves.
 */
const MISSING =
  1_000 + Number(process.env['RECONFD_SLACK'] ?? (isLong || SOAK > 0 ? 2_000 : 20_000))
/** Milliseconds until the store must contain exactly the expected entries. Longer than a TTL, which is 10 s. */
const SETTLE = 60_000

interface Store {
  readonly server: ServerProcess & { readonly node: string }
  readonly to: (node: string) => string
  readonly held: () => Promise<Held>
  readonly stop: () => Promise<void>
}

const stores: Readonly<Record<string, () => Promise<Store>>> = {
  etcd: async () => ofEtcd(await startEtcd(), 'etcd', heldByEtcd),
  etcdv2: async () => ofEtcd(await startEtcd({ v2: true }), 'etcdv2', heldByEtcdV2),
  skydns2: async () => ofEtcd(await startEtcd({ v2: true }), 'skydns2', heldBySkydns),
  consul: async () => ofConsul(await startConsul(), 'consul', heldByConsul),
  consulkv: async () => ofConsul(await startConsul(), 'consulkv', heldByConsulKv),
  zookeeper: async () => ofZookeeper(await startZookeeper()),
}

const ofEtcd = (
  server: EtcdServer,
  scheme: string,
  held: (server: EtcdServer) => Promise<Held>,
): Store => ({
  server,
  to: (node) => `${scheme}://${node}/services`,
  held: () => held(server),
  stop: () => server.stop(),
})

const heldBySkydns = (server: EtcdServer): Promise<Held> => heldByEtcdV2(server, '/skydns/services')

const ofConsul = (
  server: ConsulServer,
  scheme: string,
  held: (server: ConsulServer) => Promise<Held>,
): Store => ({
  server,
  to: (node) => `${scheme}://${node}${scheme === 'consul' ? '' : '/services'}`,
  held: () => held(server),
  stop: () => server.stop(),
})

const ofZookeeper = (server: ZookeeperServer): Store => ({
  server,
  to: (node) => `zookeeper://${node}/services`,
  held: () => heldByZookeeper(server),
  stop: () => server.stop(),
})

class Trial {
  readonly #containers = new Map<string, { name: string; readonly port: number }>()
  readonly #state = tempDir('register-trial')
  #run: ReturnType<typeof startRegister>
  #ports = 20_000
  /** The services that have not changed since the store was last seen to contain them. */
  #untouched = new Set<string>()
  /** The time when each service in `#untouched` was first found missing. */
  readonly #missing = new Map<string, number>()
  #isStoreUp = true
  #over = false
  readonly violations: string[] = []
  readonly history: string[] = []

  constructor(
    private readonly name: string,
    private readonly store: Store,
    private readonly engine: FakeEngine,
    private readonly proxy: Proxy,
    private readonly random: () => number,
  ) {
    this.#run = this.#start()
  }

  async rounds(enough: () => boolean): Promise<number> {
    const watching = this.#watch()
    let round = 0
    for (; !enough(); round++) {
      const actions = 1 + Math.floor(this.random() * 6)
      for (let n = 0; n < actions; n++) await this.#act()
      await this.#quiet()
      if (this.violations.length > 0) break
    }
    this.#over = true
    await watching
    return round
  }

  async end(): Promise<void> {
    this.#run.signal('SIGKILL')
    await this.#run.finished
  }

  #start(): ReturnType<typeof startRegister> {
    const place = ['-host', 'h', '-ip', '10.0.0.1', '-resync', '5s', '-ttl', '10s']
    const args = ['-to', this.store.to(this.proxy.node), '-docker', this.engine.url, ...place]
    return startRegister(args, { state: this.#state })
  }

  async #act(): Promise<void> {
    const all: readonly (readonly [weight: number, action: () => void | Promise<void>])[] = [
      [6, () => this.#add()],
      [3, () => this.#with((id) => this.#remove(id, () => this.engine.die(id, 1)))],
      [2, () => this.#with((id) => this.#remove(id, () => this.engine.remove(id)))],
      [2, () => this.#with((id) => this.#rename(id, `r${this.#ports++}`))],
      [2, () => this.#swap()],
      [2, () => this.#with((id) => this.#restart(id))],
      [1, () => this.#restartEngine()],
      [1, () => this.engine.endStreams('{"Type":"contai')],
      [1, () => this.#lie()],
      [1, () => this.#killRegistrar('SIGKILL')],
      [1, () => this.#killRegistrar('SIGTERM')],
      [1, () => this.#stopRegistrar()],
      [1, () => this.#restartStore()],
      [1, () => this.#stopStore()],
      [1, () => this.#cut()],
      [1, () => this.#silence()],
    ]
    let at = this.random() * all.reduce((sum, [weight]) => sum + weight, 0)
    const [, action] = all.find(([weight]) => (at -= weight) < 0) ?? all[0] ?? []
    await action?.()
    if (this.random() < 0.5) await sleep(this.random() * 150)
  }

  #add(): void {
    const port = this.#ports++
    const name = `c${port}`
    const ports = { '80/tcp': [{ HostPort: String(port) }] }
    const id = this.engine.run({ name, env: ['SERVICE_NAME=web'], ports })
    this.#note(`add ${name}`)
    this.#containers.set(id, { name, port })
  }

  #remove(id: string, how: () => void): void {
    const { name } = this.#containers.get(id) as { name: string }
    this.#note(`remove ${name}`)
    this.#touch(id)
    this.#containers.delete(id)
    how()
  }

  #rename(id: string, name: string): void {
    const container = this.#containers.get(id) as { name: string }
    this.#note(`rename ${container.name} to ${name}`)
    this.#touch(id)
    container.name = name
    this.engine.change(id, { name })
  }

  /** Lets two containers swap their names at almost the same time. */
  #swap(): void {
    const [one, two] = [...this.#containers.keys()].sort(() => this.random() - 0.5)
    if (one === undefined || two === undefined) return
    const [a, b] = [one, two].map((id) => this.#containers.get(id)?.name as string)
    this.#rename(one, 'between')
    this.#rename(two, a as string)
    this.#rename(one, b as string)
  }

  #restart(id: string): void {
    this.#note(`restart ${this.#containers.get(id)?.name}`)
    this.#touch(id)
    this.engine.die(id)
    this.engine.start(id)
  }

  async #restartEngine(): Promise<void> {
    this.#note('engine restarts')
    await this.engine.kill()
    await sleep(this.random() * 300)
    await this.engine.listen()
  }

  /** Makes the engine unreliable: from now on, it either drops all events, or delays and repeats them. */
  #lie(): void {
    this.#note('events are lost')
    const kept: string[] = []
    this.engine.deliver =
      this.random() < 0.5
        ? () => []
        : (line) => (kept.push(line), kept.length % 3 === 0 ? kept : [])
  }

  async #killRegistrar(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#note(`registrar: ${signal}`)
    this.#run.signal(signal)
    await this.#run.finished
    this.#run = this.#start()
  }

  async #stopRegistrar(): Promise<void> {
    this.#note('registrar is stopped for a while')
    this.#run.signal('SIGSTOP')
    await sleep(this.random() * 1_500)
    this.#run.signal('SIGCONT')
  }

  async #restartStore(): Promise<void> {
    this.#note('store restarts')
    this.#isStoreUp = false
    await this.store.server.restart()
    this.#isStoreUp = true
  }

  async #stopStore(): Promise<void> {
    this.#note('store is stopped for a while')
    this.#isStoreUp = false
    this.store.server.pause()
    await sleep(this.random() * 1_500)
    this.store.server.resume()
    this.#isStoreUp = true
  }

  async #cut(): Promise<void> {
    this.#note('connection to the store is cut')
    this.proxy.cut()
    await sleep(this.random() * 1_500)
    this.proxy.restore()
  }

  async #silence(): Promise<void> {
    this.#note('nothing comes through to the store')
    this.proxy.silence()
    await sleep(this.random() * 1_500)
    this.proxy.restore()
  }

  /** Restores reliable events and waits until the store contains exactly the expected entries. */
  async #quiet(): Promise<void> {
    this.engine.deliver = (line) => [line]
    const deadline = performance.now() + SETTLE
    for (;;) {
      const held = await this.#held()
      const truth = this.#truth()
      if (held !== undefined && isSame(held, truth)) {
        this.#untouched = new Set(truth)
        this.#note('quiet')
        return
      }
      if (performance.now() > deadline) {
        this.violations.push(`not equal after ${SETTLE} ms: ${difference(held ?? [], truth)}`)
        return
      }
      await sleep(50)
    }
  }

  /** Records a violation when an unchanged service has been missing for too long. */
  async #watch(): Promise<void> {
    while (!this.#over) {
      const wasUp = this.#isStoreUp
      const held = wasUp ? await this.#held() : undefined
      const now = performance.now()
      if (held === undefined || !this.#isStoreUp) this.#missing.clear()
      else {
        const there = new Set(held)
        for (const key of this.#missing.keys()) {
          if (there.has(key) || !this.#untouched.has(key)) this.#missing.delete(key)
        }
        for (const key of this.#untouched) {
          if (there.has(key)) continue
          const since = this.#missing.get(key) ?? now
          this.#missing.set(key, since)
          if (now - since > MISSING) {
            this.violations.push(`${key} has been missing for ${Math.round(now - since)} ms`)
            return
          }
        }
      }
      await sleep(100)
    }
  }

  #truth(): readonly string[] {
    return [...this.#containers.values()].map((container) => this.#entry(container))
  }

  #entry({ name, port }: { readonly name: string; readonly port: number }): string {
    const address = `10.0.0.1:${port}`
    if (this.name === 'skydns2') return `h:${name}:80 {"host":"10.0.0.1","port":${port}}`
    return this.name === 'zookeeper' ? address : `h:${name}:80 ${address}`
  }

  /** Returns the store's entries in the format of `#truth`; undefined if the store cannot be read. */
  async #held(): Promise<readonly string[] | undefined> {
    try {
      const held = Object.entries(await this.store.held())
      return held.map(([key, value]) => {
        const id = key.split('/').at(-1) ?? ''
        return this.name === 'zookeeper' ? id : `${id} ${value}`
      })
    } catch {
      return undefined
    }
  }

  #touch(id: string): void {
    const container = this.#containers.get(id)
    if (container !== undefined) this.#untouched.delete(this.#entry(container))
  }

  #with(action: (id: string) => void): void {
    const ids = [...this.#containers.keys()]
    const id = ids[Math.floor(this.random() * ids.length)]
    if (id !== undefined) action(id)
  }

  #note(what: string): void {
    this.history.push(`${Math.round(performance.now())} ${what}`)
  }

  get log(): string {
    return this.#run.stderr
  }
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && new Set([...a, ...b]).size === a.length

const difference = (held: readonly string[], truth: readonly string[]): string =>
  [
    `missing ${JSON.stringify(truth.filter((one) => !held.includes(one)))}`,
    `too much ${JSON.stringify(held.filter((one) => !truth.includes(one)))}`,
  ].join(', ')

printSeed('register')
const engines: FakeEngine[] = []
afterAll(async () => {
  for (const engine of engines) await engine.kill()
})

test.each(Object.keys(stores))(
  '%s',
  async (name) => {
    const [store, engine] = await Promise.all([
      stores[name]?.() as Promise<Store>,
      FakeEngine.start(),
    ])
    engines.push(engine)
    const proxy = await startProxy(store.server.node)
    const trial = new Trial(name, store, engine, proxy, randomFrom(seed))
    const until = performance.now() + (SOAK * 1000) / Object.keys(stores).length
    let rounds = 0
    const enough = () => (SOAK > 0 ? performance.now() > until : rounds++ >= ROUNDS)
    const done = await trial.rounds(enough)
    process.stdout.write(`${name}: ${done} rounds\n`)
    const told = [...trial.history.slice(-40), trial.log.slice(-6_000)].join('\n')
    expect(trial.violations, told).toEqual([])
    await trial.end()
    await proxy.close()
    await store.stop()
  },
  SOAK > 0 ? SOAK * 1000 + 120_000 : 120_000 + ROUNDS * SETTLE,
)
