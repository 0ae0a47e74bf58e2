// What a rollback goes back to, whatever overtakes whatever.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Observed } from '../../src/core/plan.ts'
import { LastGood } from '../../src/state/last-good.ts'
import { Records } from '../../src/state/records.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reconfd-good-'))
})
afterEach(() => rm(dir, { recursive: true }))

const opened = (): LastGood => new LastGood(new Records(dir, '/etc/confd', true))
const file = (text: string): Observed => ({
  kind: 'file',
  bytes: Buffer.from(text),
  mode: 0o640,
  uid: 1,
  gid: 2,
})
const replaced = (text: string): ReadonlyMap<string, Observed> => new Map([['/a', file(text)]])

test('the oldest that has not been proved away is kept, over a restart too', async () => {
  const good = opened()
  await good.replacing('r', replaced('one'))
  await good.replacing('r', replaced('two'))
  expect(await good.of('r')).toEqual(replaced('one'))
  expect(await opened().of('r')).toEqual(replaced('one'))
  expect(await opened().of('other')).toEqual(new Map())
})

test('a reload that succeeds proves what was in place when it began', async () => {
  const good = opened()
  await good.replacing('r', replaced('one'))
  good.reloading('r')
  await good.replacing('r', replaced('two'))
  await good.replacing('r', replaced('three'))
  await good.proved('r')
  expect(await good.of('r')).toEqual(replaced('two'))
  good.reloading('r')
  await good.proved('r')
  expect(await opened().of('r')).toEqual(new Map())
})

test('a file that was not there is gone again', async () => {
  const good = opened()
  await good.replacing('r', new Map([['/a', { kind: 'absent' }]]))
  expect(await opened().of('r')).toEqual(new Map([['/a', { kind: 'absent' }]]))
})
