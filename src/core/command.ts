// Commands of a resource: `{{.src}}` and `{{.dest}}` become paths, fit for `/bin/sh -c`.
import { raise } from './fault.ts'
import { placesIn, type Place } from './shell.ts'

/** Any `{{ ... }}`; the name inside, its leading dot dropped, is the first group. */
const placeholders = /\{\{\s*\.?(.*?)\s*\}\}/gs
const plain = /^[A-Za-z0-9_./+:@%=-]+$/

/** Which characters a path may hold that is put into a command without quotes, for messages. */
export const PLAIN = 'letters, digits and _ . / + : @ % = -'

export interface CommandPaths {
  readonly src: string
  readonly dest: string
  /** A part of the paths comes from a store, so they may hold anything. */
  readonly fromStore?: boolean
}

/** The names of the placeholders of a command other than `src` and `dest`, as they are written. */
export function unknownPlaceholders(command: string): readonly string[] {
  return [...command.matchAll(placeholders)]
    .filter(([, name]) => name !== 'src' && name !== 'dest')
    .map(([text]) => text)
}

/** Whether a command names the file that it is for. */
export const namesFile = (command: string): boolean =>
  [...command.matchAll(placeholders)].some(([, name]) => name === 'src' || name === 'dest')

/** Whether a command names the staged file. */
export const namesSource = (command: string): boolean =>
  [...command.matchAll(placeholders)].some(([, name]) => name === 'src')

/** Whether a command names the destination, by its placeholder or by its path. */
export function namesDestination(command: string, dest: string): boolean {
  if ([...command.matchAll(placeholders)].some(([, name]) => name === 'dest')) return true
  const path = dest.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`(?<![\\w./-])${path}(?![\\w./-])`).test(command)
}

/** Whether a command can have come from a template of commands, whatever the paths were. */
export function isExpansion(template: string, command: string): boolean {
  const texts = template.split(placeholders).filter((_, n) => n % 2 === 0)
  const [first = '', ...rest] = texts
  const last = rest.pop()
  if (last === undefined) return command === first
  if (!command.startsWith(first)) return false
  let at = first.length
  for (const text of rest) {
    const found = command.indexOf(text, at)
    if (found < 0) return false
    at = found + text.length
  }
  return command.length >= at + last.length && command.endsWith(last)
}

/**
 * Whether a path means itself to every program that may read it: a shell, in whatever quotes and
 * however often, and a program that takes a leading `-` for an option.
 */
export const isPlain = (path: string): boolean => plain.test(path) && !/(?:^|\/)-/.test(path)

/**
 * Puts the paths in for `{{.src}}`, `{{ .src }}`, `{{src}}`, `{{ src }}`, and the same for `dest`. Other
 * text stays untouched. A plain path is put in as it is. Any other one that the operator has written
 * is quoted to fit its place, where that can be right; one that comes from a store is refused.
 * @throws FaultError for a path that cannot be put in
 */
export function expandCommand(template: string, paths: CommandPaths): string {
  const holes = [...template.matchAll(placeholders)].flatMap(({ 0: text, 1: name, index }) =>
    name === 'src' || name === 'dest'
      ? [{ start: index, end: index + text.length, path: paths[name] }]
      : [],
  )
  if (paths.fromStore === true) {
    const odd = holes.find(({ path }) => !isPlain(path))
    if (odd !== undefined) refuse(odd.path, `it comes from a key and may hold only ${PLAIN}`)
  }
  const places = holes.every(({ path }) => plain.test(path)) ? [] : placesIn(template, holes)
  let out = ''
  let from = 0
  for (const [n, { start, end, path }] of holes.entries()) {
    out += template.slice(from, start) + quoted(path, places[n] ?? 'bare')
    from = end
  }
  return out + template.slice(from)
}

const refuse = (path: string, why: string): never =>
  raise('command', `the path ${JSON.stringify(path)} cannot be put into the command: ${why}`, {
    hint: `Let the placeholder stand by itself, outside of quotes, or choose a path of ${PLAIN}.`,
  })

/** A path as one word of a shell command, quoted where that is needed. */
export const shellWord = (path: string): string => quoted(path, 'bare')

function quoted(path: string, place: Place): string {
  if (plain.test(path)) return path
  if (typeof place === 'object') return refuse(path, `its placeholder is ${place.unfit}`)
  if (place === '"') return path.replace(/["\\$`]/g, '\\$&')
  const inner = path.replaceAll("'", `'\\''`)
  return place === "'" ? inner : `'${inner}'`
}
