// Runs one test of templates: this very program, once, in a folder that is gone afterwards, and what it
// made compared with what is expected.
import { spawn } from 'node:child_process'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesIn, keysIn, linesOf, type Case } from './cases.ts'
import { textDiff } from '../observe/diff.ts'
import { privateFolder } from '../system/temporary.ts'
import { duration } from '../core/words.ts'

export interface CaseResult {
  readonly name: string
  readonly state: 'passed' | 'failed' | 'updated'
  /** Milliseconds. */
  readonly duration: number
  /** What is not as expected, each a text of one or more lines. */
  readonly problems: readonly string[]
}

export interface CaseOptions {
  /** How this program is started: the executable and its first arguments. */
  readonly self: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** What was made becomes what is expected. */
  readonly update: boolean
}

/** How long one test may take, in milliseconds. */
const PATIENCE = 60_000

interface Made {
  readonly exit: number | null
  /** Standard output and error together. */
  readonly said: string
  readonly files: ReadonlyMap<string, string>
}

export async function runCase(one: Case, options: CaseOptions): Promise<CaseResult> {
  const started = performance.now()
  const made = await runIn(one, options)
  const problems = await compare(one.folder, made)
  const result = { name: one.name, duration: Math.round(performance.now() - started) }
  if (problems.length === 0) return { ...result, state: 'passed', problems }
  if (!options.update) return { ...result, state: 'failed', problems }
  await accept(one.folder, made)
  const left = await compare(one.folder, made)
  return { ...result, state: left.length === 0 ? 'updated' : 'failed', problems: left }
}

async function runIn({ folder, confdir, confFile }: Case, options: CaseOptions): Promise<Made> {
  const { path: own, remove } = privateFolder()
  try {
    const work = join(own, 'work')
    await mkdir(work)
    if (existsSync(join(folder, 'before'))) {
      await cp(join(folder, 'before'), work, { recursive: true })
    }
    const settings = confFile ?? join(own, 'confd.toml')
    if (confFile === undefined) await writeFile(settings, '')
    const keys = await keysIn(folder)
    const args = [
      ...['-onetime', '-state-dir', join(own, 'state'), '-conf-file', settings],
      ...['-confdir', confdir ?? folder],
      // A configuration that is in use writes elsewhere, and no program is to hear of this.
      ...(confdir === undefined ? [] : ['-dest-root', work, '-no-reload']),
      ...(keys === undefined ? [] : ['-backend', 'file', '-file', join(folder, keys)]),
      ...(await linesOf(folder, 'args')),
    ]
    const { exit, said } = await start(args, work, await environment(folder, options), options)
    return { exit, said, files: await filesIn(work) }
  } finally {
    remove()
  }
}

/** Ours without the settings of this machine's reconfd, and what the test says. */
async function environment(folder: string, { env }: CaseOptions): Promise<NodeJS.ProcessEnv> {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('CONFD_'))
  const said = (await linesOf(folder, 'env')).map((line) => {
    const [name = '', ...rest] = line.split('=')
    return [name, rest.join('=')] as const
  })
  return Object.fromEntries([...kept, ...said])
}

function start(
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  { self: [program = '', ...first] }: CaseOptions,
): Promise<{ readonly exit: number | null; readonly said: string }> {
  return new Promise((resolve) => {
    const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe']
    const child = spawn(program, [...first, ...args], { cwd, env, stdio })
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
    let said = ''
    const listen = (data: Buffer): void => {
      said += data.toString()
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    child.once('error', (error) => {
      said += error.message
    })
    child.once('close', (exit) => {
      clearTimeout(timer)
      resolve({ exit, said })
    })
  })
}

async function compare(folder: string, made: Made): Promise<readonly string[]> {
  const problems: string[] = []
  const [code = '0'] = await linesOf(folder, 'exit')
  if (made.exit !== Number(code)) {
    const ended =
      made.exit === null ? `did not end within ${duration(PATIENCE)}` : `exit ${made.exit}`
    problems.push(`${ended} instead of exit ${code}; it said:\n${made.said.trimEnd()}`)
  }
  for (const piece of await linesOf(folder, 'expected-error.txt')) {
    const isUnwanted = piece.startsWith('!')
    const text = isUnwanted ? piece.slice(1) : piece
    if (made.said.includes(text) !== isUnwanted) continue
    const what = isUnwanted ? 'said what it must not' : 'did not say'
    problems.push(`it ${what}: ${text}; it said:\n${made.said.trimEnd()}`)
  }
  const expected = new Map([
    ...(await filesIn(join(folder, 'before'))),
    ...(await filesIn(join(folder, 'expected'))),
  ])
  for (const path of new Set([...expected.keys(), ...made.files.keys()])) {
    const [before, after] = [expected.get(path), made.files.get(path)]
    if (before !== after) problems.push(difference(path, before, after))
  }
  return problems
}

function difference(path: string, before: string | undefined, after: string | undefined): string {
  const text = (bytes: string | undefined): string =>
    Buffer.from(bytes ?? '', 'latin1').toString('utf8')
  if (after === undefined) return `${path} was expected and not made`
  const from = before === undefined ? '/dev/null' : `expected/${path}`
  const head = before === undefined ? `${path} was made and not expected` : `${path} is another`
  return `${head}:\n${textDiff(from, path, text(before), text(after))}`
}

/** What was made, less what was there before, becomes what is expected; the exit code likewise. */
async function accept(folder: string, { files, exit }: Made): Promise<void> {
  const before = await filesIn(join(folder, 'before'))
  const expected = join(folder, 'expected')
  await rm(expected, { recursive: true, force: true })
  for (const [path, bytes] of files) {
    if (before.get(path) === bytes) continue
    await mkdir(dirname(join(expected, path)), { recursive: true })
    await writeFile(join(expected, path), bytes, 'latin1')
  }
  if (exit === 0) await rm(join(folder, 'exit'), { force: true })
  else if (exit !== null) await writeFile(join(folder, 'exit'), `${exit}\n`)
}
