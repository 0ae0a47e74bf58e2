// What the machine itself knows: environment, name, time, files.
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { define } from './define.ts'
import { GoTime } from './time.ts'
import { optional, text } from './params.ts'

export const system = [
  define('getenv', {
    params: [text('name'), optional(text('default'))],
    doc: 'An environment variable of reconfd; the default, or else nothing, when it is unset or empty.',
    examples: [
      { expression: 'getenv("HOME")', shows: '"/root"' },
      { expression: 'getenv("NOT_SET_ANYWHERE", "fallback")', result: 'fallback' },
      { expression: 'getenv("NOT_SET_ANYWHERE")', result: '' },
    ],
    run: (_, name, otherwise = '') => process.env[name] || otherwise,
  }),
  define('hostname', {
    params: [],
    doc: "The machine's name.",
    examples: [{ expression: 'hostname()', shows: '"web-1"' }],
    run: () => hostname(),
  }),
  define('datetime', {
    params: [],
    doc: 'The time of the render, local. `.Format(layout)` takes a layout of Go: the way 2 January 2006, 15:04:05 is to be written. Also `.UTC() .Unix() .Year() .Day() .Hour() .Minute() .Second() .YearDay()`.',
    examples: [
      {
        expression: 'datetime().UTC().Format("2006-01-02T15:04:05Z07:00")',
        result: '2024-02-29T13:07:09Z',
      },
      {
        expression: 'datetime().UTC().Format("Mon Jan _2 3:04PM .000")',
        result: 'Thu Feb 29 1:07PM .045',
      },
      { expression: 'datetime().Unix()', result: 1709212029 },
    ],
    run: ({ now }) => new GoTime(now),
  }),
  define('fileExists', {
    params: [text('path')],
    doc: 'Whether there is a file or folder of that path. Rendered again when that changes.',
    filter: true,
    examples: [{ expression: 'fileExists("/no/such/file")', result: false }],
    run: ({ reader }, path) => {
      const full = resolve(path)
      reader.file(full)
      return existsSync(full)
    },
  }),
]
