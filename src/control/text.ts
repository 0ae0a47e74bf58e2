// The answers as text for people: a table of the resources, and the past of one.
import { printable } from '../core/escape.ts'
import { formatFault } from '../core/fault.ts'
import { tableLines } from '../core/table.ts'
import { andMore, counted, duration, firstLine, toSecond } from '../core/words.ts'
import {
  lateness,
  type Change,
  type ReadNames,
  type Reload,
  type ResourceHistory,
  type Status,
} from '../core/status.ts'

/** @param running false: told from the state directory */
export function statusText(status: Status, running: boolean): string {
  const { version, pid, started, stores, configuration, resources } = status
  const lines = [
    running
      ? `reconfd ${version}, pid ${pid}, running since ${time(started)}`
      : notRunning(status.at),
  ]
  for (const { name, state, since, node, keys, fault, lag } of stores) {
    const what = [
      keys === undefined ? '' : counted(keys, 'key'),
      node === undefined ? '' : `from ${node}`,
    ]
    const late = lag === undefined ? '' : lateness(lag)
    const told = [`${name}: ${state} since ${time(since)}`, what.join(' ').trim(), late]
    lines.push(told.filter((part) => part !== '').join(', '))
    if (fault !== undefined) lines.push(`  ${firstLine(formatFault(fault))}`)
  }
  if (configuration !== undefined) {
    lines.push(`configuration: bad since ${time(configuration.since)}, the former one is at work`)
    for (const fault of configuration.faults) lines.push(`  ${firstLine(formatFault(fault))}`)
  }
  if (resources.length === 0) return [...lines, 'no resources', ''].join('\n')
  const head = ['RESOURCE', 'STATE', 'SINCE', 'LAST CHANGE', 'LAST RELOAD', 'WHY']
  const rows = resources.map(({ name, state, since, why, lastChange, lastReload }) => [
    name,
    state,
    time(since),
    lastChange === undefined ? '-' : changeText(lastChange, 1),
    lastReload === undefined ? '-' : reloadText(lastReload),
    why === undefined ? '-' : firstLine(why),
  ])
  return [...lines, '', ...tableLines([head, ...rows]), ''].join('\n')
}

export function historyText(history: ResourceHistory, running: boolean, at: string): string {
  const { name, state, since, why, owedSince, lastReload, hashes, reads, changes } = history
  const lines = running ? [] : [notRunning(at), '']
  lines.push(`${printable(name)}: ${state} since ${time(since)}`)
  if (why !== undefined) lines.push(...why.split('\n').map((line) => `  ${printable(line)}`))
  if (owedSince !== undefined && state !== 'owed') {
    lines.push(`  a reload is owed since ${time(owedSince)}`)
  }
  for (const [dest, hash] of Object.entries(hashes)) lines.push(`  ${printable(dest)} ${hash}`)
  if (lastReload !== undefined) {
    lines.push(`  last reload ${reloadText(lastReload)}: ${printable(lastReload.command)}`)
    if (lastReload.how?.startsWith('not') === true) lines.push(`    ${printable(lastReload.how)}`)
  }
  lines.push('', 'Reads of the last render:')
  if (reads === undefined) lines.push('  not rendered yet')
  else lines.push(...readLines(reads))
  lines.push('', 'Changes, the newest first:')
  if (changes.length === 0) lines.push('  none')
  for (const change of changes) lines.push(`  ${changeText(change, Infinity)}`)
  return [...lines, ''].join('\n')
}

const KINDS: readonly (readonly [Exclude<keyof ReadNames, 'more'>, string])[] = [
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

const notRunning = (at: string): string => `no daemon is running; as of ${time(at)}`

/** At most so many of the keys or files, and how many more there are. */
function changeText({ at, keys, files, more }: Change, most: number): string {
  const all = [...keys, ...files]
  const rest = more + Math.max(0, all.length - most)
  const names = all.slice(0, most).map(printable).join(' ')
  return `${time(at)} ${names}${andMore(rest)}`
}

function reloadText({ at, exitCode, signal, timedOut, duration: took, how: way }: Reload): string {
  if (way?.startsWith('without') === true) return `${time(at)} ${printable(way)}`
  const how = timedOut ? 'timed out' : exitCode === null ? `ended by ${signal}` : `exit ${exitCode}`
  return `${time(at)} ${how} in ${duration(took)}`
}

/** To the second. */
const time = (iso: string): string => printable(toSecond(iso))
