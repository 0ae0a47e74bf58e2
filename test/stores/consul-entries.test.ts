// Reads the entries of Consul's KV store from bytes that are split anywhere. JSON.parse gives the expected results.
import { expect, test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import { EntriesReader, NotJson } from '../../src/stores/consul-entries.ts'
import { HeldEntries } from '../../src/stores/consul-held.ts'
import { Mismatch } from '../../src/stores/shape.ts'

const LIMITS = { body: 2 ** 20, message: 2 ** 20 }

const base64 = (text: string): string => Buffer.from(text).toString('base64')

const entry = (name: string, value: string | null, index: number, more: object = {}): object => ({
  ...{ LockIndex: 0, Key: name, Flags: 0, Value: value === null ? null : base64(value) },
  ...more,
  ...{ CreateIndex: 1, ModifyIndex: index },
})

/** Reads a response body in pieces of `size` bytes. */
function read(held: HeldEntries, text: string | Buffer, size = 7, anew = false) {
  const reader = new EntriesReader(held.begin(anew), 'Consul at x', LIMITS)
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) reader.write(bytes.subarray(at, at + size))
  const entries = reader.end()
  const { put, del } = held.take(entries)
  return { count: entries.count, unknown: entries.unknown.length, put, del: [...del] }
}

const newHeld = (wanted: (key: Key) => boolean = () => true): HeldEntries =>
  new HeldEntries('app', wanted, Infinity)

const ODD = [
  entry('app/a', 'one', 5),
  entry('app/"quoted" \\ é', 'zwei {"}', 6),
  entry('app/empty', null, 7),
  entry('app/locked', 'x', 8, { Session: 'adf4238a-882b-9ddc-4a9d-5b6758e4159e' }),
  entry('app/later', 'y', 9, { Namespace: 'team', Nested: { Value: ['}', { Key: 'no' }] } }),
  entry('app/long', 'z'.repeat(500), 10),
]

test.each([1, 2, 3, 7, 64, 100_000])('in pieces of %i bytes', (size) => {
  for (const text of [JSON.stringify(ODD), JSON.stringify(ODD, undefined, 2)]) {
    const held = newHeld()
    const first = read(held, text, size)
    expect(Object.fromEntries(first.put)).toEqual({
      '/app/a': 'one',
      '/app/"quoted" \\ é': 'zwei {"}',
      '/app/empty': '',
      '/app/locked': 'x',
      '/app/later': 'y',
      '/app/long': 'z'.repeat(500),
    })
    // Nothing has changed, so no value is created.
    expect(read(held, text, size)).toEqual({ count: 6, unknown: 0, put: new Map(), del: [] })
    // After a restore, equal indexes do not prove equal values.
    expect(read(held, text, size, true)).toMatchObject({ unknown: 6, put: new Map(), del: [] })
  }
})

test('one entry changed, one gone, one new, and another order', () => {
  const held = newHeld()
  read(held, JSON.stringify(['a', 'b', 'c', 'd'].map((name, n) => entry(`app/${name}`, name, n))))
  const next = [entry('app/d', 'd', 3), entry('app/new', 'n', 9), entry('app/a', 'A', 8)]
  const changed = read(held, JSON.stringify([...next, entry('app/c', 'c', 2)]))
  expect(changed).toMatchObject({ count: 4, unknown: 2, del: ['/app/b'] })
  expect(Object.fromEntries(changed.put)).toEqual({ '/app/a': 'A', '/app/new': 'n' })
  expect(read(held, '[]')).toMatchObject({
    count: 0,
    del: ['/app/a', '/app/c', '/app/d', '/app/new'],
  })
})

test('neighbours, and names that are not paths, are skipped each time', () => {
  const held = newHeld((key) => key === '/app' || key.startsWith('/app/'))
  const text = JSON.stringify(
    ['application', 'app/', 'app//x', 'app'].map((name) => entry(name, 'v', 1)),
  )
  expect(read(held, text)).toMatchObject({ count: 4, unknown: 1 })
  expect(read(held, text)).toMatchObject({ count: 4, unknown: 0, del: [] })
})

test.each<[string, string]>([
  ['nothing', ''],
  ['half of it', '[{"Key":"app/a","Value":"c2Vj'],
  ['no end', '[{"Key":"app/a","Value":null,"ModifyIndex":1}'],
  ['more behind it', '[] []'],
  ['a comma too many', '[{"Key":"app/a","Value":null,"ModifyIndex":1},]'],
  ['no comma', '[{"Key":"app/a","Value":null,"ModifyIndex":1}{}]'],
  ['words', 'No cluster leader'],
  ['a field without a value', '[{"Key":}]'],
  ['a field without a name', '[{5:5}]'],
])('%s is not JSON', (_, text) => {
  expect(() => read(newHeld(), text)).toThrow(NotJson)
})

test.each<[string, string, string]>([
  ['an object', '{"a":1}', 'is not a list'],
  ['null', 'null', 'is not a list'],
  ['an entry that is null', '[null]', '[0] is not an object'],
  ['no key', '[{"Value":null,"ModifyIndex":1}]', '[0].Key is missing'],
  ['a key that is a number', '[{"Key":5,"Value":null,"ModifyIndex":1}]', '[0].Key is a number'],
  [
    'a value that is a number',
    '[{"Key":"app/a","Value":5,"ModifyIndex":1}]',
    '[0].Value is a number',
  ],
  ['an index that is a text', '[{"Key":"app/a","Value":null,"ModifyIndex":"1"}]', 'ModifyIndex is'],
  ['another key', '[{"Key":"web","Value":null,"ModifyIndex":1}]', 'does not begin with'],
  [
    'a key twice',
    '[{"Key":"app/a","Value":null,"ModifyIndex":1},{"Key":"app/a","Value":null,"ModifyIndex":1}]',
    '[1].Key appears twice',
  ],
])('%s is not a list of entries', (_, text, message) => {
  const known = newHeld()
  read(known, JSON.stringify([entry('app/a', 'x', 1)]))
  for (const held of [newHeld(), known]) {
    expect(() => read(held, text)).toThrow(Mismatch)
    expect(() => read(held, text)).toThrow(message)
  }
})

test('bytes that are not text are a fault', () => {
  const text = Buffer.from(JSON.stringify([entry('app/a', 'x', 1)]))
  text[text.indexOf('Value') + 9] = 0xff
  expect(() => read(newHeld(), text)).toThrow('not UTF-8')
})
