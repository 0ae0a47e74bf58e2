// Both languages must produce the same bytes for the same values. Arguments come from the store, as JSON, and results
// are compared as JSON.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Workshop } from './helper.ts'

const workshop = new Workshop()

/** Pairs of expressions. `s` is the value of the key /x as text, and `x` is this text parsed as JSON. */
const EXPRESSIONS: readonly (readonly [nunjucks: string, go: string])[] = [
  ['toJson(x)', 'toJson $x'],
  ['toPrettyJson(x)', 'toPrettyJson $x'],
  ['toJson(fromJson(toJson(x)))', 'toJson (fromJson (toJson $x))'],
  ['empty(x)', 'empty $x'],
  ['default("d", x) | toJson', 'default "d" $x | toJson'],
  ['coalesce(x, "", 0, "z") | toJson', 'coalesce $x "" 0 "z" | toJson'],
  ['toJson(append(list(x), s))', 'toJson (append (list $x) $s)'],
  ['toJson(keys(dict(s, x, "a", 1)))', 'toJson (keys (dict $s $x "a" 1))'],
  ['toJson(values(dict(s, x, "a", 1)))', 'toJson (values (dict $s $x "a" 1))'],
  ['toJson(pluck("a", dict("a", x), dict(s, 1)))', 'toJson (pluck "a" (dict "a" $x) (dict $s 1))'],
  ['hasKey(dict(s, 1), s)', 'hasKey (dict $s 1) $s'],
  ['quote(s)', 'quote $s'],
  ['s | nindent(2)', '$s | nindent 2'],
  ['s | snakecase ~ kebabcase(s)', 'print (snakecase $s) (kebabcase $s)'],
  ['camelcase(s)', 'camelcase $s'],
  ['nospace(s) ~ sha256sum(s)', 'print (nospace $s) (sha256sum $s)'],
  ['regexReplaceAll("[a-z]+", s, "<$0>")', 'regexReplaceAll "[a-z]+" $s "<$0>"'],
  ['toJson(base64Decode("/wD+"))', 'toJson (base64Decode "/wD+")'],
  ['quote(base64Decode("/wD+"))', 'quote (base64Decode "/wD+")'],
  ['toJson(split(s, ""))', 'toJson (split $s "")'],
  [
    'trim(s) ~ "|" ~ title(s) ~ "|" ~ trunc(3, s) ~ trunc(-2, s)',
    'print (trim $s) "|" (title $s) "|" (trunc 3 $s) (trunc -2 $s)',
  ],
  [
    'shellquote(replace(s, base64Decode("AA=="), ""))',
    'shellquote (replace $s (base64Decode "AA==") "" -1)',
  ],
  [
    'squote(s) ~ md5sum(s) ~ hmacSHA256(s, "k")',
    'print (squote $s) (md5sum $s) (hmacSHA256 $s "k")',
  ],
  [
    'has(s, split(s, ",")) ~ "" ~ has("a", list(x, s, "a"))',
    'print (has $s (split $s ",")) "" (has "a" (list $x $s "a"))',
  ],
  ['toJson(uniq(split(s, "")))', 'toJson (uniq (split $s ""))'],
  ['toJson(sortNatural(split(s, "")))', 'toJson (sortNatural (split $s ""))'],
  [
    'toJson(first(list(x))) ~ toJson(last(list(s, x)))',
    'print (toJson (first (list $x))) (toJson (last (list $s $x)))',
  ],
  [
    'toJson(mergeMap(dict("a", dict(s, x)), dict("a", dict("b", 1), s, 2)))',
    'toJson (mergeMap (dict "a" (dict $s $x)) (dict "a" (dict "b" 1) $s 2))',
  ],
  ['toYaml(s)', 'toYaml $s'],
]

workshop.write(
  'all.njk',
  `{% set s = getv("/x") %}{% set x = fromJson(s) %}${EXPRESSIONS.map(([code]) => `{{ ${code} }}\n|`).join('')}`,
)
workshop.write(
  'all.tmpl',
  `{{$s := getv "/x"}}{{$x := fromJson $s}}${EXPRESSIONS.map(([, code]) => `{{${code}}}\n|`).join('')}`,
)

/** Returns the results of all expressions in each language, as lists, so that a failure shows the expression. */
async function both(text: string): Promise<[unknown, unknown]> {
  const nunjucks = await workshop.render('all.njk', { '/x': text })
  const go = await workshop.render('all.tmpl', { '/x': text })
  return [nunjucks.text?.split('\n|') ?? nunjucks.message, go.text?.split('\n|') ?? go.message]
}

test('both languages give the same bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ stringUnit: 'binary' }), async (value) => {
      const [nunjucks, go] = await both(JSON.stringify(value))
      expect(nunjucks).toEqual(go)
    }),
    { numRuns: 300 },
  )
})

test.each([
  '{"b":1e21,"a":1e-7,"c":-0,"d":123456789012345680000}',
  '{"__proto__":1,"constructor":{"10":1,"9":2}}',
  '"<a href=\\"x\\">&\\u2028\\u0000\\u007f"',
  '[[],{},null,"",0,false]',
  '"HTTPServer maxIdleConns über-Straße"',
])('and for %s', async (text) => {
  const [nunjucks, go] = await both(text)
  expect(nunjucks).toEqual(go)
})
