// The keys that a hold-down keeps must survive a restart.
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Gone } from '../../src/core/hold-down.ts'
import type { Key } from '../../src/core/key.ts'
import { HeldKeys } from '../../src/state/held-keys.ts'
import { tempDir } from '../support/process.ts'

const keysOf = (...keys: Key[]): ReadonlyMap<Key, Gone> =>
  new Map(keys.map((key, n) => [key, { value: `\udc80${n}`, since: 1000 + n }]))

test('the next run finds the last values, including bytes that are not UTF-8', async () => {
  const dir = tempDir('held')
  const held = new HeldKeys(dir, '/etc/confd', true)
  const sets = [keysOf('/a'), keysOf('/a', '/b'), keysOf('/c')].map((keys) => held.set(keys))
  expect((await Promise.all(sets)).every(({ ok }) => ok)).toBe(true)
  expect(await new HeldKeys(dir, '/etc/confd', true).all()).toEqual(keysOf('/c'))
  expect((await new HeldKeys(dir, '/etc/other', true).all()).size).toBe(0)
})

test('one that is set as soon as another is written is not lost', async () => {
  const dir = tempDir('held')
  const held = new HeldKeys(dir, '/etc/confd', true)
  for (let n = 0; n < 50; n++) {
    const later = held.set(keysOf('/a')).then(() => held.set(keysOf(`/${n}`)))
    await later
    expect([...(await held.all()).keys()]).toEqual([`/${n}`])
  }
})

test('without keys there is no file, and a damaged file counts as missing', async () => {
  const dir = tempDir('held')
  const held = new HeldKeys(dir, '/etc/confd', true)
  await held.set(keysOf('/a'))
  const [file = ''] = readdirSync(dir)
  await held.set(new Map())
  expect(existsSync(join(dir, file))).toBe(false)
  for (const text of ['{', '[]', '{"/a": 1}', '{"/a": {"value": 1, "since": 2}}']) {
    writeFileSync(join(dir, file), text)
    expect((await held.all()).size).toBe(0)
  }
})

test('a run with -noop writes nothing', async () => {
  const dir = tempDir('held')
  await new HeldKeys(dir, '/etc/confd', false).set(keysOf('/a'))
  expect(readdirSync(dir)).toEqual([])
})
