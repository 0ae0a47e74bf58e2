// No reload may be lost. The built program runs with real etcd and Redis servers, under bursts of changes, a slow
// disk, SIGKILL of the daemon and of its reloads, failing reloads and checks, restarts, and SIGHUP. After each round,
// the changes stop. Then every file must match the store, a successful reload must have read exactly that content,
// the status must be "in sync", and the next start must find nothing owed. `npm run soak -- reloads` sets the
// duration.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { FullStatus } from '../../src/core/status.ts'
import { removeDir, startEtcd, tempDir, type EtcdServer } from '../support/servers.ts'
import { startRedis, type RedisServer } from '../support/redis.ts'
import { programWith } from '../support/program.ts'
import { until } from '../support/until.ts'
import { linesOf, textOf } from './files.ts'
import { isOurs, Program, type Invocation } from './program.ts'
import { printSeed, randomFrom, seed } from './random.ts'
import type { TrialStore } from './stores.ts'

/** Seconds per store. */
const SECONDS = Number(process.env['RECONFD_SOAK_SECONDS'] ?? 16) / 2
const SLOW_DISK = 60
/** Milliseconds until all debts must be settled. Reloads that fail at random are retried with backoff. */
const PATIENCE = 60_000

/** Additional TOML lines for each resource. Resources `a` and `b` share their reload command. */
const resources: Readonly<Record<string, string>> = {
  a: 'reload_cmd = "ROOT/reload a b"',
  b: 'reload_cmd = "ROOT/reload a b"\nmin_reload_interval = "300ms"',
  c: 'reload_cmd = "ROOT/reload c"\non_reload_failure = "rollback"\nreload_attempts = 2',
  d: 'reload_cmd = "ROOT/reload d"\nverify_cmd = "! grep -q unfit ROOT/out/d"\nverify_timeout = "2s"',
  e: 'reload_cmd = "ROOT/reload e f"\ncheck_cmd = "! grep -q refused {{.src}}"',
  f: 'reload_cmd = "ROOT/reload e f"\ngroup_check_cmd = "! grep -q unfit ROOT/out/e ROOT/out/f"',
}
const names = Object.keys(resources)

/**
 * Returns a script that records its start and, if it succeeds, what it has read from each file. The script takes a
 * random time. It fails if a file is `bad`, and otherwise at random.
 */
const reloadScript = (root: string): string => `#!/bin/sh
cd ${root}/out; found=
for name; do found="$found $name=$(cat $name 2>/dev/null)"; done
echo "$$" >> ${root}/began
sleep 0.$(( $(od -An -N1 -tu1 /dev/urandom) % 4 ))
case $found in *bad*) exit 1;; esac
[ -e ${root}/quiet ] || [ $(( $(od -An -N1 -tu1 /dev/urandom) % 6 )) -gt 0 ] || exit 1
for one in $found; do echo "$one" >> ${root}/loaded; done
`

class Round {
  readonly root = tempDir('reloads')
  readonly #wanted = new Map<string, string>()
  #program: Program | undefined
  #serial = 0

  constructor(
    private readonly store: TrialStore,
    private readonly prefix: string,
    private readonly random: () => number,
  ) {
    for (const folder of ['conf.d', 'templates', 'out']) mkdirSync(this.path(folder))
    writeFileSync(this.path('reload'), reloadScript(this.root))
    chmodSync(this.path('reload'), 0o755)
    for (const [name, extra] of Object.entries(resources)) {
      writeFileSync(this.path('templates', `${name}.tmpl`), `{{getv "${prefix}/${name}"}}\n`)
      const template = `[template]\nsrc = "${name}.tmpl"\ndest = "${this.path('out', name)}"\nkeys = ["${prefix}"]`
      const group = name === 'e' || name === 'f' ? 'group = "g"\n' : ''
      const text = `${group}${template}\n${extra.replaceAll('ROOT', this.root)}\n`
      writeFileSync(this.path('conf.d', `${name}.toml`), text)
    }
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts)
  }

  async play(seconds: number): Promise<void> {
    await this.#writeAll('ok')
    this.#start()
    const end = performance.now() + seconds * 1000
    while (performance.now() < end) await this.#step()
    await this.#settle()
  }

  async close(): Promise<void> {
    await this.#end('SIGKILL', true)
    removeDir(this.root)
  }

  async #step(): Promise<void> {
    const chance = this.random()
    if (chance < 0.55) await this.#burst()
    else if (chance < 0.65) await this.#end('SIGKILL', this.random() < 0.5)
    else if (chance < 0.72) await this.#end('SIGTERM')
    else if (chance < 0.85) this.#program?.killOffspring(/\/reload /)
    // Before its first output, Node may not handle SIGHUP yet, and the signal would kill the process.
    else if (chance < 0.92 && this.#program?.output !== '') this.#program?.signal('SIGHUP')
    this.#start()
    await pass(400 * this.random() ** 2)
  }

  async #burst(): Promise<void> {
    for (let n = 1 + Math.floor(12 * this.random() ** 2); n > 0; n--) {
      const name = names[Math.floor(this.random() * names.length)] as string
      const kinds = ['ok', 'ok', 'ok', 'ok', 'bad', 'unfit', 'refused']
      await this.#write(name, kinds[Math.floor(this.random() * kinds.length)] as string)
      if (this.random() < 0.3) await pass(150 * this.random())
    }
  }

  async #write(name: string, kind: string): Promise<void> {
    const value = `${kind}-${++this.#serial}`
    this.#wanted.set(name, value)
    await this.store.put(new Map([[`${this.prefix}/${name}`, value]]))
  }

  async #writeAll(kind: string): Promise<void> {
    for (const name of names) await this.#write(name, kind)
  }

  #invocation(mode: Invocation['mode']): Invocation {
    const slow = new URL('slow-disk.mjs', import.meta.url).href
    const env = { NODE_OPTIONS: `--import=${slow}`, RECONFD_SLOW_DISK: String(SLOW_DISK) }
    return { mode, store: this.store.args, confdir: this.root, state: this.path('state'), env }
  }

  #start(): void {
    if (this.#program?.running !== true) this.#program = new Program(this.#invocation('-watch'))
  }

  async #end(signal: NodeJS.Signals, all = false): Promise<void> {
    this.#program?.signal(signal)
    if (all) this.#program?.killOffspring()
    await this.#program?.ended
  }

  /** Stops the changes and random failures, and checks that all debts are settled. */
  async #settle(): Promise<void> {
    writeFileSync(this.path('quiet'), '')
    // In half of the rounds, most files keep their content, so that their debts must be settled without newer content.
    // `c` always gets new content, because its last content may have been rolled back after random failures.
    const isAll = this.random() < 0.5
    for (const [name, value] of this.#wanted) {
      if (isAll || name === 'c' || !value.startsWith('ok')) await this.#write(name, 'ok')
    }
    await until('every reload has read what is in place', () => this.#problems().length === 0, {
      timeout: PATIENCE,
      every: 50,
    }).catch((error: unknown) => {
      throw new Error(
        [
          String(error),
          ...this.#problems(),
          `the program ${this.#program?.running === true ? 'runs' : 'has ended'}`,
          this.#program?.output.slice(-8000),
        ].join('\n'),
      )
    })
    await this.#checkStatus()
    await this.#end('SIGTERM')
    const before = linesOf(this.path('began')).length
    const { code } = await new Program(this.#invocation('-onetime')).ended
    expect(code).toBe(0)
    expect(linesOf(this.path('began')).length, 'reloads that were still owed').toBe(before)
  }

  #problems(): string[] {
    const loaded = new Set(linesOf(this.path('loaded')))
    return [...this.#wanted].flatMap(([name, value]) => {
      const there = textOf(this.path('out', name))?.trim()
      if (there !== value) return [`${name}: the file has ${there}, not ${value}`]
      return loaded.has(`${name}=${value}`) ? [] : [`${name}: no reload has read ${value}`]
    })
  }

  async #checkStatus(): Promise<void> {
    if (!isOurs) return
    let states: string[] = []
    await until('status says in sync', () => {
      const folders = ['-confdir', this.root, '-state-dir', this.path('state')]
      const { stdout } = spawnSync(...programWith('status', '-json', ...folders), {
        encoding: 'utf8',
      })
      states = (JSON.parse(stdout) as FullStatus).resources.map(({ state }) => state)
      return states.every((state) => state === 'in sync')
    }).catch((error: unknown) => {
      throw new Error(
        `${String(error)}: ${states.join(', ')}\n${this.#program?.output.slice(-8000)}`,
      )
    })
  }
}

const LIMIT = SECONDS * 2000 + 10 * PATIENCE
/** Seconds per round. Rounds are short, so that later changes cannot hide a lost reload. */
const ROUND = 4

async function rounds(store: TrialStore, name: string): Promise<void> {
  const random = randomFrom(seed)
  const begin = performance.now()
  let count = 0
  while (performance.now() - begin < SECONDS * 1000) {
    const round = new Round(store, `/r${process.pid}x${++count}`, random)
    try {
      await round.play(ROUND)
    } finally {
      await round.close()
    }
  }
  process.stdout.write(`reloads: ${count} rounds on ${name}, none lost\n`)
}

let etcd: EtcdServer
let redis: RedisServer
beforeAll(async () => {
  printSeed('reloads')
  ;[etcd, redis] = await Promise.all([startEtcd(), startRedis()])
})
afterAll(async () => {
  await Promise.all([etcd.stop(), redis.stop()])
})

test('etcd', { timeout: LIMIT }, () =>
  rounds(
    { args: ['-backend', 'etcdv3', '-node', etcd.node], put: (keys) => etcd.client.putAll(keys) },
    'etcd',
  ),
)

test('Redis', { timeout: LIMIT }, () =>
  rounds(
    { args: ['-backend', 'redis', '-node', redis.node], put: (keys) => redis.client.putAll(keys) },
    'Redis',
  ),
)
