// Formats log lines for files, terminals, the journal and JSON.
//
// JSON needs no library: it is one small object per line. pino would add numeric levels and times, and worker
// threads that cannot be bundled.
import { jsonText } from '../core/escape.ts'
import { painted } from '../core/table.ts'
import { offsetText } from '../core/words.ts'
import type { Described, Level } from './describe/description.ts'
import type { LogLevel } from '../core/settings.ts'

const RANK: Readonly<Record<LogLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  fatal: 4,
  panic: 5,
}

/** @param least the -log-level */
export const isLogged = (line: Level, least: LogLevel): boolean => RANK[line] >= RANK[least]

/**
 * - `plain`: for files and pipes
 * - `terminal`, `colour`: aligned, for people
 * - `journal`: without a time, which journald adds, and with the level as a number prefix
 */
export type Style = 'plain' | 'terminal' | 'colour' | 'journal' | 'json'

export type LineFormat = (time: Date, entry: Described) => string

/** The file behind standard error. */
export interface Outlet {
  readonly isTerminal: boolean
  /** `device:inode` of the file. */
  readonly file: string
}

/** Chooses the style. Respects NO_COLOR (https://no-color.org) and JOURNAL_STREAM (systemd.exec(5)). */
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

export function lineIn(style: Style): LineFormat {
  switch (style) {
    case 'json':
      return (time, { level, message, fields }) =>
        jsonText({ time: time.toISOString(), level, message, ...fields() })
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

/** Indents continuation lines, so that only the first line of an event begins with a time. */
const plain: LineFormat = (time, entry) =>
  `${time.toISOString()} ${entry.level.toUpperCase().padEnd(5)} ${withAbout(entry).replaceAll('\n', '\n  ')}`

/** Priorities of sd-daemon(3). Each line is its own journal entry and needs its own priority. */
const PRIORITY: Readonly<Record<Level, number>> = { error: 3, warn: 4, info: 6, debug: 7 }

const journal: LineFormat = (_, entry) => {
  const lines = withAbout(entry).split('\n')
  return lines
    .map((line, n) => `<${PRIORITY[entry.level]}>${n === 0 ? '' : '  '}${line}`)
    .join('\n')
}

/** The SGR codes (ECMA-48) of the colour of each level. */
const COLOUR: Readonly<Record<Level, string>> = {
  error: '31;1',
  warn: '33',
  info: '36',
  debug: '2',
}
const DIM = '2'
const BOLD = '1'

/** Maximum width of the subject column; a longer name does not widen it. */
const MAX_COLUMN = 24
/** Initial width of the subject column. */
const MIN_COLUMN = 12

/** Time of day, level, subject and message in columns. */
function terminal(coloured: boolean): LineFormat {
  const paint = coloured ? painted : (_: string, text: string): string => text
  let width = MIN_COLUMN
  return (time, { level, about, message }) => {
    width = Math.max(width, Math.min(MAX_COLUMN, about.length))
    const clock = clockOf(time)
    const indent = ' '.repeat(clock.length + 1 + 6 + width + 2)
    const name = level.toUpperCase().padEnd(5)
    const head = `${paint(DIM, clock)} ${paint(COLOUR[level], name)} ${paint(BOLD, about.padEnd(width))}`
    return `${head}  ${message.replaceAll('\n', `\n${indent}`)}`
  }
}

/** Local time with offset, as in `reconfd status`. */
function clockOf(time: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0')
  const ms = String(time.getMilliseconds()).padStart(3, '0')
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`
  return clock + offsetText(-time.getTimezoneOffset())
}
