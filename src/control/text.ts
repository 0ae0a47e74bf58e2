// Formats responses as text: the table of all resources, and the history of one.
import { printable } from '../core/escape.ts'
import { formatFault, type Fault } from '../core/fault.ts'
import { tableLines } from '../core/table.ts'
import {
  andMore,
  counted,
  duration,
  firstLine,
  localTime,
  shortened,
  toSecond,
  wrapped,
} from '../core/words.ts'
import {
  lateness,
  type ResourceChange,
  type ChildStatus,
  type ReadNames,
  type Reload,
  type ResourceHistory,
  type ResourceStatus,
  type Status,
} from '../core/status.ts'

/** Width of the status, in columns. The widths below are in columns, too. */
const WIDTH = 100
const NAME = 20
const RELOAD = 22
const LEAST_KEY = 12
/** Maximum number of lines for one reason in `status`; `why` shows all lines. */
const REASON = 4

/** Formats an ISO 8601 time: local on a terminal, UTC elsewhere. */
export type TimeFormat = (iso: string) => string

export const utc: TimeFormat = toSecond
export const local: TimeFormat = localTime

/** Reformats all ISO 8601 times in text from the daemon. */
const timesIn = (text: string, clock: TimeFormat): string =>
  text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (iso) => clock(iso))

/** @param running whether a daemon has answered; otherwise the status comes from the state directory */
export function statusText(status: Status, running: boolean, clock: TimeFormat = utc): string {
  const { version, pid, started, stores, configuration, child, resources } = status
  const time = (iso: string): string => printable(clock(iso))
  const fitting = (text: string): string => shortened(text, WIDTH)
  const lines = [
    running
      ? `reconfd ${version}, pid ${pid}, running since ${time(started)}`
      : notRunning(time(status.at)),
  ]
  const faultLines = (fault: Fault): string[] =>
    wrapped(firstLine(timesIn(formatFault(fault), clock)), WIDTH - 2).map((line) => `  ${line}`)
  for (const { name, state, since, node, keys, fault, lag } of stores) {
    const what = [
      keys === undefined ? '' : counted(keys, 'key'),
      node === undefined ? '' : `from ${node}`,
    ]
    const late = lag === undefined ? '' : lateness(lag)
    const facts = [`${name}: ${state} since ${time(since)}`, what.join(' ').trim(), late]
    lines.push(fitting(printable(facts.filter((part) => part !== '').join(', '))))
    if (fault !== undefined) lines.push(...faultLines(fault))
  }
  if (configuration !== undefined) {
    lines.push(
      `configuration: invalid since ${time(configuration.since)}; the previous one stays in use`,
    )
    lines.push(...configuration.faults.flatMap(faultLines))
  }
  if (child !== undefined) lines.push(childText(child, time))
  if (resources.length === 0) return [...lines, 'no resources', ''].join('\n')
  const table = resourceLines(resources, time)
  const reasons = resources.map(({ why }) => (why === undefined ? [] : reasonLines(why, clock)))
  const [head = '', ...rows] = table
  const body = rows.flatMap((row, n) => [row, ...(reasons[n] ?? [])])
  return [...lines, '', head, ...body, ''].join('\n')
}

/** The line about the program of exec mode. */
function childText(
  { program, state, since, pid, why, restarts, lastExit }: ChildStatus,
  time: TimeFormat,
): string {
  const parts = [
    `program ${printable(program)}: ${state} since ${time(since)}`,
    ...(pid === undefined ? [] : [`pid ${pid}`]),
    ...(why === undefined ? [] : [printable(firstLine(why))]),
    ...(restarts === 0 ? [] : [`restarted ${counted(restarts, 'time')}`]),
    ...(lastExit === undefined || why !== undefined
      ? []
      : [`last exit ${exitText(lastExit, time)}`]),
  ]
  return parts.join(', ')
}

const exitText = (
  { at, exitCode, signal }: NonNullable<ChildStatus['lastExit']>,
  time: TimeFormat,
): string => `${time(at)} ${signal === null ? `with exit code ${exitCode}` : `by ${signal}`}`

/** The header and one line for each resource. The last column takes the remaining width. */
function resourceLines(resources: readonly ResourceStatus[], time: TimeFormat): string[] {
  const head = ['RESOURCE', 'STATE', 'SINCE', 'LAST RELOAD', 'LAST CHANGE']
  const fixed = resources.map(({ name, state, since, lastReload }) => [
    shortened(name, NAME),
    state,
    time(since),
    lastReload === undefined ? '-' : shortened(reloadResult(lastReload), RELOAD),
  ])
  const widths = [0, 1, 2, 3].map((n) =>
    Math.max(...[head, ...fixed].map((row) => (row[n] ?? '').length)),
  )
  const used = widths.reduce((sum, width) => sum + width + 2, 0)
  const room = Math.max(LEAST_KEY, WIDTH - used)
  const rows = fixed.map((row, n) => [...row, changeNames(resources[n]?.lastChange, room)])
  return tableLines([head, ...rows])
}

/** Matches commands that a reader may copy from a reason. They are never split across two lines. */
const COMMAND = /reconfd (?:accept|why|reload) \S+/g

function reasonLines(why: string, clock: TimeFormat): string[] {
  const text = printable(timesIn(firstLine(why), clock))
  const unbroken = text.replace(COMMAND, (command) => command.replaceAll(' ', '\u00a0'))
  const lines = wrapped(unbroken, WIDTH - 4).map((line) => line.replaceAll('\u00a0', ' '))
  const shown = lines.slice(0, REASON)
  if (lines.length > REASON) shown.push('...')
  return shown.map((line) => `    ${line}`)
}

export function historyText(
  history: ResourceHistory,
  running: boolean,
  at: string,
  clock: TimeFormat = utc,
): string {
  const { name, state, since, why, owedSince, lastReload, hashes, reads, changes } = history
  const time = (iso: string): string => printable(clock(iso))
  const lines = running ? [] : [notRunning(time(at)), '']
  lines.push(`${printable(name)}: ${state} since ${time(since)}`)
  if (why !== undefined) {
    lines.push(...why.split('\n').map((line) => `  ${printable(timesIn(line, clock))}`))
    // The status never contains the output of commands, because output may contain values.
    if (/_cmd failed with exit code/.test(why))
      lines.push('  The output of the command is in the log.')
  }
  if (owedSince !== undefined && state !== 'owed') {
    lines.push(`  reload owed since ${time(owedSince)}`)
  }
  for (const [dest, hash] of Object.entries(hashes)) lines.push(`  ${printable(dest)} ${hash}`)
  if (lastReload !== undefined) {
    const { at: when, command, how, isAtRunTime } = lastReload
    const what = isAtRunTime === true ? '' : `: ${printable(command)}`
    lines.push(`  last reload ${time(when)} ${reloadResult(lastReload)}${what}`)
    if (how !== undefined && isAtRunTime === undefined) lines.push(`    ${printable(how)}`)
  }
  lines.push('', 'Reads of the last render:')
  if (reads === undefined) lines.push('  not rendered yet')
  else lines.push(...readLines(reads))
  lines.push('', 'Changes, newest first:')
  if (changes.length === 0) lines.push('  none')
  for (const change of changes) {
    const names = [...change.keys, ...change.files].map(printable).join(' ')
    lines.push(`  ${time(change.at)} ${names}${andMore(change.more)}`)
  }
  return [...lines, ''].join('\n')
}

const KINDS: readonly (readonly [Exclude<keyof ReadNames, 'more' | 'found'>, string])[] = [
  ['keys', 'key'],
  ['trees', 'all below'],
  ['listings', 'names in'],
  ['patterns', 'pattern'],
  ['files', 'file'],
]

function readLines(reads: ReadNames): string[] {
  const lines = KINDS.flatMap(([kind, word]) =>
    reads[kind].map((name) => `  ${word.padEnd(9)}  ${printable(name)}`),
  )
  if (reads.more > 0) lines.push(`  and ${reads.more} more`)
  return lines.length === 0 ? ['  nothing'] : lines
}

const notRunning = (time: string): string => `no daemon is running; as of ${time}`

/** The first changed key or file, and the number of others. */
function changeNames(change: ResourceChange | undefined, room: number): string {
  if (change === undefined) return '-'
  const [first = '', ...others] = [...change.keys, ...change.files]
  const more = others.length + change.more
  const rest = more > 0 ? ` +${more}` : ''
  return shortened(printable(first), room - rest.length) + rest
}

function reloadResult(reload: Reload): string {
  const { exitCode, signal, timedOut, duration: took, how: way = '', isAtRunTime } = reload
  if (isAtRunTime === true) return printable(way)
  const how = timedOut
    ? 'timed out'
    : exitCode === null
      ? `killed by ${signal}`
      : `exit ${exitCode}`
  return `${how} in ${duration(took)}`
}
