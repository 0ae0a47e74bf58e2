// `reconfd test`: runs the test cases in parallel and reports the results.
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { TestCommand } from '../config/command.ts'
import { painted, tableLines } from '../core/table.ts'
import { duration } from '../core/words.ts'
import { options } from '../config/options.ts'
import { colourDiff } from '../observe/diff.ts'
import { findCases, type Case } from './cases.ts'
import { runCase, type CaseOptions, type CaseResult } from './run-case.ts'

export interface TestOptions extends Omit<CaseOptions, 'update'> {
  readonly colour: boolean
}

export interface TestOutcome {
  /** For standard output. */
  readonly text: string
  readonly faults: readonly Fault[]
  readonly exit: 0 | 1
}

export async function runTests(command: TestCommand, options: TestOptions): Promise<TestOutcome> {
  const { folder = join(command.confdir ?? defaultConfdir, 'tests'), update } = command
  let cases: readonly Case[]
  try {
    cases = await findCases(folder, command)
  } catch (error) {
    const hint = 'pass the folder with the tests: reconfd test DIR'
    return { text: '', faults: [ioFault(`cannot read ${folder}`, error, hint)], exit: 1 }
  }
  if (cases.length === 0) {
    const message = `no tests found in ${folder}`
    const hint =
      'a test is a folder with keys.yaml and expected/; run "reconfd test -update" to create expected/'
    return { text: '', faults: [{ kind: 'config', message, hint }], exit: 1 }
  }
  const begin = performance.now()
  const results = await inParallel(cases, (one) => runCase(one, { ...options, update }))
  const took = performance.now() - begin
  const faults = command.junit === undefined ? [] : await writeJunit(command.junit, results, took)
  const isFailed = results.some(({ state }) => state === 'failed') || faults.length > 0
  return { text: resultsText(results, options.colour), faults, exit: isFailed ? 1 : 0 }
}

const defaultConfdir = options.confdir.default

/** Runs as many tasks at a time as there are processors. Returns the results in order. */
async function inParallel<T, R>(all: readonly T[], run: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const work = async (): Promise<void> => {
    while (next < all.length) {
      const at = next++
      results[at] = await run(all[at] as T)
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return results
}

async function writeJunit(
  file: string,
  results: readonly CaseResult[],
  duration: number,
): Promise<readonly Fault[]> {
  const { junitXml } = await import('./junit.ts')
  try {
    await writeFile(file, junitXml(results, duration))
    return []
  } catch (error) {
    return [ioFault(`cannot write ${file}`, error)]
  }
}

const SIGNS = { passed: ['ok', 32], failed: ['FAILED', 31], updated: ['updated', 33] } as const

function resultsText(results: readonly CaseResult[], colour: boolean): string {
  const cells = results.map(({ name, state, duration: took }) => {
    return [SIGNS[state][0], name, duration(took)]
  })
  const heads = tableLines(cells, (cell, column, row) => {
    const code = SIGNS[results[row]?.state ?? 'passed'][1]
    return colour && column === 0 ? painted(code, cell) : cell
  })
  const lines = results.flatMap(({ problems }, n) => {
    const shown = problems.map((problem) => (colour ? colourDiff(problem) : problem))
    const indented = shown.flatMap((problem) => problem.trimEnd().split('\n'))
    return [heads[n] ?? '', ...indented.map((line) => `    ${line}`)]
  })
  const number = (state: CaseResult['state']): number =>
    results.filter((result) => result.state === state).length
  const updated = number('updated') === 0 ? '' : `, ${number('updated')} updated`
  const sum = `${number('passed')} passed, ${number('failed')} failed${updated}`
  return `${[...lines, sum].join('\n')}\n`
}
