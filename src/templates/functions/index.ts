// All template functions, for both engines.
import type { TemplateFunction } from './define.ts'
import { choiceFunctions } from './choice.ts'
import { formatFunctions } from './formats.ts'
import { groupFunctions } from './groups.ts'
import { hashFunctions } from './hashes.ts'
import { includeFunctions } from './include.ts'
import { jsonFunctions } from './json.ts'
import { listFunctions } from './lists.ts'
import { lookupFunctions } from './lookups.ts'
import { mapFunctions } from './maps.ts'
import { networkFunctions } from './net.ts'
import { numberFunctions } from './numbers.ts'
import { printfFunctions } from './printf.ts'
import { regexFunctions } from './regex.ts'
import { serviceFunctions } from './services.ts'
import { sortFunctions } from './sorting.ts'
import { stringFunctions } from './strings.ts'
import { systemFunctions } from './system.ts'
import { textFunctions } from './text.ts'

/** The functions by subject, in the order of the docs. */
export const subjects: Readonly<Record<string, readonly TemplateFunction[]>> = {
  'Keys and values': lookupFunctions,
  'Services and nodes': serviceFunctions,
  Strings: stringFunctions,
  'Quoting, indenting, trimming, cases': textFunctions,
  Formatting: printfFunctions,
  Hashes: hashFunctions,
  'Regular expressions': regexFunctions,
  Numbers: numberFunctions,
  Sorting: sortFunctions,
  Lists: listFunctions,
  Maps: mapFunctions,
  Grouping: groupFunctions,
  'Choosing a value': choiceFunctions,
  JSON: jsonFunctions,
  'YAML and TOML': formatFunctions,
  Network: networkFunctions,
  Machine: systemFunctions,
  'Other templates': includeFunctions,
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
