// Every function and filter takes at most linear time on values from a store. Each runs in a process with a CPU limit,
// on its worst input of sizes N and 4N. The larger input must cost less than 8 times as much as the smaller one.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import nunjucks from 'nunjucks'
import { afterAll, describe, expect, it } from 'vitest'
import { functions } from '../../src/templates/functions/index.ts'
import { removeDir, tempDir } from '../support/process.ts'
import { FILTERS, FUNCTIONS, GO, NUNJUCKS, type Case } from './linear-cases.ts'

const folder = tempDir('linear')
afterAll(() => removeDir(folder))

/** CPU limit for all rows of one language, in seconds; a non-linear row takes minutes. */
const LIMIT = 180
/** Milliseconds. Shorter measurements are not precise enough to compare. */
const FLOOR = 25

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

interface Cost {
  readonly name: string
  readonly small: number
  readonly large: number
}

/**
 * Returns the cost of each row. If the process reaches the CPU limit in a row, `last` begins with the name of that row,
 * and `costs` contains only the rows before it.
 */
function costs(engine: 'nunjucks' | 'go', cases: readonly Case[]): { costs: Cost[]; last: string } {
  const rows = join(folder, `${engine}.json`)
  const templates = cases.map(([name, code, more]) => ({
    name,
    engine,
    template:
      engine === 'go'
        ? `{{$s := getv "/s"}}{{$t := getv "/t"}}{{$x := ${code}}}`
        : `{% set s = getv("/s") %}{% set t = getv("/t") %}{% set x = ${code} %}`,
    ...more,
  }))
  writeFileSync(rows, JSON.stringify(templates))
  const run = `ulimit -t ${LIMIT}; exec "$@" 2>&1; true`
  const child = [process.execPath, file('linear-child.mjs'), file('../../dist/index.js'), rows]
  let out: string
  try {
    out = execFileSync('sh', ['-c', run, 'sh', ...child], { encoding: 'utf8' })
  } catch (error) {
    out = (error as { stdout: string }).stdout
  }
  const lines = out.split('\n').filter((line) => line.startsWith('{'))
  const told = lines.map((line) => JSON.parse(line) as Cost & { begins?: string })
  return {
    costs: told.filter(({ begins }) => begins === undefined),
    last: `${told.at(-1)?.begins ?? ''}: ${out.slice(-300)}`,
  }
}

describe.each([
  ['nunjucks', NUNJUCKS],
  ['go', GO],
] as const)('in %s', (engine, cases) => {
  it('costs grow with the input', { timeout: 900_000 }, () => {
    const { costs: measured, last } = costs(engine, cases)
    expect(measured.length, `stopped in ${last}`).toBe(cases.length)
    const steep = measured.filter(({ small, large }) => large / Math.max(small, FLOOR) >= 8)
    expect(steep).toEqual([])
  })
})

it('every filter and function has a row, or a reason for having none', () => {
  const environment = new nunjucks.Environment(null) as unknown as { filters: object }
  const covers = (cases: readonly Case[], name: string): boolean =>
    cases.some(([, code]) => new RegExp(`(?<![\\w.])${name}\\b`).test(code))
  const without = (names: readonly string[], cases: readonly Case[], known: object): string[] =>
    names.filter((name) => !covers(cases, name) && !Object.hasOwn(known, name))
  expect(without(Object.keys(environment.filters), NUNJUCKS, FILTERS)).toEqual([])
  const names = functions.filter(({ only }) => only !== 'go').map(({ name }) => name)
  expect(without(names, NUNJUCKS, FUNCTIONS)).toEqual([])
  const forGo = functions.filter(({ only }) => only !== 'nunjucks').map(({ name }) => name)
  expect(without(forGo, GO, FUNCTIONS)).toEqual([])
})
