// Hints for names and operators that nunjucks does not know.
import { nearest } from '../../core/nearest.ts'
import { hintForName } from '../foreign/hints.ts'
import { Item } from '../functions/item.ts'
import { Srv } from '../functions/net.ts'
import { Pair } from '../functions/pair.ts'
import { TemplateRecord } from '../functions/record.ts'
import { Moment } from '../functions/time.ts'

const STRING = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/gs

/** Returns the hint for operators of other languages in the code of a tag; undefined if there are none. */
export function operatorHint(code: string): string | undefined {
  const bare = code.replace(STRING, '""')
  const words = [
    ...(bare.includes('||') ? ['"or" instead of "||"'] : []),
    ...(bare.includes('&&') ? ['"and" instead of "&&"'] : []),
    ...(/!(?!=)/.test(bare) ? ['"not" instead of "!"'] : []),
  ]
  if (words.length > 0) return `write ${words.join(', ')}`
  // In Django, Liquid and pongo2, a colon introduces the arguments of a filter.
  const filter = /\|\s*(\w+):/.exec(bare)?.[1]
  if (filter !== undefined) return `put arguments in parentheses: write | ${filter}(...)`
  return /\?.*:/s.test(bare) ? 'write "a if condition else b" for condition ? a : b' : undefined
}

/** What to write instead of a tag of another language. */
const FOREIGN_TAGS: Readonly<Record<string, string>> = {
  ...fromNames('foreach each range loop', '{% for item in list %} ... {% endfor %}'),
  ...fromNames('unless', '{% if not condition %} ... {% endif %}'),
  ...fromNames('elsif', '{% elif condition %}'),
  ...fromNames('assign let var', '{% set name = value %}'),
  ...fromNames('end fi done', 'the end of the open tag, such as {% endif %} or {% endfor %}'),
  ...fromNames('comment', '{# ... #}'),
  ...fromNames('break continue', '{% if condition %} ... {% endif %} around the rest of the loop'),
  ...fromNames('with do', '{% set name = value %}'),
}
const TAGS = 'if elif else for set include import from macro call filter raw block extends switch'

function fromNames(names: string, instead: string): Readonly<Record<string, string>> {
  return Object.fromEntries(names.split(' ').map((name) => [name, instead]))
}

/** The hint for a tag that nunjucks cannot parse; undefined if the mistake is not a common one. */
export function tagHint(code: string): string | undefined {
  const [, tag = '', rest = ''] = /^\{%-?\s*(\w+)\s*(.*)/s.exec(code) ?? []
  const bare = rest.replace(STRING, '""')
  if (Object.hasOwn(FOREIGN_TAGS, tag)) return `write ${FOREIGN_TAGS[tag]}`
  if (tag === 'for' && /^[\w, ]+ of\b/.test(bare)) return 'write "in" instead of "of"'
  const assignment = tag === 'set' ? /^\w+\s*([=:]=)/.exec(bare)?.[1] : undefined
  if (assignment !== undefined) return `write "=" instead of "${assignment}"`
  if (/^=(?!=)/.test(bare)) return `write {% set ${tag} = ... %}`
  if (tag === 'else' && /^if\b/.test(bare)) return 'write {% elif condition %}'
  if (/^(el)?if$/.test(tag) && /[^=!<>]=(?!=)/.test(bare)) return 'write "==" to compare'
  const hint = operatorHint(code) ?? callHint(code)
  if (hint !== undefined || tag === '') return hint
  if (/^(end)?switch$/.test(tag)) return 'write {% switch value %}{% case 1 %} ... {% endswitch %}'
  const near = nearest(tag, TAGS.split(' '))
  return near === undefined || near === tag ? undefined : `did you mean {% ${near} %}?`
}

const WORDS =
  /^(if|elif|elseif|for|in|and|or|not|is|else|set|include|import|from|extends|case|switch)$/

/** The hint for a call without parentheses, as Go templates have it. */
function callHint(code: string): string | undefined {
  const calls = code.replace(STRING, '""').matchAll(/([a-z]\w*)\s+""/gi)
  const name = [...calls].map(([, one = '']) => one).find((one) => !WORDS.test(one))
  return name === undefined ? undefined : `put arguments in parentheses: write ${name}(...)`
}

/** Hints for messages of nunjucks' parser. */
export function messageHint(message: string): string | undefined {
  if (message === 'unexpected token: /') return 'put text in quotes, as in getv("/app/port")'
  return message.startsWith('expected comma')
    ? 'look for a missing comma, or a missing closing bracket'
    : undefined
}

/** Returns the index of a position in the text. Lines and columns are 1-based. */
export function offsetOf(text: string, line: number, column: number): number {
  const before = text.split('\n').slice(0, line - 1)
  return before.reduce((sum, one) => sum + one.length + 1, column - 1)
}

/** Returns the code of the tag at a position. */
export function tagAt(text: string, line: number, column: number): string {
  const at = offsetOf(text, line, column)
  const start = Math.max(text.lastIndexOf('{{', at), text.lastIndexOf('{%', at))
  if (start < 0) return ''
  const end = text.slice(start).search(/\}\}|%\}/)
  return end < 0 ? text.slice(start) : text.slice(start, start + end)
}

/** What to write instead of literals of Python and Go. */
const LITERALS: Readonly<Record<string, string>> = {
  True: 'true',
  False: 'false',
  None: 'none',
  nil: 'none',
}

/** @param known the names defined at that position */
export function nameHint(name: string, known: Iterable<string>): string {
  if (Object.hasOwn(LITERALS, name)) return `write ${LITERALS[name]}`
  const otherwise =
    'correct the name, give a default with | default("..."), or test "is defined" first'
  return operatorHint(name) ?? hintForName(name, 'nunjucks', known, otherwise)
}

/** @param functions the names of functions that are not filters */
export function filterHint(
  name: string,
  filters: Iterable<string>,
  functions: ReadonlySet<string>,
): string {
  if (functions.has(name)) return `${name} is a function: write ${name}(...)`
  return hintForName(
    name,
    'nunjucks',
    filters,
    'see docs/templates.md for all functions and filters',
  )
}

/** What to write instead of the methods of Python's strings, lists and dictionaries. */
const METHODS: Readonly<Record<string, string>> = {
  items: 'write {% for key, value in ... %} without .items()',
  keys: 'write keys(...)',
  values: 'write values(...)',
  ...Object.fromEntries(
    Object.entries({ upper: 'upper', lower: 'lower', strip: 'trim', title: 'title' }).map(
      ([method, filter]) => [method, `write | ${filter}`],
    ),
  ),
  startswith: 'write .startsWith(...)',
  endswith: 'write .endsWith(...)',
}

/** The hint for an unknown attribute. Undefined unless the type has fixed attributes, whose names cannot be secret. */
export function memberHint(target: unknown, key: string): string | undefined {
  if (Object.hasOwn(METHODS, key)) return METHODS[key]
  const isKnown = [Pair, TemplateRecord, Item, Srv, Moment].some((type) => target instanceof type)
  if (!isKnown) return undefined
  const own = Object.keys(target as object)
  const inherited = Object.getOwnPropertyNames(Object.getPrototypeOf(target))
  const names = [...new Set([...own, ...inherited])].filter(
    (name) => !['constructor', 'toJSON', 'toString', 'members', 'clock'].includes(name),
  )
  const near = nearest(key, names)
  const all = `write one of ${names.map((name) => `.${name}`).join(', ')}`
  return near === undefined ? all : `did you mean .${near}?`
}
