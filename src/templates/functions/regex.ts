// Regular expressions in Go's syntax (RE2).
import { raise } from '../../core/fault.ts'
import type { RenderContext } from '../context.ts'
import { define } from './define.ts'
import { textParam } from './params.ts'
import type * as matching from './re2.ts'

type Re2 = typeof matching

let loaded: Re2 | undefined

/** Loads the matcher on demand, because it is large and few templates use it. */
export const loadRe2 = async (): Promise<Re2> => (loaded ??= await import('./re2.ts'))

function attempt<T>(name: string, context: RenderContext, run: (re2: Re2) => T): T {
  const re2 = loaded ?? context.fact('regular expressions', loadRe2)
  try {
    return run(re2)
  } catch (error) {
    if (!(error instanceof re2.Re2Error)) throw error
    return raise('template', `${name}: error parsing regexp: ${error.message}`)
  }
}

export const regexFunctions = [
  define('regexMatch', {
    params: [textParam('regex'), textParam('s')],
    doc: "True if the expression matches anywhere in `s`. The syntax is Go's (RE2).",
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
    run: (context, regex, s) => attempt('regexMatch', context, (re2) => re2.test(regex, s)),
  }),
  define('regexFind', {
    params: [textParam('regex'), textParam('s')],
    doc: 'The first match of the expression; empty without a match.',
    filter: 1,
    examples: [
      {
        nunjucks: 'regexFind("[0-9]+", "web-12:80")',
        go: 'regexFind "[0-9]+" "web-12:80"',
        result: '12',
      },
      { nunjucks: 'regexFind("x", "web")', go: 'regexFind "x" "web"', result: '' },
    ],
    run: (context, regex, s) => attempt('regexFind', context, (re2) => re2.find(regex, s)),
  }),
  define('regexReplaceAll', {
    params: [textParam('regex'), textParam('s'), textParam('new')],
    doc: 'Replaces all matches; `$1` or `${1}` is the first group, `${name}` a named group, `$$` a dollar sign.',
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
    run: (context, regex, s, by) =>
      attempt('regexReplaceAll', context, (re2) => re2.replaceAll(regex, s, by)),
  }),
]
