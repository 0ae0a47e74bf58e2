// The status board: the states that follow from events.
import { describe, expect, test } from 'vitest'
import { commandFault } from '../../src/apply/command-fault.ts'
import { hashOf } from '../../src/apply/hash.ts'
import { noCause } from '../../src/core/cause.ts'
import type { CommandResult, Event } from '../../src/core/event.ts'
import type { Fault } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import type { ResourceHistory } from '../../src/core/status.ts'
import { StatusBoard } from '../../src/observe/status.ts'

const fault: Fault = { kind: 'command', message: 'bad', frame: '| a value', hint: 'mend it' }
const result: CommandResult = {
  exitCode: 0,
  signal: null,
  timedOut: false,
  output: 'a value',
  truncated: 0,
  duration: 12,
}
const none: ReadonlySet<never> = new Set()

const started = (...names: string[]): Event => ({
  kind: 'started',
  version: '1',
  backend: 'etcdv3',
  nodes: [],
  resources: names.length,
  uses: new Map(names.map((name) => [name, ['etcdv3']])),
})
const liveAt = (store: string): Event => ({ kind: 'store-live', store, node: 'n1', keys: 3 })
const live = liveAt('etcdv3')
const stale = (known = true, store = 'etcdv3'): Event => ({
  kind: 'store-stale',
  store,
  node: 'n2',
  fault,
  known,
  retryIn: 5,
})
const changed = (...keys: Key[]): Event => ({
  kind: 'changed',
  store: 'etcdv3',
  keys,
  more: 0,
  resources: ['a'],
  causes: new Map([['a', { keys, files: [], more: 0 }]]),
})
const applied: Event = { kind: 'applied', resource: 'a', changed: true }
const failed: Event = { kind: 'failed', resource: 'a', at: 'check', fault, retryIn: 5 }
const held: Event = {
  kind: 'held',
  resource: 'a',
  dest: '/a',
  reason: '3 of 4 keys vanished',
  vanished: ['/k/1', '/k/2'],
  more: 1,
  by: 'guard',
}
const reloading: Event = { kind: 'reload-started', resources: ['a'], command: 'reload' }
const reloaded: Event = { kind: 'reloaded', resources: ['a'], command: 'reload', result }
const owed: Event = {
  kind: 'reload-owed',
  resources: ['a'],
  command: 'reload',
  result: { ...result, exitCode: 1 },
  fault,
  attempts: 2,
  retryIn: 5000,
  exhausted: [],
}

const rolledBack: Event = {
  kind: 'rolled-back',
  resource: 'a',
  files: new Map([['/a', 'good']]),
  fault,
}

/** Returns a board that has received these events, one per second. */
function told(...events: Event[]): StatusBoard {
  const board = new StatusBoard(42, 0)
  events.forEach((event, n) => board.note(event, (n + 1) * 1000))
  return board
}

const at = (seconds: number): string => new Date(seconds * 1000).toISOString()
const NOW = 60_000
function resource(board: StatusBoard, owes?: number): ResourceHistory {
  const journal = new Map(owes === undefined ? [] : [['a', { since: owes }]])
  const [one] = board.status(journal, NOW).resources
  if (one === undefined) throw new Error('no resource')
  return one
}

describe('the state of a resource', () => {
  const good = [started('a'), live, applied]
  test.each<[string, Event[], number | undefined, Partial<ResourceHistory>]>([
    ['waiting: nothing came yet', [started('a')], undefined, { state: 'waiting', since: at(1) }],
    [
      'waiting: the store was never reached',
      [started('a'), stale(false), stale(false)],
      undefined,
      { state: 'waiting', since: at(1), why: 'bad\n  mend it' },
    ],
    ['in sync', good, undefined, { state: 'in sync', since: at(3) }],
    ['in sync since then', [...good, applied], undefined, { state: 'in sync', since: at(3) }],
    [
      'failed, since the first failure',
      [...good, failed, changed('/k'), failed],
      undefined,
      { state: 'failed', since: at(4), why: 'check failed: bad\n  mend it' },
    ],
    ['failed and back', [...good, failed, applied], undefined, { state: 'in sync', since: at(5) }],
    [
      'held',
      [...good, held, held],
      undefined,
      {
        state: 'held',
        since: at(4),
        why: '/a stays as it is: 3 of 4 keys vanished (to apply this change: reconfd accept a); vanished: /k/1, /k/2 and 1 more',
      },
    ],
    [
      'waiting for one of its group that is held',
      [...good, { kind: 'waits', resource: 'a', for: 'b', because: 'held' }],
      undefined,
      {
        state: 'held',
        since: at(4),
        why: 'its files stay as they are: b, of the same group, is held (to apply its change: reconfd accept b)',
      },
    ],
    [
      'waiting for one of its group that has failed, and applied then',
      [...good, { kind: 'waits', resource: 'a', for: 'b', because: 'failed' }, applied],
      undefined,
      { state: 'in sync', since: at(5) },
    ],
    [
      'accepted, and then the check failed',
      [...good, held, { kind: 'accepted', resource: 'a' }, failed],
      undefined,
      { state: 'failed', since: at(6) },
    ],
    ['owed by the journal', good, 2500, { state: 'owed', since: at(2.5), why: 'reload is owed' }],
    [
      'owed: running',
      [...good, reloading],
      2500,
      { state: 'owed', why: 'reload is running: reload' },
    ],
    [
      'owed: failed, and running again',
      [...good, reloading, owed, reloading],
      2500,
      {
        state: 'owed',
        since: at(2.5),
        why: `reload try 2 failed, next try at 1970-01-01T00:00:10Z: bad\n  mend it`,
      },
    ],
    [
      'owed and failed: the worse one, and what is owed beside it',
      [...good, owed, failed],
      2500,
      { state: 'failed', owedSince: at(2.5) },
    ],
    [
      'reloaded',
      [...good, reloading, owed, reloading, reloaded],
      undefined,
      { state: 'in sync', since: at(7) },
    ],
    [
      'rolled back',
      [...good, owed, rolledBack, reloaded],
      undefined,
      { state: 'failed', since: at(5) },
    ],
    [
      'stale since the store was first away',
      [...good, stale(), stale()],
      undefined,
      { state: 'stale', since: at(4), why: 'bad\n  mend it' },
    ],
    ['stale and back', [...good, stale(), live], undefined, { state: 'in sync', since: at(5) }],
  ])('%s', (_what, events, owes, expected) => {
    expect(resource(told(...events), owes)).toMatchObject(expected)
  })
})

test('an unreachable store makes only its readers stale', () => {
  const uses = new Map([
    ['a', ['etcdv3', 'vault']],
    ['b', ['etcdv3']],
    ['c', []],
  ])
  const board = told(
    { ...started(), uses } as Event,
    live,
    liveAt('vault'),
    applied,
    { kind: 'applied', resource: 'b', changed: true },
    { kind: 'applied', resource: 'c', changed: true },
    stale(true, 'vault'),
  )
  const status = board.status(new Map(), NOW, new Map([['etcdv3', 9]]))
  expect(status.resources).toMatchObject([
    { name: 'a', state: 'stale', since: at(7) },
    { name: 'b', state: 'in sync', since: at(5) },
    { name: 'c', state: 'in sync', since: at(6) },
  ])
  expect(status.stores).toMatchObject([
    { name: 'etcdv3', state: 'live', keys: 9 },
    { name: 'vault', state: 'stale', keys: 3 },
  ])
})

test('the last reload, whether it succeeded or not', () => {
  const board = told(started('a'), live, applied, owed)
  expect(resource(board).lastReload).toEqual({
    at: at(4),
    command: 'reload',
    succeeded: false,
    exitCode: 1,
    signal: null,
    timedOut: false,
    duration: 12,
  })
  board.note(reloaded, 9000)
  expect(resource(board).lastReload).toMatchObject({ at: at(9), succeeded: true, exitCode: 0 })
})

test('the hash of each destination, until it is removed', () => {
  const written = (dest: string, why: 'create' | 'remove', hash: string): Event => ({
    kind: 'written',
    resource: 'a',
    dest,
    why,
    hash,
    bytes: 1,
    cause: noCause,
  })
  const board = told(
    started('a'),
    { kind: 'in-sync', resource: 'a', dest: '/1', hash: 'h1' },
    written('/2', 'create', 'h2'),
    written('/3', 'create', 'h3'),
    written('/2', 'remove', ''),
  )
  expect(resource(board).hashes).toEqual({ '/1': 'h1', '/3': 'h3' })
})

describe('a reload that does not succeed', () => {
  const failing = { ...result, exitCode: 3 }
  const command = commandFault('reload_cmd', 'systemctl reload web', failing)
  const attempt = (more: object): Event => ({
    ...{ kind: 'reload-owed', resources: ['a'], command: 'systemctl reload web', result: failing },
    ...{ fault: command, attempts: 1, retryIn: 5000, exhausted: [] },
    ...more,
  })
  const bad: Event = {
    ...{
      kind: 'written',
      resource: 'a',
      dest: '/a',
      why: 'content',
      hash: hashOf(Buffer.from('bad')),
    },
    ...{ bytes: 3, cause: noCause },
  }
  const good = hashOf(Buffer.from('good'))
  const back = (...files: [string, string | null][]): Event => ({
    ...{ kind: 'rolled-back', resource: 'a', files: new Map(files), fault: command },
  })

  test('is owed: which command, how it ended, and when it is tried again', () => {
    const { state, why } = resource(told(started('a'), live, bad, applied, attempt({})), 4000)
    expect(state).toBe('owed')
    expect(why?.split('\n')[0]).toBe(
      `reload try 1 failed, next try at 1970-01-01T00:00:10Z: reload_cmd failed with exit code 3: systemctl reload web`,
    )
  })

  test('without another attempt, none is announced', () => {
    const { why } = resource(told(started('a'), live, applied, attempt({ retryIn: null })), 4000)
    expect(why?.split('\n')[0]).toBe(
      'reload try 1 failed: reload_cmd failed with exit code 3: systemctl reload web',
    )
  })

  test('rolled back: the hash is that of the file in place, and why names the command', () => {
    const last = attempt({ attempts: 3, retryIn: null, exhausted: ['a'] })
    const board = told(started('a'), live, bad, applied, last, back(['/a', good]))
    const { state, since, why, hashes } = resource(board, 4000)
    expect({ state, since, hashes }).toEqual({
      state: 'failed',
      since: at(6),
      hashes: { '/a': good },
    })
    expect(why).toContain('reload_cmd failed with exit code 3: systemctl reload web')
    expect(why).toContain('the last good content of /a is in place')
    expect(why).toContain('reconfd accept a')
    // The reload of the restored content is owed and then succeeds. The change must stay rejected.
    expect(resource(board, 4000).owedSince).toBe(at(4))
    board.note({ ...reloaded, command: 'systemctl reload web' }, 7000)
    const after = resource(board)
    expect(after).toMatchObject({ state: 'failed', since: at(6), hashes: { '/a': good } })
    expect([after.owedSince, after.lastReload]).toMatchObject([undefined, { succeeded: true }])
  })

  test('rolled back: a file that is gone again has no hash, the others have their own', () => {
    const made = { ...bad, dest: '/made' } as Event
    const other = { ...bad, dest: '/other' } as Event
    const board = told(started('a'), live, bad, made, other, back(['/a', good], ['/made', null]))
    expect(resource(board).hashes).toEqual({ '/a': good, '/other': hashOf(Buffer.from('bad')) })
    expect(resource(board).why).toContain('/a, /made')
  })

  test('rolled back: the next change that is good ends it', () => {
    const board = told(started('a'), live, bad, applied, attempt({}), back(['/a', good]), applied)
    expect(resource(board)).toMatchObject({ state: 'in sync', since: at(7) })
  })

  test('rolled back, and the reload of the restored files fails, too: reports both', () => {
    const board = told(started('a'), live, bad, attempt({}), back(['/a', good]), attempt({}))
    const { state, why } = resource(board, 4000)
    expect(state).toBe('failed')
    expect(why).toContain('rolled back: ')
    expect(why).toContain(`reload try 1 failed, next try at 1970-01-01T00:00:11Z`)
  })

  test('without earlier content to restore: it is owed, and the new content stays', () => {
    const last = attempt({ attempts: 3, retryIn: null, exhausted: ['a'] })
    const nothing: Event = {
      ...{ kind: 'rollback-impossible', resource: 'a', dests: ['/a', '/b'] },
      ...{ fault: command, retryIn: 500 },
    }
    const board = told(started('a'), live, bad, applied, last, nothing)
    const { state, since, why, hashes } = resource(board, 4000)
    expect({ state, since, hashes }).toEqual({
      state: 'owed',
      since: at(4),
      hashes: { '/a': hashOf(Buffer.from('bad')) },
    })
    expect(why).toContain('reload_cmd failed with exit code 3: systemctl reload web')
    expect(why).toContain('there is no earlier good content of /a, /b to restore')
    // The reload is retried until it succeeds.
    board.note(attempt({ attempts: 4 }), 7000)
    expect(resource(board, 4000).why).toContain('there is no earlier good content')
    board.note({ ...reloaded, command: 'systemctl reload web' }, 8000)
    expect(resource(board)).toMatchObject({ state: 'in sync', since: at(8) })
    board.note(attempt({ attempts: 1 }), 9000)
    expect(resource(board, 9000).why).not.toContain('there is no earlier good content')
  })
})

test('the last 20 changes, the newest first, with their keys or files', () => {
  const board = told(started('a'))
  for (let n = 0; n < 25; n++) board.note(changed(`/k${n}`), n * 1000)
  const causes = new Map([['a', { keys: [], files: ['/t.njk'], more: 0 }]])
  board.note({ kind: 'files-changed', files: ['/t.njk'], causes }, NOW)
  const { changes, lastChange } = resource(board)
  expect(changes).toHaveLength(20)
  expect(changes[0]).toEqual({ at: at(60), keys: [], files: ['/t.njk'], more: 0 })
  expect(lastChange).toEqual(changes[0])
  expect(changes[1]).toEqual({ at: at(24), keys: ['/k24'], files: [], more: 0 })
  expect(changes.at(-1)?.keys).toEqual(['/k6'])
})

test('the reads of the last render: of all templates, in order, up to a limit', () => {
  const many = new Set(Array.from({ length: 250 }, (_, n) => `/many/${n}` as const))
  const reads = (keys: ReadonlySet<Key>, files: string[]) => ({
    keys,
    trees: none,
    listings: none,
    patterns: none,
    files: new Set(files),
    supplies: new Map(),
  })
  const rendered = (...all: ReturnType<typeof reads>[]): Event => ({
    kind: 'rendered',
    resource: 'a',
    reads: all,
    duration: 1,
  })
  const board = told(started('a'), rendered(reads(many, ['/x'])))
  expect(resource(board).reads).toMatchObject({ more: 150, files: ['/x'] })
  board.note(rendered(reads(new Set(['/b', '/c']), ['/x']), reads(new Set(['/a', '/b']), [])), NOW)
  expect(resource(board).reads).toEqual({
    keys: ['/a', '/b', '/c'],
    trees: [],
    found: 0,
    listings: [],
    patterns: [],
    files: ['/x'],
    more: 0,
  })
})

test('the worst state comes first, a resource removed from conf.d disappears, and the store may change', () => {
  const board = told(started('a', 'b', 'c'), live, { ...failed, resource: 'c' })
  const names = () => board.status(new Map(), NOW).resources.map(({ name }) => name)
  expect(names()).toEqual(['c', 'a', 'b'])
  board.note({ kind: 'generation-kept', reason: 'x', faults: [fault] }, 5000)
  board.note({ kind: 'generation-kept', reason: 'x', faults: [fault] }, 6000)
  expect(board.status(new Map(), NOW)).toMatchObject({
    version: '1',
    pid: 42,
    started: at(0),
    at: at(60),
    stores: [{ name: 'etcdv3', state: 'live', since: at(2), node: 'n1', keys: 3 }],
    configuration: { since: at(5), faults: [fault] },
  })
  board.note(
    {
      kind: 'generation-loaded',
      reason: 'x',
      resources: 2,
      uses: new Map([
        ['a', ['consul']],
        ['d', []],
      ]),
    },
    7000,
  )
  expect(names()).toEqual(['a', 'd'])
  const status = board.status(new Map(), NOW)
  expect(status.stores).toEqual([{ name: 'consul', state: 'waiting', since: at(7) }])
  expect(status.configuration).toBeUndefined()
})

test('the history of the previous daemon is kept, its state is not', () => {
  const former = told(started('a', 'gone'), changed('/old'), reloaded, failed)
  const board = told(started('a'), changed('/new'))
  board.restore(former.status(new Map(), NOW))
  expect(resource(board)).toMatchObject({
    state: 'waiting',
    lastReload: { command: 'reload' },
    changes: [{ keys: ['/new'] }, { keys: ['/old'] }],
  })
  expect(board.status(new Map(), NOW).resources).toHaveLength(1)
})

test('the status contains no output of a command', () => {
  const board = told(started('a'), live, failed, owed, stale())
  const { resources } = board.status(new Map(), NOW)
  expect(JSON.stringify(resources)).not.toContain('a value')
})

test('a store whose changes arrive late is behind, and so are the resources that read it', () => {
  const board = new StatusBoard(1, 0)
  const late = (lag: number | undefined): Event => ({
    kind: 'store-behind',
    store: 'etcdv3',
    lag,
    isNews: true,
  })
  const states = (): object => {
    const { stores, resources } = board.status(new Map(), 9000)
    return {
      stores: stores.map(({ state, lag, keys }) => ({ state, lag, keys })),
      resources: resources.map(({ state, why }) => ({ state, why })),
    }
  }
  for (const event of [started('a'), late(5000), live, applied]) board.note(event, 1000)
  expect(states()).toEqual({
    stores: [{ state: 'live', keys: 3 }],
    resources: [{ state: 'in sync' }],
  })
  board.note(late(5000), 2000)
  board.note(late(6000), 3000)
  expect(states()).toEqual({
    stores: [{ state: 'behind', lag: 6000, keys: 3 }],
    resources: [{ state: 'behind', why: 'changes arrive 6 s late' }],
  })
  expect(board.status(new Map(), 9000).stores[0]?.since).toBe('1970-01-01T00:00:02.000Z')
  board.note(late(undefined), 4000)
  expect(states()).toEqual({
    stores: [{ state: 'live', keys: 3 }],
    resources: [{ state: 'in sync' }],
  })
  board.note(late(5000), 5000)
  board.note(stale(), 6000)
  expect(states()).toMatchObject({ stores: [{ state: 'stale' }], resources: [{ state: 'stale' }] })
})
