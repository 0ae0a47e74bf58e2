// Syncs of folders: concurrent callers share one sync, which begins after their calls.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { syncFolder } from '../../src/system/sync-folder.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reconfd-sync-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

it('is shared by all callers during a running one', async () => {
  const order: string[] = []
  const first = syncFolder(folder).then(() => order.push('first'))
  const others = Array.from({ length: 100 }, () => syncFolder(folder))
  expect(new Set(others).size).toBe(1)
  await Promise.all([first, others[0]?.then(() => order.push('shared'))])
  expect(order).toEqual(['first', 'shared'])
  // A call during a running sync must get the next sync.
  const next = syncFolder(folder)
  expect(others).not.toContain(next)
  await next
})

it('begins another one after a failed one', async () => {
  rmSync(folder, { recursive: true })
  const both = await Promise.allSettled([syncFolder(folder), syncFolder(folder)])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})
