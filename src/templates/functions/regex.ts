// Regular expressions in Go's syntax (RE2). What JavaScript cannot express is an error.
import { raise } from '../../core/fault.ts'
import { define } from './define.ts'
import { text } from './params.ts'
import { find, replaceAll, Re2Error, test } from './re2.ts'

function attempt<T>(name: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof Re2Error)) throw error
    return raise('template', `${name}: error parsing regexp: ${error.message}`)
  }
}

export const regexes = [
  define('regexMatch', {
    params: [text('regex'), text('s')],
    doc: 'Whether the expression matches anywhere in `s`. The syntax is that of Go (RE2).',
    filter: 1,
    examples: [
      {
        nunjucks: 'regexMatch("^web-[0-9]+$", "web-12")',
        go: 'regexMatch "^web-[0-9]+$" "web-12"',
        result: true,
      },
      {
        nunjucks: '"WEB-1" | regexMatch("(?i)^web")',
        go: '"WEB-1" | regexMatch "(?i)^web"',
        result: true,
      },
      {
        nunjucks: 'regexMatch("a(?=b)", "ab")',
        go: 'regexMatch "a(?=b)" "ab"',
        error: 'regexMatch: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
      },
    ],
    run: (_, regex, s) => attempt('regexMatch', () => test(regex, s)),
  }),
  define('regexFind', {
    params: [text('regex'), text('s')],
    doc: 'What the expression matches first; empty when it does not.',
    filter: 1,
    examples: [
      {
        nunjucks: 'regexFind("[0-9]+", "web-12:80")',
        go: 'regexFind "[0-9]+" "web-12:80"',
        result: '12',
      },
      { nunjucks: 'regexFind("x", "web")', go: 'regexFind "x" "web"', result: '' },
    ],
    run: (_, regex, s) => attempt('regexFind', () => find(regex, s)),
  }),
  define('regexReplaceAll', {
    params: [text('regex'), text('s'), text('new')],
    doc: 'All matches replaced; `$1` or `${1}` is the first group, `${name}` a named one, `$$` a dollar sign.',
    filter: 1,
    examples: [
      {
        nunjucks: 'regexReplaceAll("([a-z]+)-([0-9]+)", "web-12", "${2}.$1")',
        go: 'regexReplaceAll "([a-z]+)-([0-9]+)" "web-12" "${2}.$1"',
        result: '12.web',
      },
      {
        nunjucks: '"a1b2" | regexReplaceAll("[0-9]", "")',
        go: 'regexReplaceAll "[0-9]" "a1b2" ""',
        result: 'ab',
      },
    ],
    run: (_, regex, s, by) => attempt('regexReplaceAll', () => replaceAll(regex, s, by)),
  }),
]
