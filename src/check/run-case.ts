// Runs one test case: executes this program once in a temporary folder and compares the resulting files with the
// expected ones.
import { spawn } from 'node:child_process'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesIn, keysIn, linesOfFile, type Case } from './cases.ts'
import { textDiff } from '../observe/diff.ts'
import { privateFolder } from '../system/temporary.ts'
import { duration } from '../core/words.ts'

export interface CaseResult {
  readonly name: string
  readonly state: 'passed' | 'failed' | 'updated'
  /** Milliseconds. */
  readonly duration: number
  /** Differences from the expectations; each is a message of one or more lines. */
  readonly problems: readonly string[]
}

export interface CaseOptions {
  /** The command that starts this program: the executable and its first arguments. */
  readonly self: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Whether to replace the expectations with the results. */
  readonly update: boolean
}

/** Time limit of one case, in milliseconds. */
const CASE_TIMEOUT = 60_000

interface CaseOutput {
  readonly exit: number | null
  /** Standard output and standard error together. */
  readonly output: string
  readonly files: ReadonlyMap<string, string>
}

export async function runCase(one: Case, options: CaseOptions): Promise<CaseResult> {
  const started = performance.now()
  const made = await runIn(one, options)
  const problems = await compare(one.folder, made)
  const result = { name: one.name, duration: Math.round(performance.now() - started) }
  if (problems.length === 0) return { ...result, state: 'passed', problems }
  if (!options.update) return { ...result, state: 'failed', problems }
  await updateExpectations(one.folder, made)
  const left = await compare(one.folder, made)
  return { ...result, state: left.length === 0 ? 'updated' : 'failed', problems: left }
}

async function runIn(
  { folder, confdir, confFile }: Case,
  options: CaseOptions,
): Promise<CaseOutput> {
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
      // A production configuration must not write to its real destinations or reload programs.
      ...(confdir === undefined ? [] : ['-dest-root', work, '-no-reload']),
      ...(keys === undefined ? [] : ['-backend', 'file', '-file', join(folder, keys)]),
      ...(await linesOfFile(folder, 'args')),
    ]
    const { exit, output } = await start(
      args,
      work,
      await caseEnvironment(folder, options),
      options,
    )
    return { exit, output, files: await filesIn(work) }
  } finally {
    remove()
  }
}

/** The inherited environment without CONFD_ variables, plus the variables of the case. */
async function caseEnvironment(folder: string, { env }: CaseOptions): Promise<NodeJS.ProcessEnv> {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('CONFD_'))
  const output = (await linesOfFile(folder, 'env')).map((line) => {
    const [name = '', ...rest] = line.split('=')
    return [name, rest.join('=')] as const
  })
  return Object.fromEntries([...kept, ...output])
}

function start(
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
  { self: [program = '', ...first] }: CaseOptions,
): Promise<{ readonly exit: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe']
    const child = spawn(program, [...first, ...args], { cwd, env, stdio })
    const timer = setTimeout(() => child.kill('SIGKILL'), CASE_TIMEOUT)
    let output = ''
    const listen = (data: Buffer): void => {
      output += data.toString()
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    child.once('error', (error) => {
      output += error.message
    })
    child.once('close', (exit) => {
      clearTimeout(timer)
      resolve({ exit, output })
    })
  })
}

async function compare(folder: string, made: CaseOutput): Promise<readonly string[]> {
  const problems: string[] = []
  const [code = '0'] = await linesOfFile(folder, 'exit')
  if (made.exit !== Number(code)) {
    const ended =
      made.exit === null ? `no exit within ${duration(CASE_TIMEOUT)}` : `exit ${made.exit}`
    problems.push(`${ended} instead of exit ${code}; output:\n${made.output.trimEnd()}`)
  }
  for (const piece of await linesOfFile(folder, 'expected-error.txt')) {
    const isUnwanted = piece.startsWith('!')
    const text = isUnwanted ? piece.slice(1) : piece
    if (made.output.includes(text) !== isUnwanted) continue
    const what = isUnwanted ? 'the output must not contain' : 'the output does not contain'
    problems.push(`${what}: ${text}; output:\n${made.output.trimEnd()}`)
  }
  const expected = new Map([
    ...(await filesIn(join(folder, 'before'))),
    ...(await filesIn(join(folder, 'expected'))),
  ])
  for (const path of new Set([...expected.keys(), ...made.files.keys()])) {
    const [before, after] = [expected.get(path), made.files.get(path)]
    if (before !== after) problems.push(describeDifference(path, before, after))
  }
  return problems
}

function describeDifference(
  path: string,
  before: string | undefined,
  after: string | undefined,
): string {
  const text = (bytes: string | undefined): string =>
    Buffer.from(bytes ?? '', 'latin1').toString('utf8')
  if (after === undefined) return `${path} was expected but not written`
  const from = before === undefined ? '/dev/null' : `expected/${path}`
  const head = before === undefined ? `${path} was written but not expected` : `${path} differs`
  return `${head}:\n${textDiff(from, path, text(before), text(after))}`
}

/** Replaces the expectations with the results: new or changed files, and the exit code. */
async function updateExpectations(folder: string, { files, exit }: CaseOutput): Promise<void> {
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
