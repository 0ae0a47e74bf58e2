// Validates a status file, which may be damaged or from another version.
import {
  boolean,
  listOf,
  nullOr,
  number,
  oneOf,
  optional,
  recordOf,
  shape,
  text,
  time,
} from '../core/shape.ts'
import { childStates, states, type FullStatus } from '../core/status.ts'

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
  how: optional(text),
  isAtRunTime: optional(boolean),
})
const reads = shape({
  keys: listOf(text),
  trees: listOf(text),
  listings: listOf(text),
  patterns: listOf(text),
  files: listOf(text),
  more: number,
  found: number,
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
  state: oneOf('live', 'behind', 'stale', 'waiting'),
  since: time,
  node: optional(text),
  keys: optional(number),
  fault: optional(fault),
  lag: optional(number),
})
const child = shape({
  program: text,
  state: oneOf(...childStates),
  since: time,
  pid: optional(number),
  why: optional(text),
  restarts: number,
  lastExit: optional(shape({ at: time, exitCode: nullOr(number), signal: nullOr(text) })),
})
const fullStatus = shape({
  version: text,
  pid: number,
  started: time,
  at: time,
  stores: listOf(store),
  configuration: optional(shape({ since: time, faults: listOf(fault) })),
  child: optional(child),
  resources: listOf(resource),
})

export const isFullStatus = (value: unknown): value is FullStatus => fullStatus(value)
