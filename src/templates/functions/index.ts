// All template functions, for both engines.
import type { TemplateFunction } from './define.ts'
import { choices } from './choice.ts'
import { formats } from './formats.ts'
import { groups } from './groups.ts'
import { hashes } from './hashes.ts'
import { includes } from './include.ts'
import { jsons } from './json.ts'
import { lists } from './lists.ts'
import { lookups } from './lookups.ts'
import { maps } from './maps.ts'
import { net } from './net.ts'
import { numbers } from './numbers.ts'
import { formatting } from './printf.ts'
import { regexes } from './regex.ts'
import { services } from './services.ts'
import { sorting } from './sorting.ts'
import { strings } from './strings.ts'
import { system } from './system.ts'
import { texts } from './text.ts'

/** By subject, in the order of the docs. */
export const subjects: Readonly<Record<string, readonly TemplateFunction[]>> = {
  'Keys and values': lookups,
  'Services and nodes': services,
  Strings: strings,
  'Quoting, indenting, trimming, cases': texts,
  Formatting: formatting,
  Hashes: hashes,
  'Regular expressions': regexes,
  Numbers: numbers,
  Sorting: sorting,
  Lists: lists,
  Maps: maps,
  Grouping: groups,
  'Choosing a value': choices,
  JSON: jsons,
  'YAML and TOML': formats,
  Network: net,
  Machine: system,
  'Other templates': includes,
}

export const functions: readonly TemplateFunction[] = Object.values(subjects).flat()

/** The keys for the examples. */
export const dataset: Readonly<Record<string, string>> = {
  '/app/host': 'example.com',
  '/app/port': '8080',
  '/app/config': '{"tls": true}',
  '/services/api/a': '10.0.1.1:80',
  '/services/web/a': '10.0.0.1:80',
  '/services/web/b': '10.0.0.2:80',
}

/** The files for the examples of `include`. */
export const files: Readonly<Record<string, string>> = {
  'part.njk': 'listen {{ port }}',
  'part.tmpl': 'listen {{.port}}',
}
