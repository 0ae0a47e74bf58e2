// Status files that are damaged or come from another version. A file that does not contain a status must be skipped.
// A file that is accepted as a status must not break any code that reads it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { historyText, statusText } from '../../src/control/text.ts'
import type { CommandResult, Event } from '../../src/core/event.ts'
import type { Fault } from '../../src/core/fault.ts'
import { summaryOf, worstFirst, type FullStatus } from '../../src/core/status.ts'
import { StatusBoard } from '../../src/observe/status.ts'
import { readStatus } from '../../src/state/status-file.ts'
import { isFullStatus } from '../../src/state/status-shape.ts'
import { removeDir, tempDir } from '../support/process.ts'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const fault: Fault = {
  ...{ kind: 'template', message: 'bad', hint: 'mend it', frame: '1 | x' },
  ...{ file: '/t.njk', line: 1, column: 2 },
}
const result: CommandResult = {
  ...{ exitCode: 1, signal: null, timedOut: false, output: '', truncated: 0, duration: 12 },
}
const uses = new Map([
  ['a', ['etcdv3']],
  ['b', ['consul']],
  ['c', []],
])
const reads = {
  keys: new Set(['/k'] as const),
  trees: new Set(['/t'] as const),
  listings: new Set(['/l'] as const),
  patterns: new Set(['/p/*']),
  files: new Set(['/t.njk']),
  supplies: new Map(),
}
const causes = new Map([['a', { keys: ['/k'] as const, files: [], more: 3 }]])
const events: readonly Event[] = [
  { kind: 'started', version: '1', backend: 'etcdv3', nodes: [], resources: 3, uses },
  { kind: 'store-live', store: 'etcdv3', node: 'n1', keys: 3 },
  { kind: 'store-stale', store: 'consul', node: 'n2', fault, known: true, retryIn: 5 },
  { kind: 'changed', store: 'etcdv3', keys: ['/k'], more: 0, resources: ['a'], causes },
  { kind: 'rendered', resource: 'a', reads: [reads], duration: 1 },
  { kind: 'in-sync', resource: 'a', dest: '/a', hash: 'abc' },
  {
    ...{ kind: 'reload-owed', resources: ['a'], command: 'reload', result, fault },
    ...{ attempts: 2, retryIn: 5, exhausted: ['a'] },
  },
  { kind: 'rolled-back', resource: 'a', files: new Map([['/a', 'def']]), fault },
  { kind: 'applied', resource: 'b', changed: true },
  { kind: 'generation-kept', reason: 'SIGHUP', faults: [fault] },
]

/** Returns a status with every possible field, as it is read from a file. */
function everything(): FullStatus {
  const board = new StatusBoard(42, 0)
  events.forEach((event, n) => board.note(event, n * 1000))
  const status = board.status(new Map([['a', { since: 5000 }]]), 60_000)
  return JSON.parse(JSON.stringify(status)) as FullStatus
}

/** Returns the path of every field in a value, as a list of names. */
function placesOf(value: unknown, at: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [at]
  return [at, ...Object.entries(value).flatMap(([name, one]) => placesOf(one, [...at, name]))]
}

const valueAt = (value: Json, at: readonly string[]): Json =>
  at.reduce<Json>((one, name) => (one as { [name: string]: Json })[name] ?? null, value)

/** Returns a copy with another value at one path. `undefined` removes the field. */
function replaced(value: Json, [name, ...rest]: readonly string[], by: Json | undefined): Json {
  if (name === undefined) return by ?? null
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    if (rest.length === 0 && by === undefined) return value.filter((_, n) => n !== Number(name))
    return value.map((one, n) => (n === Number(name) ? replaced(one, rest, by) : one))
  }
  const { [name]: old = null, ...others } = value
  if (rest.length === 0 && by === undefined) return others
  return { ...others, [name]: replaced(old, rest, by) }
}

/** Uses a status in every way the program does. */
function use(status: FullStatus): void {
  const board = new StatusBoard(43, 0)
  for (const event of events) board.note(event, 0)
  board.restore(status)
  expect(isFullStatus(JSON.parse(JSON.stringify(board.status(new Map(), 0))))).toBe(true)
  statusText(summaryOf(status), false)
  for (const one of worstFirst(status.resources)) historyText(one, false, status.at)
}

const REQUIRED = [
  ...['version', 'pid', 'started', 'at', 'stores', 'resources'].map((name) => [name]),
  ...['name', 'state', 'since'].map((name) => ['stores', '0', name]),
  ...['name', 'state', 'since', 'hashes', 'changes'].map((name) => ['resources', '0', name]),
  ...['at', 'keys', 'files', 'more'].map((name) => ['resources', '0', 'changes', '0', name]),
]

describe('a status', () => {
  it('made by the status board is valid', () => {
    const status = everything()
    expect(isFullStatus(status)).toBe(true)
    use(status)
    // The status must contain every optional field. Otherwise the tests below prove little.
    const places = placesOf(status).map((at) => at.join('.'))
    for (const place of [
      ...['configuration.faults.0.frame', 'stores.1.fault.hint', 'stores.0.keys'],
      ...['why', 'owedSince', 'lastChange', 'lastReload.exitCode', 'reads.patterns.0'].map(
        (name) => `resources.0.${name}`,
      ),
    ]) {
      expect(places).toContain(place)
    }
  })

  it('of a daemon that has just started is valid, too', () => {
    const board = new StatusBoard(42, 0)
    expect(isFullStatus(board.status(new Map(), 0))).toBe(true)
  })

  it('of a later version, with further fields, is valid', () => {
    const all = everything() as unknown as Json
    for (const at of placesOf(all)) {
      const value = valueAt(all, at)
      const isRecord = at.at(-1) === 'hashes'
      if (typeof value !== 'object' || value === null || Array.isArray(value) || isRecord) continue
      const more = replaced(all, [...at, 'later'], { x: [1] })
      expect([at, isFullStatus(more)]).toEqual([at, true])
    }
  })
})

describe('not a status', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'status'],
    ['a number', 5],
    ['a list', []],
    ['an empty object', {}],
    ['a list with a status in it', [everything()]],
  ])('%s', (_, value) => {
    expect(isFullStatus(value)).toBe(false)
  })

  it.each(REQUIRED.map((at) => at.join('.')))('one without %s', (place) => {
    const all = everything() as unknown as Json
    expect(isFullStatus(replaced(all, place.split('.'), undefined))).toBe(false)
  })

  it('one with a value of another type anywhere', () => {
    const all = everything() as unknown as Json
    // These fields may be null, and a signal may be any string.
    const mayBeNull = ['exitCode', 'signal']
    for (const at of placesOf(all)) {
      for (const by of [null, true, 5, 'a text', [], [null], {}, { x: null }] as Json[]) {
        const last = at.at(-1) ?? ''
        const value = valueAt(all, at)
        const isList = Array.isArray(value)
        const isSame = typeof value === typeof by && value !== null && by !== null
        if (isSame && isList === Array.isArray(by)) continue
        if (mayBeNull.includes(last) && (by === null || typeof by === 'number')) continue
        if (last === 'signal' && typeof by === 'string') continue
        expect([at, by, isFullStatus(replaced(all, at, by))]).toEqual([at, by, false])
      }
    }
  })

  it.each<[string, readonly string[], Json]>([
    ['an unknown state of a resource', ['resources', '0', 'state'], 'splendid'],
    ['the name of a method as a state', ['resources', '0', 'state'], 'constructor'],
    ['an unknown state of a store', ['stores', '0', 'state'], 'gone'],
    ['an invalid time', ['at'], 'yesterday'],
    ['a time that is empty', ['resources', '0', 'since'], ''],
    ['a change without a time', ['resources', '0', 'changes', '0', 'at'], 'never'],
    ['an invalid hash', ['resources', '0', 'hashes'], { '/a': null }],
    ['hashes as a list', ['resources', '0', 'hashes'], ['abc']],
  ])('%s', (_, at, by) => {
    expect(isFullStatus(replaced(everything() as unknown as Json, at, by))).toBe(false)
  })
})

it('every accepted status is usable', () => {
  const all = everything() as unknown as Json
  const damage = fc.tuple(
    fc.constantFrom(...placesOf(all)),
    fc.oneof(
      fc.jsonValue().map((value) => value as Json),
      fc.constantFrom<Json>('__proto__', '\u001b[2J', '2026-02-30', 1e308, -1, {}),
    ),
  )
  let passed = 0
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
      const status: unknown = damages.reduce((one, [at, by]) => replaced(one, at, by), all)
      if (!isFullStatus(status)) return
      passed++
      use(status)
    }),
    { numRuns: 3000 },
  )
  expect(passed).toBeGreaterThan(100)
})

describe('the file', () => {
  let dir: string
  beforeEach(() => {
    dir = tempDir('status')
  })
  afterEach(() => removeDir(dir))

  it('is read back', async () => {
    const path = join(dir, 'status.json')
    writeFileSync(path, JSON.stringify(everything()))
    expect(await readStatus(path)).toEqual(everything())
  })

  it('that is missing, cut anywhere, or something else, gives no status', async () => {
    const path = join(dir, 'status.json')
    expect(await readStatus(path)).toBeUndefined()
    expect(await readStatus(join('/dev/null', 'status.json'))).toBeUndefined()
    const text = JSON.stringify(everything())
    for (let cut = 0; cut < text.length; cut += 7) {
      writeFileSync(path, text.slice(0, cut))
      expect([cut, await readStatus(path)]).toEqual([cut, undefined])
    }
    for (const other of ['{}', 'null', '[]', '\0'.repeat(100), '{"resources":[null]}']) {
      writeFileSync(path, other)
      expect(await readStatus(path)).toBeUndefined()
    }
  })

  it('that cannot be read is an error', async () => {
    const path = join(dir, 'status.json')
    mkdirSync(path)
    await expect(readStatus(path)).rejects.toThrow('EISDIR')
  })
})
