// Checks a trial after the fault has ended; see harness.ts. Each check returns a list of problems.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../support/until.ts'
import { destinations } from './contents.ts'
import { socketsIn, textOf } from './files.ts'
import type { Trial } from './harness.ts'
import { isOurs, Program } from './program.ts'
import { writeSite } from './site.ts'

/** The number of open file descriptors of a working program, and its memory in MB. */
export interface Measure {
  readonly handles: number
  readonly memory: number
}

/**
 * The permitted growth after a fault: a few connections, and memory (in MB) that the garbage collector has not freed
 * yet.
 */
const HANDLES_MORE = 6
const MEMORY_MORE = 100

const LINGERING = { timeout: 30_000 }

/** Answers the second question: compares the destinations with those of a fresh -onetime run. */
export async function unlikeFresh(trial: Trial): Promise<string[]> {
  const root = trial.file('fresh')
  const out = join(root, 'out')
  writeSite(root, out, trial.prefix, () => ({}))
  const folders = { confdir: root, state: join(root, 'state') }
  const fresh = new Program({ ...trial.invocation('-onetime'), ...folders })
  const { code } = await fresh.ended
  if (code !== 0) return [`a fresh -onetime ended with ${code}: ${fresh.output}`]
  return destinations
    .filter((dest) => textOf(join(out, dest)) !== textOf(trial.path(dest)))
    .map((dest) => `${dest} is not what a fresh -onetime gives`)
}

/**
 * Answers the fourth question. Stops the program to do so.
 * @param before the baseline taken before the fault; undefined if the program has been restarted since
 */
export async function leftBehind(
  trial: Trial,
  program: Program,
  before: Measure | undefined,
): Promise<string[]> {
  const left = before === undefined ? [] : await grown(program, before)
  program.signal('SIGTERM')
  const { code, signal } = await program.ended
  if (isOurs && code !== 0) left.push(`it ended with ${code ?? signal} when it was asked to end`)
  await until('no process is left', () => program.offspring().length === 0, LINGERING).catch(() =>
    left.push(`processes: ${program.offspring().join('; ')}`),
  )
  const expected: readonly string[] = destinations
  const strange = readdirSync(trial.out).filter((name) => !expected.includes(name))
  if (strange.length > 0) left.push(`files beside the destinations: ${strange.join(', ')}`)
  const sockets = socketsIn(trial.invocation('-watch').state)
  if (sockets.length > 0) left.push(`sockets: ${sockets.join(', ')}`)
  return [...left, ...(await stillOwed(trial))]
}

/** Compares a recovered program with its baseline. */
async function grown(program: Program, before: Measure): Promise<string[]> {
  const found: string[] = []
  // The program closes an abandoned connection with a delay.
  const most = before.handles + HANDLES_MORE
  await until('handles are closed', () => program.handles() <= most, LINGERING).catch(() =>
    found.push(`handles: ${before.handles} before, ${program.handles()} after`),
  )
  const memory = program.memory()
  if (memory > before.memory + MEMORY_MORE) {
    found.push(`memory: ${Math.round(before.memory)} MB before, ${Math.round(memory)} MB after`)
  }
  return found
}

/** Checks that a -onetime run on the same folders succeeds without a reload. */
async function stillOwed(trial: Trial): Promise<string[]> {
  const reloads = (): number => destinations.flatMap((dest) => trial.reloads(dest)).length
  const before = reloads()
  const { code } = await new Program(trial.invocation('-onetime')).ended
  if (code !== 0) return [`a -onetime afterwards ended with ${code}`]
  return reloads() === before ? [] : ['a -onetime afterwards found a reload that was still owed']
}
