// A change may be made at run time only if HAProxy then behaves like a fresh process that has loaded the new file.
// The test tries 12 pairs of files on each release, or 1,000 with RECONFD_LONG=1.
import { createServer, type Server } from 'node:http'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendCommands } from '../../src/haproxy/client.ts'
import { infoOf, serversOf } from '../../src/haproxy/process.ts'
import { Runtime, type RuntimeAttempt } from '../../src/haproxy/runtime.ts'
import { isLong, printSeed, seed } from '../faults/random.ts'
import { HttpClient } from '../support/http.ts'
import { freePorts, removeDir, serverBinary, ServerProcess, tempDir } from '../support/servers.ts'
import { until } from '../support/until.ts'
import { pair, type Pair } from './pairs.ts'
import { ABLE, keeperOf } from './support.ts'

const PAIRS = Number(process.env['PAIRS'] ?? (isLong ? 1000 : 12))
const URIS = Array.from({ length: 12 }, (_, n) => `/${n}`)

/** A web server that answers each request with the local address to which the client connected. */
let servers: Server
let serverPort = 0
beforeAll(async () => {
  servers = createServer((request, response) => response.end(request.socket.localAddress))
  await new Promise<void>((listening) => servers.listen(0, '::', listening))
  serverPort = (servers.address() as { port: number }).port
})
afterAll(() => {
  servers.closeAllConnections()
  servers.close()
})

/** An HAProxy process without a master, with its configuration file. */
class Lab {
  readonly socket: string
  readonly config: string
  readonly #process: ServerProcess

  constructor(
    release: string,
    readonly dir: string,
    name: string,
    private readonly port: number,
  ) {
    this.socket = join(dir, `${name}.sock`)
    this.config = join(dir, `${name}.cfg`)
    this.#process = new ServerProcess({
      name: release,
      args: ['-db', '-f', this.config],
      ready: () =>
        sendCommands(this.socket, ['show info']).then(
          () => true,
          () => false,
        ),
    })
  }

  write(text: string): void {
    const own = text
      .replaceAll('SOCKET', this.socket)
      .replaceAll('PORT', String(this.port))
      .replaceAll('SERVERS', String(serverPort))
    writeFileSync(this.config, own, 'latin1')
  }

  /** Returns false if HAProxy refuses the file. */
  async start(): Promise<boolean> {
    try {
      await this.#process.start()
      return true
    } catch (error) {
      if (/ended at its start/.test(String(error))) return false
      throw error
    }
  }

  stop(): Promise<void> {
    return this.#process.kill()
  }

  async ask(command: string): Promise<string> {
    return (await sendCommands(this.socket, [command]))[0] ?? ''
  }

  /** Returns the state of HAProxy's servers, and where requests to each backend go. */
  async tell(routing: ReadonlyMap<string, Routing>): Promise<unknown> {
    const state = serversOf(await this.ask('show servers state')) ?? new Map<string, never>()
    const all = [...state.values()].flatMap((backend) => [...backend.values()])
    const stats = (await this.ask('show stat -1 4 -1')).split('\n').map((row) => row.split(','))
    const at = (name: string): number => (stats[0] ?? []).indexOf(name)
    const about = stats.slice(1).map((row) => {
      const field = (name: string): string => row[at(name)] ?? ''
      // The effective weight of a server in maintenance appears with a varying delay. The configured weight is in
      // `states`.
      const weight = field('status') === 'MAINT' ? '' : field('weight')
      const fields = ['svname', 'status', 'act', 'bck', 'slim', 'qlimit', 'cookie', 'check_rise']
      return [row[0], ...fields.map(field), weight].join(' ')
    })
    const routes: Record<string, unknown> = {}
    for (const [backend, { balance, hasCookie }] of routing) {
      const servers = stats.slice(1).filter(([name]) => name === backend)
      const weights = servers.map((row) => Number(row[at('weight')]))
      routes[backend] = await this.#routes(backend, balance, weights)
      if (!hasCookie) continue
      const usable = servers.filter((row) => /^(UP|no check)/.test(row[at('status')] ?? ''))
      const cookies = new Set(usable.map((row) => row[at('cookie')] ?? ''))
      routes[`${backend} by cookie`] = await this.#byCookie(backend, [...cookies].sort())
    }
    const states = all.map((one) => JSON.stringify(one))
    return { states: states.sort(), about: about.sort(), routes }
  }

  /** Returns where requests with each cookie go. */
  async #byCookie(backend: string, cookies: readonly string[]): Promise<unknown> {
    const client = new HttpClient(`http://127.0.0.1:${this.port}`)
    const reached = cookies
      .filter((cookie) => /^c\d$/.test(cookie))
      .map(async (cookie) => {
        const headers = { 'x-backend': backend, cookie: `SRV=${cookie}` }
        const { status, text } = await client.send('GET', '/', undefined, headers)
        return [cookie, status === 200 ? text : status]
      })
    const all = await Promise.all(reached)
    client.close()
    return all
  }

  /**
   * Returns where requests to a backend go: the server of each URI if the algorithm depends on the URI, and otherwise
   * the set of servers. Returns undefined if the requests do not determine that set.
   */
  async #routes(backend: string, balance: string, weights: readonly number[]): Promise<unknown> {
    const client = new HttpClient(`http://127.0.0.1:${this.port}`)
    const one = async (uri: string): Promise<readonly [string, string]> => {
      const headers = { 'x-backend': backend, 'x-key': uri }
      const { status, text } = await client.send('GET', uri, undefined, headers)
      return [uri, status === 200 ? text : String(status)]
    }
    // With `balance first`, concurrent requests would fill the first server, and other servers would get the rest.
    const [first = '', ...others] = balance === 'first' ? [URIS[0] ?? ''] : URIS
    const reached = new Map([await one(first), ...(await Promise.all(others.map(one)))])
    client.close()
    if (/uri|hdr|source|first/.test(balance)) return [...reached]
    // So few requests need not reach a server with a small share of the weight: that depends on earlier requests.
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    if (weights.some((weight) => weight > 0 && weight * URIS.length < total)) return undefined
    // These algorithms choose among equal servers at random.
    return /random|leastconn/.test(balance) ? undefined : [...new Set(reached.values())].sort()
  }
}

describe.each(ABLE)('HAProxy %s', (version) => {
  test(
    'equals a fresh one with the new file',
    { timeout: isLong ? 7_200_000 : 120_000 },
    async () => {
      const release = `haproxy-${version}`
      serverBinary(release)
      printSeed(`decisions on ${release}`)
      const outcomes = new Map<string, number>()
      const property = fc.asyncProperty(pair, async (one) => {
        const outcome = await judge(release, one)
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      })
      await fc.assert(property, { seed, numRuns: PAIRS })
      process.stdout.write(`${release}: ${JSON.stringify(Object.fromEntries(outcomes))}\n`)
      expect(outcomes.get('applied') ?? 0).toBeGreaterThan(0)
    },
  )
})

async function judge(release: string, { before, after }: Pair): Promise<string> {
  const dir = tempDir('decision')
  const [port = 0, otherPort = 0] = await freePorts(2)
  const running = new Lab(release, dir, 'running', port)
  const fresh = new Lab(release, dir, 'fresh', otherPort)
  try {
    running.write(before)
    fresh.write(after)
    if (!(await running.start())) return 'bad'
    if (!(await fresh.start())) return 'bad'
    const attempt = await bring(running, before, after)
    if (attempt.kind === 'declined') return attempt.reason.code
    const routing = routingOf(after)
    // A refused connection counts as a result, too. On a busy machine, the next request may give another result.
    const told = async (lab: Lab): Promise<string> =>
      JSON.stringify(await lab.tell(routing).catch(String), undefined, 1)
    await until('both are the same', async () => {
      return (await told(running)) === (await told(fresh))
    }).catch(async () => {
      expect(await told(running), `${before}=====\n${after}`).toBe(await told(fresh))
    })
    return attempt.changes.length === 0 ? 'nothing' : 'applied'
  } finally {
    await Promise.all([running.stop(), fresh.stop()])
    removeDir(dir)
  }
}

/** Applies the change as reconfd does when it knows that this process has loaded the first file. */
async function bring(lab: Lab, before: string, after: string): Promise<RuntimeAttempt> {
  const id = infoOf(await lab.ask('show info'))?.id ?? ''
  lab.write(before)
  const keeper = await keeperOf(lab.config, [lab.socket], id)
  lab.write(after)
  const runtime = new Runtime({
    keeper,
    emit: () => undefined,
    stuck: (dest) => {
      throw new Error(`${dest} is stuck`)
    },
    isOnetime: true,
  })
  const target = { dest: lab.config, sockets: [lab.socket], drain: 0, others: [] }
  return runtime.attempt({ targets: [target], strangers: [] })
}

interface Routing {
  /** The word after `balance`, or the whole line of the defaults. */
  readonly balance: string
  readonly hasCookie: boolean
}

/** Returns the lines of each backend that route requests, by the name of the backend. */
function routingOf(text: string): ReadonlyMap<string, Routing> {
  const defaults = /^ {4}(balance leastconn)$/m.exec(text.split('frontend')[0] ?? '')?.[1] ?? ''
  return new Map(
    text.split(/^backend /m).flatMap((section) => {
      const name = section.split('\n', 1)[0] ?? ''
      if (!['web', 'api'].includes(name)) return []
      const balance = /^ {4}balance (\S+)/m.exec(section)?.[1] ?? defaults
      return [[name, { balance, hasCookie: /^ {4}cookie SRV/m.test(section) }] as const]
    }),
  )
}
