// Prints the rows of a bench run, saves them in bench/results/ as JSON, updates the table in the README, and compares
// the rows with those of another run. Only ratios are compared, because milliseconds depend on the machine.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus } from 'node:os'
import { join } from 'node:path'
import { root } from '../scripts/prepare.mjs'

/** The columns of the table before those of the peers. */
const KNOWN = ['reconfd', 'durable', 'floor', 'bare']
/** Ratios that grow by more than this factor are reported. */
const TOLERANCE = 1.15
const BEGIN = '<!-- figures of npm run bench -->'
const END = '<!-- end of figures -->'

const rows = []

/**
 * Prints one row and adds it to the results.
 * @param values one figure for each contender, including `reconfd`
 * @param goal `most` limits the ratio of the figure to that of the contender `to`; without `to`, the figure itself
 */
export function report(what, unit, values, { to, most } = {}) {
  const base = to ?? ('floor' in values ? 'floor' : undefined)
  const ratio = base === undefined ? undefined : values.reconfd / values[base]
  const held = to === undefined ? values.reconfd : ratio
  const row = {
    what,
    unit,
    values: Object.fromEntries(Object.entries(values).map(([name, n]) => [name, rounded(n)])),
    ...(ratio === undefined ? {} : { to: base, ratio: rounded(ratio) }),
    ...(most === undefined
      ? {}
      : { goal: to === undefined ? `${most} ${unit}` : `${most} times ${to}` }),
    ...(most === undefined ? {} : { met: held <= most }),
  }
  rows.push(row)
  console.log(`${what.padEnd(56)} ${figures(row).join(', ')}${verdict(row)}`)
}

const rounded = (n) => Number(n.toPrecision(3))

const figures = ({ values, unit }) =>
  Object.entries(values).map(([name, n]) => `${name} ${n} ${unit}`)

const verdict = ({ to, ratio, goal, met }) =>
  [
    ratio === undefined ? '' : `; ${ratio} times ${to}`,
    goal === undefined ? '' : ` (at most ${goal}: ${met ? 'holds' : 'EXCEEDED'})`,
  ].join('')

/**
 * Writes the rows of this run to a file, and to the table in the README if `isWhole`. Returns the file's path;
 * undefined if there are no rows.
 */
export function keep(command, isWhole) {
  if (rows.length === 0) return undefined
  const now = new Date()
  const [{ model }] = cpus()
  const machine = `${cpus().length} cores, ${model.trim()} (${arch()}), Node ${process.versions.node}`
  const folder = join(root, 'bench/results')
  mkdirSync(folder, { recursive: true })
  const name = now.toISOString().slice(0, 16).replace(/[-:]/g, '').replace('T', '-')
  const file = join(folder, `${name}.json`)
  const all = { date: now.toISOString(), command, machine, rows }
  writeFileSync(file, `${JSON.stringify(all, null, 2)}\n`)
  if (isWhole) intoReadme(table(all))
  return file
}

function table({ date, command, machine, rows: all }) {
  const peers = [...new Set(all.flatMap(({ values }) => Object.keys(values)))].filter(
    (name) => !KNOWN.includes(name),
  )
  const columns = [...KNOWN, ...peers]
  const cell = ({ values, unit }, name) =>
    values[name] === undefined ? '' : `${values[name]} ${unit}`
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [
    `Measured by \`${command}\` on ${date.slice(0, 10)}: ${machine}. "bare" is the runtime doing nothing, and "floor" is a minimal program doing the same work. "durable" is the floor with the syncs and renames that reconfd's promises for a crash need. The onetime runs reuse the compiled code that an earlier run has cached.`,
    '',
    line(['what', ...columns, 'ratio']),
    line(['---', ...columns.map(() => '---'), '---']),
    ...all.map((row) =>
      line([
        row.what,
        ...columns.map((name) => cell(row, name)),
        row.ratio === undefined ? '' : `${row.ratio} times ${row.to}`,
      ]),
    ),
  ].join('\n')
}

function intoReadme(text) {
  const path = join(root, 'README.md')
  const page = readFileSync(path, 'utf8')
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`README.md lacks the lines "${BEGIN}" and "${END}"`)
  writeFileSync(path, `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`)
}

/** Prints the ratios that are worse than in the given file. @returns the number of these ratios */
export function compare(file) {
  const previous = new Map(
    JSON.parse(readFileSync(file, 'utf8')).rows.map((row) => [row.what, row]),
  )
  const worse = rows.flatMap(({ what, to, ratio }) => {
    const before = previous.get(what)
    if (ratio === undefined || before?.to !== to || ratio <= before.ratio * TOLERANCE) return []
    const percent = Math.round((ratio / before.ratio - 1) * 100)
    return [`${what}: ${ratio} times ${to}, was ${before.ratio}: ${percent} % worse`]
  })
  console.log(
    `\nagainst ${file}: ${worse.length === 0 ? 'nothing is worse by more than 15 %' : ''}`,
  )
  for (const line of worse) console.log(`  ${line}`)
  return worse.length
}
