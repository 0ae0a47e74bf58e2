// If the state directory is removed during a run, reconfd must write everything that it knows into a new one.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import { noFolder, stateFolder, type StateFolder } from '../../src/state/folder.ts'
import { openJournal, type Journal } from '../../src/state/journal.ts'
import { openManifest, type Manifest } from '../../src/state/manifest.ts'
import { Records } from '../../src/state/records.ts'

const CONFDIR = '/etc/confd'
let dir: string
let state: string
let events: Event[]
beforeEach(() => {
  // The folder is on a disk rather than in memory, because a file system in memory never gives a new folder the inode
  // of a removed one.
  dir = mkdtempSync(join(tmpdir(), 'reconfd-folder-'))
  state = join(dir, 'lib/reconfd')
  events = []
})
afterEach(() => rmSync(dir, { recursive: true }))

interface Run {
  readonly journal: Journal
  readonly records: Records
  readonly manifest: Manifest
  readonly folder: StateFolder
}

/** Opens all parts of the state directory, as a run does. */
async function opened(): Promise<Run> {
  const found = await openJournal(state, CONFDIR)
  if (!found.ok) throw new Error(found.error.message)
  const { journal } = found.value
  const records = new Records(state, CONFDIR, true)
  const manifest = openManifest(state, CONFDIR)
  const emit = (event: Event): void => void events.push(event)
  return {
    journal,
    records,
    manifest,
    folder: stateFolder(state, journal, [records, manifest], emit),
  }
}

/** Returns a run with an entry in each part of the state directory. */
async function filled(): Promise<Run> {
  mkdirSync(state, { recursive: true })
  const run = await opened()
  const bytes = Buffer.from('site')
  await run.journal.owe([{ resource: 'a', since: 1, commands: ['reload'] }])
  await run.records.set('a', { placed: 'abc' })
  await run.manifest.will('a', [{ dest: '/sites/1', template: '/sites/{{ x }}', bytes }])
  await run.manifest.made('a', ['/sites/1'])
  expect(await found()).toEqual(all)
  return run
}

const all = { owed: ['a'], placed: 'abc', made: ['/sites/1'] }
const none = { owed: [], placed: undefined, made: [] }

/** Returns the state that a process starting now would read. */
async function found(): Promise<object> {
  const { journal, records, manifest } = await opened()
  const made = await manifest.of('a')
  if (!made.ok) throw new Error(made.error.message)
  const { placed } = await records.get('a')
  return { owed: [...journal.owed.keys()], placed, made: [...made.value.keys()] }
}

const message = (): string =>
  `the state directory ${state} was removed or emptied: recreated it from memory`

test('journal, records and manifest are rebuilt, which is logged once each time', async () => {
  const { folder, journal } = await filled()
  await folder.ensure()
  expect(events).toEqual([])
  for (let n = 1; n <= 3; n++) {
    rmSync(state, { recursive: true })
    expect(await found()).toEqual(none)
    await folder.ensure()
    await folder.ensure()
    expect(await found()).toEqual(all)
    expect(events).toEqual(Array(n).fill({ kind: 'notice', level: 'warn', message: message() }))
  }
  await journal.close()
})

test('the same when another folder has replaced it', async () => {
  const { folder, journal } = await filled()
  rmSync(state, { recursive: true })
  mkdirSync(state)
  await folder.ensure()
  expect([await found(), events.length]).toEqual([all, 1])
  await journal.close()
})

test('the same when one of them has recreated it first', async () => {
  const { folder, journal } = await filled()
  // On most file systems, the new folder often gets the inode of the old one.
  for (let n = 1; n <= 10; n++) {
    rmSync(state, { recursive: true })
    await journal.owe([{ resource: 'b', since: 2, commands: [] }])
    await folder.ensure()
    expect([await found(), events.length]).toEqual([{ ...all, owed: ['a', 'b'] }, n])
  }
  await journal.close()
})

test('rebuild() restores them when the folder was only emptied', async () => {
  const { folder, journal } = await filled()
  for (const name of readdirSync(state)) rmSync(join(state, name), { recursive: true })
  await folder.ensure()
  expect(await found()).toEqual(none)
  await folder.rebuild()
  expect([await found(), events.length]).toEqual([all, 1])
  await journal.close()
})

test('entries settled and removed in the meantime do not return', async () => {
  const { folder, journal, manifest } = await filled()
  await journal.settle(['a'])
  await manifest.gone('a', ['/sites/1'])
  rmSync(state, { recursive: true })
  await folder.ensure()
  expect(await found()).toEqual({ ...none, placed: 'abc' })
  await journal.close()
})

test('a folder that never existed is created with its first file', async () => {
  const { folder, journal, records } = await opened()
  await folder.ensure()
  expect([existsSync(state), events]).toEqual([false, []])
  await journal.owe([{ resource: 'a', since: 1, commands: ['reload'] }])
  await records.set('a', { placed: 'abc' })
  await folder.ensure()
  expect(events).toEqual([])
  rmSync(state, { recursive: true })
  await folder.ensure()
  expect([await found(), events.length]).toEqual([{ ...all, made: [] }, 1])
  await journal.close()
})

test('a folder that cannot be created is logged and stops nothing; it is created once that is possible', async () => {
  const { folder, journal } = await filled()
  rmSync(join(dir, 'lib'), { recursive: true })
  writeFileSync(join(dir, 'lib'), '')
  await folder.ensure()
  const failed = expect.stringMatching(/^cannot write the state file .*ENOTDIR/) as string
  expect(events[0]).toEqual({ kind: 'notice', level: 'warn', message: failed })
  rmSync(join(dir, 'lib'))
  await folder.ensure()
  expect(await found()).toEqual(all)
  await journal.close()
})

test('a run that writes no state creates no folder', async () => {
  await noFolder.ensure()
  expect(readdirSync(dir)).toEqual([])
})
