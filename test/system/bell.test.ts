// The bell rings for changes that no file event reports.
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Bell } from '../../src/system/bell.ts'

let folder: string
let abort: AbortController
let bell: Bell
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reconfd-bell-'))
  abort = new AbortController()
  bell = new Bell(abort.signal)
})
afterEach(async () => {
  abort.abort()
  await bell.close()
  await rm(folder, { recursive: true, force: true })
})

const places = (...path: string[]): Map<string, Set<string>> =>
  new Map([[join(folder, ...path), new Set(['keys.yaml'])]])

test('a folder that is missing at the moment it is to be watched, and then appears', async () => {
  expect(await bell.watch(places('d'))).toBe(false)
  await mkdir(join(folder, 'd'))
  await bell.rung(0, 0)
  expect(await bell.watch(places('d'))).toBe(true)
})

test('a watched folder that is replaced while it is missing from its path', async () => {
  await mkdir(join(folder, 'd'))
  expect(await bell.watch(places('d'))).toBe(true)
  await rename(join(folder, 'd'), join(folder, 'old'))
  // The old folder is no longer watched, and the new one does not exist yet.
  expect(await bell.watch(places('d'))).toBe(false)
  await mkdir(join(folder, 'd'))
  await bell.rung(0, 0)
  expect(await bell.watch(places('d'))).toBe(true)
})

test('a folder above the watched one that is replaced', async () => {
  await mkdir(join(folder, 'above/d'), { recursive: true })
  expect(await bell.watch(places('above', 'd'))).toBe(true)
  await mkdir(join(folder, 'new/d'), { recursive: true })
  await rename(join(folder, 'above'), join(folder, 'old'))
  await rename(join(folder, 'new'), join(folder, 'above'))
  await bell.rung(0, 0)
  expect(await bell.watch(places('above', 'd'))).toBe(true)
})
