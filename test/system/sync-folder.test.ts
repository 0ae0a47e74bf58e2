// The syncs of folders: who asks at the same time shares one, and it begins after whoever shares it has asked.
import { open } from 'node:fs/promises'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { syncFolder } from '../../src/system/sync-folder.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reconfd-sync-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
  vi.restoreAllMocks()
})

/** The syncs that have begun, counted. */
async function counted() {
  const handle = await open(folder)
  const prototype = Object.getPrototypeOf(handle) as typeof handle
  await handle.close()
  return vi.spyOn(prototype, 'sync')
}

it('is one for all that ask while another is under way', async () => {
  const sync = await counted()
  const first = syncFolder(folder)
  const others = Array.from({ length: 100 }, () => syncFolder(folder))
  await first
  // Those who share the next one asked before it begins.
  expect(sync).toHaveBeenCalledTimes(1)
  await Promise.all(others)
  expect(sync).toHaveBeenCalledTimes(2)
  await syncFolder(folder)
  expect(sync).toHaveBeenCalledTimes(3)
})

it('begins a further one although the one before failed', async () => {
  rmSync(folder, { recursive: true })
  const both = await Promise.allSettled([syncFolder(folder), syncFolder(folder)])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})
