// Files and folders that are watched, also when a folder is another one all of a sudden.
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'vitest'
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

/** An edit is seen from some time on, in a folder of the folder too. */
async function editIsSeen(file: string): Promise<void> {
  seen.clear()
  const edit = (): boolean => {
    writeFileSync(file, 'edited')
    return seen.has(file)
  }
  // Not so often that it never settles.
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
])('a folder that is %s is watched anew', async (_, replace) => {
  const confdir = release('confd')
  await watch(join(confdir, 'conf.d'))
  replace(confdir)
  await sees(join(confdir, 'conf.d'))
  await editIsSeen(inside(confdir))
})

test('a link above the folder that is swapped is followed', async () => {
  const current = join(root, 'current')
  symlinkSync(release('one'), current)
  await watch(join(current, 'conf.d'))
  symlinkSync(release('two'), `${current}.new`)
  renameSync(`${current}.new`, current)
  await sees(join(current, 'conf.d'))
  await editIsSeen(inside(current))
})
