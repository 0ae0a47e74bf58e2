// Expands `{{.src}}` and `{{.dest}}` in the commands of a resource, quoted for `/bin/sh -c`.
import { raise } from './fault.ts'
import { placesIn, type HolePlace } from './shell.ts'

/** Matches any `{{ ... }}`; the first group is the name without its leading dot. */
const placeholders = /\{\{\s*\.?(.*?)\s*\}\}/gs
const plain = /^[A-Za-z0-9_./+:@%=-]+$/

/** The characters of a path that needs no quotes in a command, for messages. */
export const PLAIN = 'letters, digits and _ . / + : @ % = -'

export interface CommandPaths {
  readonly src: string
  readonly dest: string
  /** True if part of the paths comes from a store, which makes them hostile input. */
  readonly fromStore?: boolean
}

/** The placeholders of a command other than `src` and `dest`, as written. */
export function unknownPlaceholders(command: string): readonly string[] {
  return [...command.matchAll(placeholders)]
    .filter(([, name]) => name !== 'src' && name !== 'dest')
    .map(([text]) => text)
}

/** Whether a command contains `{{.src}}` or `{{.dest}}`. */
export const namesFile = (command: string): boolean =>
  [...command.matchAll(placeholders)].some(([, name]) => name === 'src' || name === 'dest')

/** Whether a command contains `{{.src}}`, the placeholder of the staged file. */
export const namesSource = (command: string): boolean =>
  [...command.matchAll(placeholders)].some(([, name]) => name === 'src')

/** Whether a command contains the destination, as a placeholder or as its path. */
export function namesDestination(command: string, dest: string): boolean {
  if ([...command.matchAll(placeholders)].some(([, name]) => name === 'dest')) return true
  const path = dest.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`(?<![\\w./-])${path}(?![\\w./-])`).test(command)
}

/** Whether this command could result from replacing the placeholders of `template` with paths. */
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
 * Whether a path can be inserted into a command without quotes: a shell takes all characters of the path literally, in
 * any quotes and at any depth, and no component begins with `-`, which would look like an option.
 */
export const isPlain = (path: string): boolean => plain.test(path) && !/(?:^|\/)-/.test(path)

/**
 * Replaces `{{.src}}`, `{{ .src }}`, `{{src}}` and `{{ src }}`, and the same for `dest`. Plain paths are inserted as
 * they are. Any other path from the operator is quoted as its position in the command requires; any other path from a
 * store is refused.
 * @throws FaultError for a path that cannot be inserted safely
 */
export function expandCommand(template: string, paths: CommandPaths): string {
  const holes = [...template.matchAll(placeholders)].flatMap(({ 0: text, 1: name, index }) =>
    name === 'src' || name === 'dest'
      ? [{ start: index, end: index + text.length, path: paths[name] }]
      : [],
  )
  if (paths.fromStore === true) {
    const odd = holes.find(({ path }) => !isPlain(path))
    if (odd !== undefined)
      refusePath(
        odd.path,
        `it comes from a key, so it may contain only ${PLAIN}, and no part of it may begin with -`,
      )
  }
  const places = holes.every(({ path }) => plain.test(path)) ? [] : placesIn(template, holes)
  let out = ''
  let from = 0
  for (const [n, { start, end, path }] of holes.entries()) {
    out += template.slice(from, start) + quoteFor(path, places[n] ?? 'bare')
    from = end
  }
  return out + template.slice(from)
}

const refusePath = (path: string, why: string): never =>
  raise('command', `the path ${JSON.stringify(path)} cannot be put into the command: ${why}`, {
    hint: `write the placeholder as a separate word outside quotes, or choose a path that consists of ${PLAIN}`,
  })

/** A path as one word of a shell command, quoted if necessary. */
export const shellWord = (path: string): string => quoteFor(path, 'bare')

function quoteFor(path: string, place: HolePlace): string {
  if (plain.test(path)) return path
  if (typeof place === 'object') return refusePath(path, `its placeholder is ${place.unfit}`)
  if (place === '"') return path.replace(/["\\$`]/g, '\\$&')
  const inner = path.replaceAll("'", `'\\''`)
  return place === "'" ? inner : `'${inner}'`
}
