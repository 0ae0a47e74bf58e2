// How a line of the log looks: for a file, for a terminal, for the journal, for a program.
//
// JSON is written by hand: an object a line with a handful of members is all that pino would give us,
// which brings levels as numbers, times as numbers, and worker threads that cannot be bundled.
import { jsonText } from '../core/escape.ts'
import { painted } from '../core/table.ts'
import { offsetText } from '../core/words.ts'
import type { Described, Level } from './describe/told.ts'
import type { LogLevel } from '../core/settings.ts'

const RANK: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  fatal: 4,
  panic: 5,
}

/** Whether a line of one level is written where -log-level is the other. */
export const isLogged = (line: Level, least: LogLevel): boolean => RANK[line] >= RANK[least]

/**
 * - `plain`: for files and pipes
 * - `terminal`, `colour`: aligned, for people who look on
 * - `journal`: journald has the time and takes the level as a number in front
 */
export type Style = 'plain' | 'terminal' | 'colour' | 'journal' | 'json'

export type Line = (time: Date, told: Described) => string

/** What stands on standard error's other side. */
export interface Outlet {
  readonly isTerminal: boolean
  /** `device:inode` of the file. */
  readonly file: string
}

/** The style of text that fits, by https://no-color.org and systemd.exec(5), JOURNAL_STREAM. */
export function styleFor(
  { isTerminal, file }: Outlet,
  env: Readonly<Record<string, string | undefined>>,
): Style {
  if (isTerminal) {
    const isPlain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb'
    return isPlain ? 'terminal' : 'colour'
  }
  return env['JOURNAL_STREAM'] === file ? 'journal' : 'plain'
}

export function lineIn(style: Style): Line {
  switch (style) {
    case 'json':
      return (time, { level, message, fields }) =>
        jsonText({ time: time.toISOString(), level, message, ...fields })
    case 'plain':
      return plain
    case 'journal':
      return journal
    case 'terminal':
    case 'colour':
      return terminal(style === 'colour')
  }
}

const withAbout = ({ about, message }: Described): string =>
  about === '' ? message : `${about}: ${message}`

/** Further lines of a message are indented, so that a line that starts with a time starts an event. */
const plain: Line = (time, told) =>
  `${time.toISOString()} ${told.level.toUpperCase().padEnd(5)} ${withAbout(told).replaceAll('\n', '\n  ')}`

/** By sd-daemon(3): a line is an entry of its own, so each of them has its priority. */
const PRIORITY: Readonly<Record<Level, number>> = { error: 3, warn: 4, info: 6, debug: 7 }

const journal: Line = (_, told) => {
  const lines = withAbout(told).split('\n')
  return lines.map((line, n) => `<${PRIORITY[told.level]}>${n === 0 ? '' : '  '}${line}`).join('\n')
}

/** Escape sequences, by ECMA-48, select graphic rendition. */
const COLOUR: Readonly<Record<Level, string>> = {
  error: '31;1',
  warn: '33',
  info: '36',
  debug: '2',
}
const DIM = '2'
const BOLD = '1'

/** A longer name is not waited for by all the others. */
const WIDEST = 24
/** Shorter ones, such as those of stores, stand in one column from the start. */
const NARROWEST = 12

/** Time of day, level, what it is about, and what happened, each in a column of its own. */
function terminal(coloured: boolean): Line {
  const paint = coloured ? painted : (_: string, text: string): string => text
  let width = NARROWEST
  return (time, { level, about, message }) => {
    width = Math.max(width, Math.min(WIDEST, about.length))
    const clock = clockOf(time)
    const indent = ' '.repeat(clock.length + 1 + 6 + width + 2)
    const name = level.toUpperCase().padEnd(5)
    const head = `${paint(DIM, clock)} ${paint(COLOUR[level], name)} ${paint(BOLD, about.padEnd(width))}`
    return `${head}  ${message.replaceAll('\n', `\n${indent}`)}`
  }
}

/** Of the machine's time zone: people at a terminal compare it with their watch, and with `reconfd status`. */
function clockOf(time: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0')
  const ms = String(time.getMilliseconds()).padStart(3, '0')
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`
  return clock + offsetText(-time.getTimezoneOffset())
}
