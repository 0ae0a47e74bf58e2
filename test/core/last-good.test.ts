// What a rollback goes back to, whatever overtakes whatever.
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

test('of contents that have not been proved since, the oldest is kept', () => {
  const one = afterReplacing(none, at('/a', file('one')))
  const two = afterReplacing(one, at('/a', file('two')))
  expect(afterReplacing(two, at('/a', file('three')))).toEqual(at('/a', file('one')))
})

test('each destination has an oldest of its own', () => {
  const one = afterReplacing(none, at('/a', file('a1')))
  const both = afterReplacing(one, new Map([...at('/a', file('a2')), ...at('/b', file('b1'))]))
  expect(both).toEqual(new Map([...at('/a', file('a1')), ...at('/b', file('b1'))]))
})

test('what was proved is what is replaced next: nothing older is known then', () => {
  // A reload that has succeeded leaves an empty map.
  expect(afterReplacing(none, at('/a', file('two')))).toEqual(at('/a', file('two')))
})

test('that there is nothing to go back to is as old as a file is', () => {
  const one = afterReplacing(none, at('/a', { kind: 'none' }))
  expect(afterReplacing(one, at('/a', file('bad')))).toEqual(at('/a', { kind: 'none' }))
})

test('a file comes back; one that for_each made is removed again', () => {
  const good = new Map([...at('/a', file('one')), ...at('/made', { kind: 'made' })])
  expect(restoredFiles(good)).toEqual(
    new Map<string, Observed>([
      ['/a', file('one') as Observed],
      ['/made', { kind: 'absent' }],
    ]),
  )
})

test('where nothing good stood there is nothing to go back to: the new file stays', () => {
  expect(restoredFiles(at('/a', { kind: 'none' }))).toEqual(new Map())
  expect(restoredFiles(none)).toEqual(new Map())
  const good = new Map([...at('/a', { kind: 'none' }), ...at('/b', file('b'))])
  expect([...restoredFiles(good).keys()]).toEqual(['/b'])
})
