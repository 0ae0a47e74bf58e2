// Facts of the machine: environment, host name, time, files.
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { variable } from '../../system/environment.ts'
import { define } from './define.ts'
import { GoTime } from './clock.ts'
import { Moment } from './time.ts'
import { optionalParam, textParam } from './params.ts'

export const systemFunctions = [
  define('getenv', {
    params: [textParam('name'), optionalParam(textParam('default'))],
    doc: 'An environment variable of reconfd. If the variable is unset or empty, returns the default, or an empty string.',
    examples: [
      { nunjucks: 'getenv("HOME")', go: 'getenv "HOME"', shows: '"/root"' },
      {
        nunjucks: 'getenv("NOT_SET_ANYWHERE", "fallback")',
        go: 'getenv "NOT_SET_ANYWHERE" "fallback"',
        result: 'fallback',
      },
      { nunjucks: 'getenv("NOT_SET_ANYWHERE")', go: 'getenv "NOT_SET_ANYWHERE"', result: '' },
    ],
    run: (_, name, otherwise = '') => variable(name) || otherwise,
  }),
  define('hostname', {
    params: [],
    doc: 'The host name of the machine.',
    examples: [{ nunjucks: 'hostname()', go: 'hostname', shows: '"web-1"' }],
    run: () => hostname(),
  }),
  define('datetime', {
    params: [],
    doc: "The local time of the render, with the methods of Go's `time.Time`. `Format` takes a Go layout: the time 2 January 2006, 15:04:05 in the wanted format. The other methods are `UTC Local AddDate Unix UnixMilli UnixMicro UnixNano Year Month Day Hour Minute Second Nanosecond Weekday YearDay Before After Equal`, and in Go templates also `Add Sub Truncate Round Compare IsZero Location`. Months and weekdays are numbers that print as names; `.String()` is the name.",
    examples: [
      {
        nunjucks: 'datetime().UTC().Format("2006-01-02T15:04:05Z07:00")',
        go: 'datetime.UTC.Format "2006-01-02T15:04:05Z07:00"',
        result: '2024-02-29T13:07:09Z',
      },
      {
        nunjucks: 'datetime().UTC().Format("Mon Jan _2 3:04PM .000")',
        go: 'datetime.UTC.Format "Mon Jan _2 3:04PM .000"',
        result: 'Thu Feb 29 1:07PM .045',
      },
      { nunjucks: 'datetime().Unix()', go: 'datetime.Unix', result: 1709212029 },
      {
        nunjucks: 'datetime().UTC().AddDate(0, 0, 1).Month().String()',
        go: '(datetime.UTC.AddDate 0 0 1).Month.String',
        result: 'March',
      },
      {
        nunjucks: 'datetime().UTC().Weekday() == 4',
        go: 'eq datetime.UTC.Weekday.String "Thursday"',
        result: true,
      },
    ],
    run: ({ now }) => new Moment(new GoTime(BigInt(now().getTime()) * 1_000_000n, 'local')),
  }),
  define('fileExists', {
    params: [textParam('path')],
    doc: 'True if the path exists, as a file or folder. The template is rendered again when that changes.',
    filter: 0,
    examples: [
      { nunjucks: 'fileExists("/no/such/file")', go: 'fileExists "/no/such/file"', result: false },
    ],
    run: ({ reader }, path) => {
      if (path === '') return false
      const full = resolve(path)
      reader.file(full)
      return existsSync(full)
    },
  }),
]
