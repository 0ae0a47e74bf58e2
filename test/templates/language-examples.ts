// The built-in functions of Go's text/template, by example, with their equivalents in nunjucks.
import type { Example } from '../../src/templates/functions/define.ts'

export const languageExamples: readonly Example[] = [
  { nunjucks: '1 == 1 and "a" != "b"', go: 'and (eq 1 1) (ne "a" "b")', result: true },
  { nunjucks: '1 < 2 or 3 <= 2', go: 'or (lt 1 2) (le 3 2)', result: true },
  { nunjucks: 'not (2 > 1 and 1 >= 1)', go: 'not (and (gt 2 1) (ge 1 1))', result: false },
  { nunjucks: '"b" in ["a", "b"]', go: 'eq "b" "a" "b"', result: true },
  { nunjucks: '"abc" | length', go: 'len "abc"', result: 3 },
  {
    nunjucks: 'getvs("/services/web/*")[1]',
    go: 'index (getvs "/services/web/*") 1',
    result: '10.0.0.2:80',
  },
  { nunjucks: 'dict("a", 1)["a"]', go: 'index (dict "a" 1) "a"', result: 1 },
  { go: 'slice "haproxy" 2 5', result: 'pro' },
  { nunjucks: '"a" ~ 1', go: 'print "a" 1', result: 'a1' },
  { go: 'println "a"', result: 'a\n' },
  { go: 'printf "%05.1f|%-4s|%q" 3.14159 "ab" "c"', result: '003.1|ab  |"c"' },
  { nunjucks: '"<b>" | escape ~ ""', go: 'html "<b>"', result: '&lt;b&gt;' },
  { go: 'js "it\'s"', result: "it\\'s" },
  { nunjucks: '"a&b" | urlencode', go: 'urlquery "a&b"', result: 'a%26b' },
  { go: 'call "a"', error: 'non-function of type string' },
]
