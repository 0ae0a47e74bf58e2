// The files that a rollback restores, after any order of replacements and proofs.
import { expect, test } from 'vitest'
import type { Observed } from '../../src/core/plan.ts'
import {
  afterReplacing,
  restoredFiles,
  type Former,
  type FormerFiles,
} from '../../src/core/last-good.ts'

const file = (text: string): Former => ({
  kind: 'file',
  bytes: Buffer.from(text),
  mode: 0o640,
  uid: 1,
  gid: 2,
})
const at = (dest: string, former: Former): FormerFiles => new Map([[dest, former]])
const none: FormerFiles = new Map()

test('of several contents replaced without a proof, the oldest is kept', () => {
  const one = afterReplacing(none, at('/a', file('one')))
  const two = afterReplacing(one, at('/a', file('two')))
  expect(afterReplacing(two, at('/a', file('three')))).toEqual(at('/a', file('one')))
})

test('each destination has an oldest of its own', () => {
  const one = afterReplacing(none, at('/a', file('a1')))
  const both = afterReplacing(one, new Map([...at('/a', file('a2')), ...at('/b', file('b1'))]))
  expect(both).toEqual(new Map([...at('/a', file('a1')), ...at('/b', file('b1'))]))
})

test('after a proof, the content that is replaced next is the proved one', () => {
  // `none` is the map after a successful reload, which empties the map.
  expect(afterReplacing(none, at('/a', file('two')))).toEqual(at('/a', file('two')))
})

test('an absent file is kept as the oldest content, too', () => {
  const one = afterReplacing(none, at('/a', { kind: 'none' }))
  expect(afterReplacing(one, at('/a', file('bad')))).toEqual(at('/a', { kind: 'none' }))
})

test('a file is restored; one that for_each created is removed', () => {
  const good = new Map([...at('/a', file('one')), ...at('/made', { kind: 'made' })])
  expect(restoredFiles(good)).toEqual(
    new Map<string, Observed>([
      ['/a', file('one') as Observed],
      ['/made', { kind: 'absent' }],
    ]),
  )
})

test('without a proved content there is nothing to restore: the new file stays', () => {
  expect(restoredFiles(at('/a', { kind: 'none' }))).toEqual(new Map())
  expect(restoredFiles(none)).toEqual(new Map())
  const good = new Map([...at('/a', { kind: 'none' }), ...at('/b', file('b'))])
  expect([...restoredFiles(good).keys()]).toEqual(['/b'])
})
