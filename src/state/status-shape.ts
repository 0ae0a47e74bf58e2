// Whether what was read from a status file is a status: the file may be damaged, or another version's.
import { states, type FullStatus } from '../core/status.ts'

type Check = (value: unknown) => boolean

const text: Check = (value) => typeof value === 'string'
const number: Check = (value) => typeof value === 'number'
const boolean: Check = (value) => typeof value === 'boolean'
const time: Check = (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value))
const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    words.includes(value as string)
const nullOr =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const recordOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check)
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
/** Further members may be there: they are of a later version. */
const shape =
  (members: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(members).every(([name, check]) => check(value[name]))

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const fault = shape({
  kind: text,
  message: text,
  hint: optional(text),
  file: optional(text),
  line: optional(number),
  column: optional(number),
  frame: optional(text),
})
const change = shape({ at: time, keys: listOf(text), files: listOf(text), more: number })
const reload = shape({
  at: time,
  command: text,
  succeeded: boolean,
  exitCode: nullOr(number),
  signal: nullOr(text),
  timedOut: boolean,
  duration: number,
})
const reads = shape({
  keys: listOf(text),
  trees: listOf(text),
  listings: listOf(text),
  patterns: listOf(text),
  files: listOf(text),
  more: number,
})
const resource = shape({
  name: text,
  state: oneOf(...states),
  since: time,
  why: optional(text),
  owedSince: optional(time),
  lastChange: optional(change),
  lastReload: optional(reload),
  hashes: recordOf(text),
  reads: optional(reads),
  changes: listOf(change),
})
const store = shape({
  name: text,
  state: oneOf('live', 'stale', 'waiting'),
  since: time,
  node: optional(text),
  keys: optional(number),
  fault: optional(fault),
})
const fullStatus = shape({
  version: text,
  pid: number,
  started: time,
  at: time,
  stores: listOf(store),
  configuration: optional(shape({ since: time, faults: listOf(fault) })),
  resources: listOf(resource),
})

export const isFullStatus = (value: unknown): value is FullStatus => fullStatus(value)
