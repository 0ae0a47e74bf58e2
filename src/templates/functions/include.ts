// Defines the function `include`, which returns the text of another template.
import { raise } from '../../core/fault.ts'
import { anyParam, optionalParam, textParam } from './params.ts'
import { define } from './define.ts'

export const includeFunctions = [
  define('include', {
    params: [textParam('name'), optionalParam(anyParam('data'))],
    doc: 'The rendered text of another file below the templates folder, in the same language. `data` is the dot of that file in Go, and the variable `data` in nunjucks, where the entries of a map are also variables. Includes nest at most ten levels deep, and a file cannot include itself.',
    examples: [
      {
        nunjucks: 'include("part.njk", dict("port", 80))',
        go: 'include "part.tmpl" (dict "port" 80)',
        result: 'listen 80',
      },
      {
        nunjucks: 'include("part.njk", dict("port", 80)) | upper',
        go: 'include "part.tmpl" (dict "port" 80) | toUpper',
        result: 'LISTEN 80',
      },
      {
        nunjucks: 'include("none")',
        go: 'include "none"',
        error: 'template "none" does not exist',
      },
      {
        nunjucks: 'include("../secret")',
        go: 'include "../secret"',
        error: 'template "../secret" lies outside of the templates folder',
      },
    ],
    run: ({ include }, name, data) =>
      include?.(name, data) ?? raise('template', 'include: not available here'),
  }),
]
