// Watching files and folders, including a folder that is replaced.
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { watchFiles, type FileWatch } from '../../src/system/watch-files.ts'
import { removeDir, tempDir, until } from '../support/servers.ts'

let root: string
let watched: FileWatch | undefined
const seen = new Set<string>()
const sees = (path: string): Promise<boolean> => until(`${path} is seen`, () => seen.has(path))

beforeEach(() => {
  root = tempDir('files')
  seen.clear()
})
afterEach(async () => {
  await watched?.close()
  removeDir(root)
})

function release(name: string): string {
  const folder = join(root, name)
  mkdirSync(join(folder, 'conf.d/more'), { recursive: true })
  writeFileSync(join(folder, 'conf.d/more/a.toml'), name)
  return folder
}
async function watch(folder: string): Promise<void> {
  watched = await watchFiles([folder], (paths) => {
    for (const path of paths) seen.add(path)
  })
}

/** Waits until edits of the file are seen. */
async function editIsSeen(file: string): Promise<void> {
  seen.clear()
  const edit = (): boolean => {
    writeFileSync(file, 'edited')
    return seen.has(file)
  }
  // Two edits are 300 ms apart, so that the watcher can settle in between.
  await until(`an edit of ${file} is seen`, edit, { every: 300 })
}
const inside = (confdir: string): string => join(confdir, 'conf.d/more/a.toml')

test('an edited file is seen, also one that was added later', async () => {
  const confdir = release('confd')
  await watch(join(confdir, 'conf.d'))
  await editIsSeen(inside(confdir))
  const other = join(root, 'other')
  writeFileSync(other, '')
  watched?.add([other])
  await editIsSeen(other)
})

test.each([
  [
    'removed and made again',
    (confdir: string) => {
      rmSync(confdir, { recursive: true })
      release('confd')
    },
  ],
  [
    'replaced by a rename of the folder above it',
    (confdir: string) => {
      const next = release('next')
      renameSync(confdir, join(root, 'old'))
      renameSync(next, confdir)
    },
  ],
])('a folder that is %s is watched again', async (_, replace) => {
  const confdir = release('confd')
  await watch(join(confdir, 'conf.d'))
  replace(confdir)
  await sees(inside(confdir))
  await editIsSeen(inside(confdir))
})

/** Points a link to another target in one step; the previous target stays unchanged. */
function point(link: string, to: string): void {
  symlinkSync(to, `${link}.new`)
  renameSync(`${link}.new`, link)
}

test.each([
  ['above the folder', (current: string) => join(current, 'conf.d'), 'more/a.toml'],
  [
    'in the middle of the way to a file',
    (current: string) => {
      mkdirSync(join(root, 'confd'))
      symlinkSync(join(current, 'conf.d/more/a.toml'), join(root, 'confd/b.toml'))
      return join(root, 'confd')
    },
    'b.toml',
  ],
  [
    'to a folder in the folder',
    (current: string) => {
      mkdirSync(join(root, 'confd'))
      symlinkSync(join(current, 'conf.d'), join(root, 'confd/linked'))
      return join(root, 'confd')
    },
    'linked/more/a.toml',
  ],
])('a link %s that is swapped is followed, however often', async (_, folderOf, name) => {
  const current = join(root, 'current')
  symlinkSync(release('one'), current)
  const folder = folderOf(current)
  await watch(folder)
  for (const next of ['two', 'three']) {
    seen.clear()
    point(current, release(next))
    await sees(join(folder, name))
  }
  await editIsSeen(join(folder, name))
})

test('cyclic and dangling links do no harm', async () => {
  const confdir = release('confd')
  symlinkSync(confdir, join(confdir, 'conf.d/up'))
  symlinkSync('b', join(confdir, 'conf.d/a'))
  symlinkSync('a', join(confdir, 'conf.d/b'))
  symlinkSync('/nonexistent/x', join(confdir, 'conf.d/gone'))
  await watch(join(confdir, 'conf.d'))
  await editIsSeen(inside(confdir))
})

test('a file and a folder that do not exist yet are seen when they are created', async () => {
  const folder = join(root, 'later/conf.d')
  await watch(folder)
  watched?.add([join(root, 'other/part')])
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'a.toml'), '')
  await sees(join(folder, 'a.toml'))
  mkdirSync(join(root, 'other'))
  writeFileSync(join(root, 'other/part'), '')
  await sees(join(root, 'other/part'))
})

test('an edit is reported once, and the temporary files of the editor are not', async () => {
  const confdir = release('confd')
  const told: (readonly string[])[] = []
  watched = await watchFiles([join(confdir, 'conf.d')], (paths) => told.push([...paths]))
  const file = inside(confdir)
  writeFileSync(`${file}.4913`, '')
  rmSync(`${file}.4913`)
  renameSync(file, `${file}~`)
  writeFileSync(file, 'edited')
  rmSync(`${file}~`)
  await until('it is reported', () => told.length > 0)
  expect(told).toEqual([[file]])
})
