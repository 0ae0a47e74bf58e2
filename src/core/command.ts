// Commands of a resource: `{{.src}}` and `{{.dest}}` become paths, fit for `/bin/sh -c`.

/** Any `{{ ... }}`; the name inside, its leading dot dropped, is the first group. */
const placeholders = /\{\{\s*\.?(.*?)\s*\}\}/gs
const plain = /^[A-Za-z0-9_./+:@%=-]+$/

export interface CommandPaths {
  readonly src: string
  readonly dest: string
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
 * Puts the paths in for `{{.src}}`, `{{ .src }}`, `{{src}}`, `{{ src }}`, and the same for `dest`.
 * An ordinary path is put in as it is; one that the shell would take apart is quoted to fit the
 * place where it stands (bare, or inside the author's own quotes). Other text stays untouched.
 */
export function expandCommand(template: string, values: CommandPaths): string {
  let out = ''
  let quote: Quote = ''
  let from = 0
  for (const match of template.matchAll(placeholders)) {
    const name = match[1]
    if (name !== 'src' && name !== 'dest') continue
    const before = template.slice(from, match.index)
    quote = quoteAfter(before, quote)
    out += before + quoted(values[name], quote)
    from = match.index + match[0].length
  }
  return out + template.slice(from)
}

type Quote = '' | '"' | "'"

/** In which quotes the shell is at the end of a text that it entered in `quote`. */
function quoteAfter(text: string, quote: Quote): Quote {
  let now = quote
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (char === '\\' && now !== "'") i++
    else if (char === now) now = ''
    else if (now === '' && (char === '"' || char === "'")) now = char
  }
  return now
}

/** A path as one word of a shell command, quoted where that is needed. */
export const shellWord = (path: string): string => quoted(path, '')

function quoted(path: string, quote: Quote): string {
  if (plain.test(path)) return path
  if (quote === '"') return path.replace(/["\\$`]/g, '\\$&')
  const inner = path.replaceAll("'", `'\\''`)
  return quote === "'" ? inner : `'${inner}'`
}
