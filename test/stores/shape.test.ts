// The descriptions of valid answers: what they accept, and their messages about invalid answers.
import { expect, test } from 'vitest'
import {
  anything,
  base64,
  bytesOf,
  count,
  digits,
  expectText,
  bool,
  listOf,
  objectOf,
  Mismatch,
  nullable,
  optional,
  orNull,
  record,
  text,
  textLike,
  type Shape,
} from '../../src/stores/shape.ts'

const shape = record({
  name: text,
  size: optional(count),
  on: optional(bool),
  tags: nullable(listOf(text)),
  meta: optional(objectOf(text)),
  kvs: optional(listOf(record({ key: base64, mod: optional(digits) }))),
  none: optional(orNull(text)),
  rest: anything,
})

test('matching values are returned unchanged, with their other fields', () => {
  const value = {
    name: 'a',
    size: 0,
    tags: null,
    meta: { x: 'y' },
    kvs: [{ key: 'YQ==' }],
    more: 5,
  }
  expect(shape(value)).toBe(value)
})

test.each<[unknown, string]>([
  [null, 'it is null, not an object'],
  [[], 'it is a list, not an object'],
  ['x', 'it is a string, not an object'],
  [{}, 'name is missing'],
  [{ name: 5 }, 'name is a number, not a string'],
  [{ name: 'a', size: -1 }, 'size is not a non-negative integer'],
  [{ name: 'a', size: 1.5 }, 'size is not a non-negative integer'],
  [{ name: 'a', size: 1e300 }, 'size is not a non-negative integer'],
  [{ name: 'a', size: '1' }, 'size is a string, not a number'],
  [{ name: 'a', on: 1 }, 'on is a number, not a boolean'],
  [{ name: 'a', tags: ['x', null] }, 'tags[1] is null, not a string'],
  [{ name: 'a', tags: {} }, 'tags is an object, not a list'],
  [{ name: 'a', meta: { x: true } }, 'meta.x is a boolean, not a string'],
  [{ name: 'a', meta: { 'a b\n': 1 } }, 'meta["a b\\n"] is a number, not a string'],
  [{ name: 'a', kvs: [{ key: 'YQ==' }, { key: 'YQ' }] }, 'kvs[1].key is not base64'],
  [
    { name: 'a', kvs: [{ key: 'YQ==', mod: 5 }] },
    'kvs[0].mod is a number, not a number in a string',
  ],
  [{ name: 'a', kvs: [{ key: 'YQ==', mod: '-5' }] }, 'kvs[0].mod is not a non-negative integer'],
  [{ name: 'a', none: 5 }, 'none is a number, not a string'],
])('%j: %s', (value, message) => {
  expect(() => shape(value)).toThrow(Mismatch)
  expect(() => shape(value)).toThrow(new RegExp(`^${message.replace(/[[\]\\]/g, '\\$&')}$`))
})

test('no value is repeated, however it is wrong', () => {
  const shapes: Shape<unknown>[] = [
    count,
    bool,
    digits,
    base64,
    textLike(/^x$/, 'x'),
    expectText('OK'),
  ]
  for (const one of shapes) {
    for (const value of ['sesame', ['sesame'], { sesame: 'sesame' }]) {
      expect(() => {
        one(value)
        bytesOf('sesame!!')
      }).toThrow(/^it is ((?!sesame).)*$/)
    }
  }
})

test.each(['YQ==', 'YWI=', 'YWJj', ''])('%j is base64', (value) => {
  expect(bytesOf(base64(value)).toString()).toBe(
    'abc'.slice(0, (value.replace(/=/g, '').length * 3) >> 2),
  )
})

test.each(['Y', 'YQ', 'YQ=', '****', 'Y W=', 'YW==YW=='])('%j is not', (value) => {
  expect(() => bytesOf(base64(value))).toThrow('is not base64')
})
