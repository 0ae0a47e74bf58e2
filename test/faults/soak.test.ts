// The soak test: 50 changes a second over 5,000 keys and 200 resources, with random restarts of the store. It runs
// for RECONFD_SOAK_SECONDS (20 minutes with `npm run soak`) and prints a line every 10 seconds. At the end, it asks
// the four questions of harness.ts for every resource.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { removeDir, startEtcd, tempDir, until, type EtcdServer } from '../support/servers.ts'
import { isOurs, Program, type Invocation } from './program.ts'
import { printSeed, randomFrom, seed } from './random.ts'

const SECONDS = Number(process.env['RECONFD_SOAK_SECONDS'] ?? 20)
const CHANGES_PER_SECOND = 50
const RESOURCES = 200
/** Keys per resource (5,000 in total). One key of each resource contains a counter, which every change increments. */
const KEYS = 25
const LINE_EVERY = 10_000
/** Minimum and maximum time between two restarts of the store, in seconds. */
const RESTART = [4, 15] as const
/** The permitted growth. The garbage collector alone causes about 50 MB. A running reload uses two descriptors. */
const MEMORY_MORE = 100
const HANDLES_MORE = 12

/** A resource: its keys, all versions planned for its file, and its current state. */
class Subject {
  readonly name: string
  readonly dest: string
  readonly planned = new Set<string>()
  readonly keys = new Map<string, string>()
  state = 0

  constructor(
    number: number,
    readonly root: string,
  ) {
    this.name = `r${number}`
    this.dest = join(root, 'out', this.name)
    for (let key = 1; key < KEYS; key++) this.keys.set(`/soak/${this.name}/k/${key}`, '0')
    this.keys.set(`/soak/${this.name}/n`, '0')
    this.planned.add(this.content)
  }

  /** The expected content of the file: the counter, the values, and the counter again. */
  get content(): string {
    const values = [...this.keys].slice(0, -1).sort(([a], [b]) => (a < b ? -1 : 1))
    return `${this.state}\n${values.map(([, value]) => `${value}\n`).join('')}${this.state}\n`
  }

  /** Changes one key and the counter. @returns the changes, which must be written in one transaction */
  change(random: () => number): ReadonlyMap<string, string> {
    const number = String(++this.state)
    const key = `/soak/${this.name}/k/${1 + Math.floor(random() * (KEYS - 1))}`
    const written = new Map([
      [key, number],
      [`/soak/${this.name}/n`, number],
    ])
    for (const [name, value] of written) this.keys.set(name, value)
    this.planned.add(this.content)
    return written
  }

  configure(log: string): void {
    const n = `{{getv "/soak/${this.name}/n"}}\n`
    const values = `{{range gets "/soak/${this.name}/k/*"}}{{.Value}}\n{{end}}`
    writeFileSync(join(this.root, 'templates', `${this.name}.tmpl`), n + values + n)
    const fields = {
      src: `${this.name}.tmpl`,
      dest: this.dest,
      // Uses only shell builtins, since the command runs up to 50 times a second.
      reload_cmd: `read n < ${this.dest} && echo "${this.name} $n" >> ${log}`,
    }
    const lines = Object.entries(fields).map(([field, to]) => `${field} = ${JSON.stringify(to)}`)
    writeFileSync(
      join(this.root, 'conf.d', `${this.name}.toml`),
      `[template]\n${lines.join('\n')}\nkeys = ["/soak/${this.name}"]\n`,
    )
  }
}

function site(name: string): string {
  const root = tempDir(name)
  for (const folder of ['conf.d', 'templates', 'out']) mkdirSync(join(root, folder))
  return root
}

const say = (text: string): void => void process.stdout.write(`soak ${text}\n`)
const contentOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Returns the counter that the last reload of each resource has read, by resource. */
function lastReloads(log: string): ReadonlyMap<string, number> {
  const lines = (contentOf(log) ?? '').split('\n').slice(0, -1)
  return new Map(lines.map((line) => line.split(' ')).map(([name = '', n]) => [name, Number(n)]))
}

const LIMIT = SECONDS * 1000 + 180_000

test(`the soak: ${SECONDS} seconds`, { timeout: LIMIT }, async () => {
  printSeed('soak')
  const [root, freshRoot] = [site('soak'), site('soak-fresh')]
  const log = join(root, 'reloads')
  const subjects = Array.from({ length: RESOURCES }, (_, number) => new Subject(number, root))
  for (const subject of subjects) subject.configure(log)
  const etcd = await startEtcd()
  const invocation = (mode: Invocation['mode'], confdir: string): Invocation => ({
    mode,
    store: ['-backend', 'etcdv3', '-node', etcd.node],
    confdir,
    state: join(confdir, 'state'),
  })
  let program: Program | undefined
  const inPlace = (): boolean => {
    if (program?.running !== true) throw new Error(`it has ended:\n${program?.output ?? ''}`)
    const reloads = lastReloads(log)
    return subjects.every(
      ({ name, dest, content, state }) =>
        reloads.get(name) === state && contentOf(dest) === content,
    )
  }
  try {
    for (const subject of subjects) await etcd.client.putAll(subject.keys)
    program = new Program(invocation('-watch', root))
    await until('everything is in place', inPlace, { timeout: 60_000, every: 100 })
    const { memory, handles, wrong } = await soak(etcd, program, subjects)
    const noMore = wrong

    await until('everything is in place again', inPlace, { timeout: 60_000, every: 100 })
    const most = { memory: Math.round(memory + MEMORY_MORE), handles: handles + HANDLES_MORE }
    await until('handles are closed', () => (program?.handles() ?? 0) <= most.handles)
    const after = Math.round(program.memory())
    if (after > most.memory)
      noMore.push(`memory: ${after} MB, ${most.memory} MB were to be the most`)
    program.signal('SIGTERM')
    const { code } = await program.ended
    if (isOurs && code !== 0) noMore.push(`it ended with ${code}`)
    if (program.offspring().length > 0) noMore.push(`left: ${program.offspring().join('; ')}`)
    const files = readdirSync(join(root, 'out'))
    if (files.length !== RESOURCES) noMore.push(`${files.length} files for ${RESOURCES} resources`)

    for (const { name } of subjects)
      new Subject(Number(name.slice(1)), freshRoot).configure('/dev/null')
    const fresh = await new Program(invocation('-onetime', freshRoot)).ended
    if (fresh.code !== 0) noMore.push(`a fresh -onetime ended with ${fresh.code}`)
    for (const { name, dest } of subjects) {
      if (contentOf(dest) !== contentOf(join(freshRoot, 'out', name))) {
        noMore.push(`${name} is not what a fresh -onetime gives`)
      }
    }
    say(noMore.length === 0 ? 'verdict: good' : `verdict: BAD\n  ${noMore.join('\n  ')}`)
    expect(noMore).toEqual([])
  } finally {
    program?.signal('SIGKILL')
    await program?.ended
    await etcd.stop()
    for (const folder of [root, freshRoot]) removeDir(folder)
  }
})

/** Changes keys and restarts the store until the time is up. @returns the initial measures and the faults found */
async function soak(etcd: EtcdServer, program: Program, subjects: readonly Subject[]) {
  const random = randomFrom(seed)
  const wrong: string[] = []
  const begin = performance.now()
  const seconds = (): number => (performance.now() - begin) / 1000
  const first = { memory: program.memory(), handles: program.handles() }
  let [changes, restarts] = [0, 0]

  /** Repeats a write until it succeeds, so that no state of a resource is skipped. */
  const write = async (entries: ReadonlyMap<string, string>): Promise<void> => {
    for (;;) {
      try {
        return await etcd.client.putAll(entries)
      } catch {
        await pass(50)
      }
    }
  }
  const changing = async (): Promise<void> => {
    for (; seconds() < SECONDS; changes++) {
      const subject = subjects[Math.floor(random() * RESOURCES)] as Subject
      await write(subject.change(random))
      await pass(Math.max(0, begin + (1000 * changes) / CHANGES_PER_SECOND - performance.now()))
    }
  }
  const stopped = new AbortController()
  const sleep = (ms: number): Promise<unknown> =>
    pass(ms, undefined, { signal: stopped.signal }).catch(() => undefined)
  const restarting = async (): Promise<void> => {
    for (;;) {
      await sleep(1000 * (RESTART[0] + random() * (RESTART[1] - RESTART[0])))
      if (stopped.signal.aborted) return
      await etcd.restart()
      restarts++
    }
  }
  const looking = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const { name, dest, planned } = subjects[Math.floor(Math.random() * RESOURCES)] as Subject
      if (!planned.has(contentOf(dest) ?? '')) wrong.push(`${name} was what nobody had planned`)
      await sleep(10)
    }
  }
  const telling = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      const [memory, handles] = [Math.round(program.memory()), program.handles()]
      say(
        `${Math.round(seconds())} s: ${memory} MB, ${handles} handles, ${changes} changes, ${restarts} restarts`,
      )
      await sleep(LINE_EVERY)
    }
  }
  const others = [restarting(), looking(), telling()]
  await changing()
  stopped.abort()
  await Promise.all(others)
  say(
    `${Math.round(seconds())} s: ${Math.round(program.memory())} MB, ${program.handles()} handles, ${changes} changes, ${restarts} restarts`,
  )
  return { ...first, wrong }
}
