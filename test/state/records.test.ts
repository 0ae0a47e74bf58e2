// The records of resources after a restart, in the current format and in earlier ones.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import type { Former } from '../../src/core/last-good.ts'
import type { Observed } from '../../src/core/plan.ts'
import { Records, type Remembered } from '../../src/state/records.ts'
import { removeDir, tempDir } from '../support/process.ts'

let dir: string
let state: string
beforeEach(() => {
  dir = tempDir('records')
  state = join(dir, 'lib/reconfd')
})
const open: Records[] = []
afterEach(async () => {
  for (const records of open.splice(0)) await records.close()
  removeDir(dir)
})

/** Returns the records, as a process starting now opens them. */
function opened(keep = true, confdir = '/etc/confd'): Records {
  const records = new Records(state, confdir, keep)
  open.push(records)
  return records
}

const nothing: Remembered = { keys: new Map(), good: new Map() }
const file = (bytes: Uint8Array): Former & Observed => ({
  kind: 'file',
  bytes: Buffer.from(bytes),
  mode: 0o640,
  uid: 1,
  gid: 2,
})
const everything: Remembered = {
  keys: new Map([
    ['/a', new Set<Key>(['/k/1', '/k/é'])],
    ['/b', new Set()],
  ]),
  placed: 'abc',
  rejected: { hash: 'def', why: 'reload_cmd failed with exit code 1: systemctl reload a' },
  good: new Map<string, Former>([
    ['/a', file(Buffer.from([0, 255, 10, 128]))],
    ['/b', { kind: 'none' }],
    ['/c', { kind: 'made' }],
    ['__proto__', file(Buffer.from(''))],
  ]),
  undo: {
    by: { pid: 42, started: 4711 },
    files: new Map<string, Observed>([
      ['/a', file(Buffer.from('old'))],
      ['/b', { kind: 'absent' }],
    ]),
  },
}

/** Returns the files below the state directory. */
const stored = (): string[] =>
  existsSync(state)
    ? readdirSync(state, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name))
    : []

/** Replaces the record of a resource with this text. */
async function write(resource: string, text: string): Promise<void> {
  await opened().set(resource, { placed: 'x' })
  const [path, ...more] = stored()
  if (path === undefined || more.length > 0) throw new Error('not one record')
  writeFileSync(path, text)
}

test('everything is found again after a restart', async () => {
  expect(await opened().set('a', everything, true)).toEqual({ ok: true, value: undefined })
  expect(await opened().get('a')).toEqual(everything)
  expect(await opened().get('b')).toEqual(nothing)
})

test('a change leaves the rest unchanged; undefined removes a field', async () => {
  const records = opened()
  await records.set('a', everything)
  await opened().set('a', { placed: 'new' })
  expect(await opened().get('a')).toEqual({ ...everything, placed: 'new' })
  await opened().set('a', { undo: undefined, rejected: undefined })
  const { keys, good } = everything
  expect(await opened().get('a')).toEqual({ keys, good, placed: 'new' })
})

test('the last value wins, however writes overlap', async () => {
  const records = opened()
  await records.get('a')
  const writes = Array.from({ length: 20 }, (_, n) =>
    records.set('a', { placed: String(n) }, n % 3 === 0),
  )
  await Promise.all(writes)
  expect((await records.get('a')).placed).toBe('19')
  expect((await opened().get('a')).placed).toBe('19')
  expect(stored()).toHaveLength(1)
})

test('changes that overlap the first reading of a record are all in it', async () => {
  await opened().set('a', { placed: 'before' })
  const records = opened()
  const { rejected, undo } = everything
  await Promise.all([
    records.get('a'),
    records.set('a', { rejected }),
    records.get('a'),
    records.set('a', { undo }),
  ])
  const expected = { ...nothing, placed: 'before', rejected, undo }
  expect(await records.get('a')).toEqual(expected)
  expect(await opened().get('a')).toEqual(expected)
})

test('is one file for each resource of each confdir, readable only by its owner', async () => {
  const records = opened()
  await records.set('a', { placed: '1' })
  await records.set('b', { placed: '2' })
  await opened(true, '/etc/other').set('a', { placed: '3' })
  expect(stored()).toHaveLength(3)
  expect((await opened().get('a')).placed).toBe('1')
  for (const path of stored()) expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(state).mode & 0o777).toBe(0o700)
})

test('a run without persistence reads records, keeps changes in memory, and writes nothing', async () => {
  const quiet = opened(false)
  expect(await quiet.set('a', everything, true)).toMatchObject({ ok: true })
  expect([await quiet.get('a'), stored()]).toEqual([everything, []])
  await quiet.rewrite()
  expect(existsSync(state)).toBe(false)
  await opened().set('a', { placed: 'kept' })
  expect((await opened(false).get('a')).placed).toBe('kept')
})

test('a directory that cannot be used is a fault with its path and the option', async () => {
  mkdirSync(join(dir, 'lib'))
  writeFileSync(state, '')
  expect(await opened().get('a')).toEqual(nothing)
  expect(await opened().set('a', everything)).toMatchObject({
    ok: false,
    error: {
      kind: 'io',
      message: expect.stringMatching(/^cannot write the state file .*ENOTDIR/) as string,
      hint: 'set -state-dir to a directory that reconfd can write to',
    },
  })
})

describe('rewrite', () => {
  it('restores everything that is known after the folder was removed', async () => {
    await opened().set('read before', { placed: '0' })
    const records = opened()
    await records.get('read before')
    await records.get('never there')
    await records.set('a', everything)
    await records.set('b', { placed: '1' })
    const before = stored().length
    rmSync(state, { recursive: true })
    await records.rewrite()
    // One file for each of the three resources, and one for all last renders.
    expect([before, stored().length]).toEqual([4, 4])
    expect(await opened().get('a')).toEqual(everything)
    expect((await opened().get('b')).placed).toBe('1')
    expect((await opened().get('read before')).placed).toBe('0')
  })

  it('does not restore a value that a running write replaces', async () => {
    const records = opened()
    await records.set('a', { placed: '1' })
    rmSync(state, { recursive: true })
    await Promise.all([records.rewrite(), records.set('a', { placed: '2' })])
    expect((await opened().get('a')).placed).toBe('2')
  })
})

describe('earlier formats', () => {
  it('version 0.1: of a rejected content the hash alone, and no undo', async () => {
    const bytes = Buffer.from('old').toString('base64')
    const good = { '/a': { bytes, mode: 0o640, uid: 1, gid: 2 }, '/b': null }
    await write('a', JSON.stringify({ keys: { '/a': ['/k'] }, rejected: 'abc', good }))
    expect(await opened().get('a')).toEqual({
      keys: new Map([['/a', new Set(['/k'])]]),
      rejected: { hash: 'abc', why: 'its reload did not succeed' },
      good: new Map<string, Former>([
        ['/a', file(Buffer.from('old'))],
        ['/b', { kind: 'none' }],
      ]),
    })
    // The next write must use the current format.
    await opened().set('a', { placed: 'new' })
    const record = stored().find((path) => path.endsWith('.json'))
    expect(JSON.parse(readFileSync(record ?? '', 'utf8'))).toEqual({
      placed: 'new',
      rejected: { hash: 'abc', why: 'its reload did not succeed' },
      good: { '/a': good['/a'], '/b': null },
    })
  })

  it.each<[string, Partial<Remembered>]>([
    ['its render', { held: { hash: 'new' } }],
    ['the rest', { placed: 'new' }],
  ])('a render that is recorded with the rest survives a change to %s', async (_, change) => {
    const keys = { '/a': ['/k/1', '/k/2'] }
    const supplies = { '/': { keys: 2, names: 0 } }
    await write('a', JSON.stringify({ keys, supplies, placed: 'old' }))
    const expected = {
      ...nothing,
      keys: new Map([['/a', new Set(['/k/1', '/k/2'])]]),
      supplies: new Map([['/', supplies['/']]]),
      placed: 'old',
    }
    expect(await opened().get('a')).toEqual(expected)
    await opened().set('a', change)
    expect(await opened().get('a')).toEqual({ ...expected, ...change })
  })

  it('members that are not there are empty', async () => {
    await write('a', '{}')
    expect(await opened().get('a')).toEqual(nothing)
  })

  it('members of a later version are ignored', async () => {
    await write('a', '{"placed":"abc","later":{"x":1}}')
    expect(await opened().get('a')).toEqual({ ...nothing, placed: 'abc' })
  })
})

describe('an invalid file counts as missing', () => {
  const sound = { bytes: 'b2xk', mode: 0o640, uid: 1, gid: 2 }
  it.each<[string, string]>([
    ['an empty one', ''],
    ['one that is cut', '{"keys":{"/a":["/k'],
    ['no JSON', '\0\0\0'],
    ['null', 'null'],
    ['a number', '5'],
    ['a text', '"placed"'],
    ['a list', '[]'],
    ['keys that are not an object', '{"keys":null}'],
    ['keys that are not a list', '{"keys":{"/a":5}}'],
    ['keys that are a text', '{"keys":{"/a":"abc"}}'],
    ['a key that is not a text', '{"keys":{"/a":[5]}}'],
    ['a hash that is not a text', '{"placed":5}'],
    ['an invalid rejection', '{"rejected":5}'],
    ['a rejection without a reason', '{"rejected":{"hash":"abc"}}'],
    ['an invalid good file', '{"good":{"/a":"gone"}}'],
    ['a good file without bytes', JSON.stringify({ good: { '/a': { ...sound, bytes: 5 } } })],
    ['a good file without a mode', JSON.stringify({ good: { '/a': { ...sound, mode: null } } })],
    ['a good file without an owner', '{"good":{"/a":{"bytes":"b2xk","mode":420}}}'],
    ['an invalid undo', '{"undo":5}'],
    ['an undo by nobody', JSON.stringify({ undo: { files: { '/a': sound } } })],
    ['an undo without files', '{"undo":{"by":{"pid":1,"started":2}}}'],
  ])('%s', async (_, text) => {
    await write('a', text)
    expect(await opened().get('a')).toEqual(nothing)
    expect(await opened().set('a', everything)).toMatchObject({ ok: true })
    expect(await opened().get('a')).toEqual(everything)
  })
})
