// A grammar for random Go templates: mostly valid syntax, often with wrong types.
import fc from 'fast-check'

type Rules = {
  operand: string
  call: string
  pipe: string
  item: string
  list: string
}

/** The value of the dot in the templates. */
export const data = { a: 'text', l: [1, 'x', null, [2]], m: { k: { k: 1.5 } }, n: 3, é: 'é\n' }

/** Put this before each template of the grammar: the templates use its variable and its definition. */
export const prologue = '{{$x := 1}}{{define "t"}}<{{.}}>{{end}}'

const values = [
  ...['.', '$', '$x', '$x.k', 'nil', 'true', 'false', '.a', '.l', '.m', '.m.k', '.m.k.k', '.é'],
  ...['$.l', '$.n', '.nope', '.nope.x', '"a"', '"é\\t\\xff"', '"%v %d"', '`r\\n`', "'c'", '""'],
]
const numbers = [
  ...['0', '1', '-1', '+3', '007', '0o17', '0b11', '0x1F', '0x1p4', '1_000', '2.5', '-.5', '3.'],
  ...['1e6', '1e21', '1e-7', '1i', '1+2i', '9223372036854775807', '9223372036854775808'],
]
/** Calls with matching types, so that some random templates succeed. */
const fitting = [
  'len .l',
  'len "é"',
  'index .l 1',
  'index .m "k" "k"',
  'slice "abcd" 1 3',
  'eq .n 3.0',
  'eq 1 2 1',
  'lt 1 2',
  'ge "b" "a"',
  'not .a',
  'and .a .n',
  'or .nope .a',
  'print 1 2 "x" 3',
  'println .l nil',
  'printf "%v|%5d|%-4s|%q" .m 42 "é" .a',
  'printf "%T %T" 1 .n',
  'html "<a b=\'c\'>"',
  'js "it\'s\\n"',
  'urlquery "a b&é"',
]
const texts = ['text', ' \n ', 'é', '{', '}}', ' { { ', '\r\n\t', '-', '"']

/** @param names the functions that may be called */
export function grammar(names: readonly string[]) {
  const rules = fc.letrec<Rules>((tie) => ({
    operand: fc.oneof(
      { maxDepth: 3 },
      { weight: 4, arbitrary: fc.constantFrom(...values) },
      { weight: 2, arbitrary: fc.constantFrom(...numbers) },
      { weight: 2, arbitrary: tie('pipe').map((pipe) => `(${pipe})`) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(tie('pipe'), fc.constantFrom('.k', '.Key', '.k.k'))
          .map((parts) => `(${parts[0]})${parts[1]}`),
      },
    ),
    call: fc.oneof(
      fc.constantFrom(...fitting),
      fc
        .tuple(fc.constantFrom(...names), fc.array(tie('operand'), { maxLength: 3 }))
        .map(([name, args]) => [name, ...args].join(' ')),
    ),
    pipe: fc
      .tuple(fc.oneof(tie('operand'), tie('call')), fc.array(tie('call'), { maxLength: 2 }))
      .map(([first, more]) => [first, ...more].join(' | ')),
    item: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(...texts),
      fc.constantFrom(
        ...['{{break}}', '{{continue}}', '{{/* c */}}', '{{- /* c */ -}}', '{{template "t" .}}'],
      ),
      fc
        .tuple(fc.constantFrom('{{', '{{- ', '{{ '), tie('pipe'), fc.constantFrom('}}', ' -}}'))
        .map((parts) => parts.join('')),
      tie('pipe').map((pipe) => `{{- $x := ${pipe} -}}`),
      tie('pipe').map((pipe) => `{{$x = ${pipe}}}`),
      tie('pipe').map((pipe) => `{{template "t" ${pipe}}}`),
      fc.tuple(fc.nat(), tie('pipe'), tie('list')).map(([n, pipe, list]) => {
        return `{{block "b${n}" ${pipe}}}{{$x := 2}}${list}{{end}}`
      }),
      fc
        .tuple(
          fc.constantFrom('if', 'if $y :=', 'with', 'with $x :='),
          tie('pipe'),
          tie('list'),
          fc.constantFrom('{{else}}', '{{else -}} \n', '{{else if .a}}', '{{else with .l}}', ''),
          tie('list'),
        )
        .map(([word, pipe, body, other, rest]) => {
          // An `else if` belongs to an `if`, and an `else with` to a `with`.
          const fits = other === '' || !/if|with/.test(other) || other.includes(word.slice(0, 2))
          return `{{${word} ${pipe}}}${body}${fits ? other : '{{else}}'}${rest}{{end}}`
        }),
      fc
        .tuple(
          fc.constantFrom(
            'range',
            'range $x :=',
            'range $i, $x :=',
            'range $x =',
            'range $_, $x =',
          ),
          fc.oneof(tie('pipe'), fc.constantFrom('.l', '.m', '3', '.n', 'nil', '.nope')),
          tie('list'),
          fc.constantFrom('', '{{else}}none', '{{else}}{{break}}'),
        )
        .map(([word, pipe, body, other]) => `{{${word} ${pipe}}}${body}${other}{{end}}`),
    ),
    list: fc.array(tie('item'), { maxLength: 5 }).map((items) => items.join('')),
  }))
  return { operand: rules.operand, template: rules.list }
}

/** Generates regular expressions, some of which RE2 does not accept. */
export const pattern = fc
  .array(
    fc.constantFrom(
      ...['a', 'b', 'K', 'é', '日', '.', '^', '$', '|', '(', ')', '(?:', '(?i)', '(?i:', '(?-i)'],
      ...['(?s)', '(?m)', '(?U)', '(?P<n>', '*', '+', '?', '*?', '{2}', '{1,}', '{0,2}', '{', '}'],
      ...['[a-c]', '[^a]', '[[:alpha:]]', '[^\\d\\s]', '[', ']', '\\d', '\\W', '\\pL', '\\P{Lu}'],
      ...['\\b', '\\B', '\\A', '\\z', '\\x41', '\\.', '\\1', '\\Q.', '\\E', '-', '(?=', ' ', '\\'],
    ),
    { maxLength: 10 },
  )
  .map((parts) => parts.join(''))
