// Debts after the loss of the journal, derived from the files in place, the last status and the records.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hashOf } from '../../src/apply/hash.ts'
import type { FullStatus } from '../../src/core/status.ts'
import { realMachine } from '../../src/engine/machine.ts'
import { derivedDebts } from '../../src/engine/recovery.ts'
import { Records } from '../../src/state/records.ts'
import { removeDir, tempDir } from '../support/process.ts'
import { resourceOf, TestClock } from './support.ts'

let dir: string
let dest: string
let memory: Records
beforeEach(() => {
  dir = tempDir('recovery')
  dest = join(dir, 'app.conf')
  memory = new Records(dir, '/etc/confd', true)
  writeFileSync(dest, 'in place')
})
afterEach(() => removeDir(dir))

/** Returns a status with these hashes for the resource `a`; with undefined, a status without the resource. */
const status = (hashes: Record<string, string> | undefined, more: object = {}): FullStatus =>
  ({
    resources: hashes === undefined ? [] : [{ name: 'a', state: 'in sync', hashes, ...more }],
  }) as unknown as FullStatus

async function derived(last: FullStatus | undefined, isDamaged: boolean): Promise<number> {
  const a = resourceOf('a', { reloadCmd: 'reload', dest })
  const debts = await derivedDebts([a], last, isDamaged, {
    machine: realMachine,
    memory,
    clock: new TestClock(),
  })
  return debts.length
}

const applied = (text: string): Record<string, string> => ({ [dest]: hashOf(Buffer.from(text)) })

test.each([false, true])('damaged %s: a debt in the status is owed', async (isDamaged) => {
  const owed = { owedSince: '2026-11-21T17:01:15.000Z' }
  expect(await derived(status(applied('in place'), owed), isDamaged)).toBe(1)
})

test.each([false, true])('damaged %s: unknown content is owed', async (isDamaged) => {
  expect(await derived(status(applied('in place')), isDamaged)).toBe(0)
  // The status file is written at most once a second, so the content in place may be newer.
  expect(await derived(status(applied('former')), isDamaged)).toBe(1)
})

test('without a status, a record shows that an earlier run has applied the resource', async () => {
  expect(await derived(undefined, false)).toBe(0)
  await memory.set('a', { supplies: new Map() })
  expect(await derived(undefined, false)).toBe(1)
  expect(await derived(status(undefined), false)).toBe(1)
  expect(await derived(status(applied('in place')), false)).toBe(0)
})

test('a first start owes nothing: an existing file is not reloaded', async () => {
  expect(await derived(undefined, false)).toBe(0)
  expect(await derived(status({}), false)).toBe(0)
})
