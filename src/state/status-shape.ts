// Validates a status file, which may be damaged or written by another version of reconfd.
import {
  isBoolean,
  isListOf,
  isNullOr,
  isNumber,
  isOneOf,
  isOptional,
  isRecordOf,
  hasShape,
  isText,
  isTime,
} from '../core/shape.ts'
import { childStates, states, type FullStatus } from '../core/status.ts'

const fault = hasShape({
  kind: isText,
  message: isText,
  hint: isOptional(isText),
  file: isOptional(isText),
  line: isOptional(isNumber),
  column: isOptional(isNumber),
  frame: isOptional(isText),
})
const change = hasShape({
  at: isTime,
  keys: isListOf(isText),
  files: isListOf(isText),
  more: isNumber,
})
const reload = hasShape({
  at: isTime,
  command: isText,
  succeeded: isBoolean,
  exitCode: isNullOr(isNumber),
  signal: isNullOr(isText),
  timedOut: isBoolean,
  duration: isNumber,
  how: isOptional(isText),
  isAtRunTime: isOptional(isBoolean),
})
const reads = hasShape({
  keys: isListOf(isText),
  trees: isListOf(isText),
  listings: isListOf(isText),
  patterns: isListOf(isText),
  files: isListOf(isText),
  more: isNumber,
  found: isNumber,
})
const resource = hasShape({
  name: isText,
  state: isOneOf(...states),
  since: isTime,
  why: isOptional(isText),
  owedSince: isOptional(isTime),
  lastChange: isOptional(change),
  lastReload: isOptional(reload),
  hashes: isRecordOf(isText),
  reads: isOptional(reads),
  changes: isListOf(change),
})
const store = hasShape({
  name: isText,
  state: isOneOf('live', 'behind', 'stale', 'waiting'),
  since: isTime,
  node: isOptional(isText),
  keys: isOptional(isNumber),
  fault: isOptional(fault),
  lag: isOptional(isNumber),
})
const child = hasShape({
  program: isText,
  state: isOneOf(...childStates),
  since: isTime,
  pid: isOptional(isNumber),
  why: isOptional(isText),
  restarts: isNumber,
  lastExit: isOptional(
    hasShape({ at: isTime, exitCode: isNullOr(isNumber), signal: isNullOr(isText) }),
  ),
})
const fullStatus = hasShape({
  version: isText,
  pid: isNumber,
  started: isTime,
  at: isTime,
  stores: isListOf(store),
  configuration: isOptional(hasShape({ since: isTime, faults: isListOf(fault) })),
  child: isOptional(child),
  resources: isListOf(resource),
})

export const isFullStatus = (value: unknown): value is FullStatus => fullStatus(value)
