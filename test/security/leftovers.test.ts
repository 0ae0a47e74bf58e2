// Leftovers of a killed process: staged files, state files and private folders. The next start must remove these
// leftovers, but nothing that another process is using.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sweepStaged } from '../../src/apply/sweep.ts'
import { sweepState } from '../../src/state/state-files.ts'
import { privateFolder, sweepPrivateFolders, temporaryName } from '../../src/system/temporary.ts'
import { withSite } from '../e2e/support.ts'
import { removeDir, tempDir } from '../support/process.ts'

const TMPDIR = process.env.TMPDIR
let dir: string
beforeEach(() => {
  dir = tempDir('leftovers')
  mkdirSync(join(dir, 'tmp'))
  process.env.TMPDIR = join(dir, 'tmp')
})
afterEach(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
  removeDir(dir)
})

/** Returns the start time of a process, as it appears in the names of its files. */
const startOf = (pid: number): string =>
  readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19] ?? ''
const gone = spawnSync('true').pid

const put = (path: string): string => {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, 'secret')
  return path
}

describe('a name', () => {
  test('identifies the process that made it by pid and start time', () => {
    expect(temporaryName('a.conf')).toMatch(
      new RegExp(`^\\.a\\.conf\\.reconfd-${process.pid}-${startOf(process.pid)}-\\d+$`),
    )
  })

  test.each(['x'.repeat(255), 'é'.repeat(127)])('is never too long', (base) => {
    expect(Buffer.byteLength(temporaryName(base))).toBeLessThanOrEqual(255)
  })
})

describe('staged files', () => {
  test('of dead processes are removed, even if the pid is in use again', () => {
    const long = 'L'.repeat(250)
    const suffix = `.reconfd-${gone}-1-1`
    const left = [
      put(join(dir, `.a.conf${suffix}`)),
      put(join(dir, `.a.conf.bak${suffix}`)),
      put(join(dir, `.${long.slice(0, 254 - suffix.length)}${suffix}`)),
      // Files whose names contain the pids of this process and of its parent, but other start times.
      put(join(dir, `.a.conf.reconfd-${process.pid}-1-1`)),
      put(join(dir, `.a.conf.reconfd-${process.ppid}-1-1`)),
    ]
    const kept = [
      put(join(dir, `.a.conf.reconfd-${process.ppid}-${startOf(process.ppid)}-1`)),
      put(join(dir, temporaryName('a.conf'))),
      put(join(dir, `.b.conf${suffix}`)),
      put(join(dir, '.a.conf.reconfd-staged')),
      put(join(dir, `a.conf${suffix}`)),
    ]
    const specs = [{ dest: join(dir, 'a.conf'), backup: true }, { dest: join(dir, long) }]
    expect([...sweepStaged(specs, [])].sort()).toEqual(left.sort())
    for (const path of left) expect(existsSync(path)).toBe(false)
    for (const path of kept) expect(existsSync(path)).toBe(true)
  })

  test('of for_each are removed in its folder, in folders below it, and wherever files were created', () => {
    const name = `.any.conf.reconfd-${gone}-1-1`
    const left = ['sites', 'sites/team/a', 'former'].map((folder) => put(join(dir, folder, name)))
    put(join(dir, 'other', name))
    const dest = `${join(dir, 'sites')}/{{ base(item.key) }}.conf`
    const removed = sweepStaged([{ dest, forEach: '/v/*' }], [join(dir, 'former/x.conf')])
    expect([...removed].sort()).toEqual(left.sort())
  })
})

test('files of the state directory are removed, and locks only when they are old', () => {
  const hour = new Date(Date.now() - 3_600_000)
  const left = [
    put(join(dir, `state/.status-x.json.reconfd-${gone}-1-1`)),
    put(join(dir, `state/resources-x/.y.json.reconfd-${gone}-1-1`)),
    put(join(dir, 'state/owed-x.jsonl.new')),
    put(join(dir, 'state/c-a1B2c3/s')).slice(0, -2),
  ]
  for (const path of left) utimesSync(path, hour, hour)
  const kept = [
    put(join(dir, `state/${temporaryName('status-x.json')}`)),
    put(join(dir, 'state/owed-y.jsonl.new')),
    put(join(dir, 'state/c-d4E5f6/s')),
    put(join(dir, 'state/status-x.json')),
  ]
  expect([...sweepState(join(dir, 'state'))].sort()).toEqual(left.sort())
  for (const path of kept) expect(existsSync(path)).toBe(true)
})

test('only our own private folders are removed, and no link is followed', () => {
  const own = privateFolder()
  put(join(own.path, 'x'))
  const random = '0123456789abcdef'
  const left = `reconfd-${gone}-1-${random}`
  put(join(dir, 'tmp', left, 'deep/er/x'))
  put(join(dir, 'tmp', `reconfd-${process.ppid}-${startOf(process.ppid)}-${random}/x`))
  put(join(dir, 'tmp', `reconfd-${gone}-1-short/x`))
  sweepPrivateFolders()
  const there = readdirSync(join(dir, 'tmp'))
  expect(there).toHaveLength(3)
  expect(there).not.toContain(left)
  own.remove()
  expect(existsSync(own.path)).toBe(false)
})

test('after kills in the middle of checks, the next start removes all leftovers', async () => {
  await withSite(
    [],
    async (site) => {
      const keys = join(site.root, 'keys.json')
      writeFileSync(keys, JSON.stringify({ v: { a: 'secret', b: 'secret' } }))
      const go = site.path('go')
      const check = { check_cmd: `while ! test -e ${go}; do sleep 0.02; done` }
      for (const name of ['plain', 'L'.repeat(240)]) {
        site.template(name, '{{ getv("/v/a") }}')
        site.resource(name, { ...check, backup: true })
      }
      site.template('each', '{{ getv(item.key) }}')
      const dest = `${site.path('sites')}/{{ base(item.key) }}/app.conf`
      site.resource('each', { ...check, dest, for_each: '/v/*', mkdirs: true })
      const state = join(site.root, 'state')
      mkdirSync(state)
      const left = (...folders: string[]): string[] =>
        folders.flatMap((folder) =>
          readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
            basename(name).includes('reconfd-'),
          ),
        )
      const [out, tmp] = [site.path(''), join(dir, 'tmp')]
      const kill = async (where: string, count: number, ...flags: string[]): Promise<void> => {
        const run = site.start(...flags, '-file', keys)
        await run.until('the checks run', () => left(where).length >= count)
        run.signal('SIGKILL')
        await run.finished
      }
      // The daemon leaves two plain files and two files of for_each. The dry run leaves a folder with one file for each
      // of the three resources.
      await kill(out, 4, '-watch')
      await kill(tmp, 6, '-onetime', '-noop', '-diff')
      expect([left(out).length, left(tmp).length]).toEqual([4, 6])
      writeFileSync(go, '')
      expect(await site.start('-onetime', '-file', keys).finished).toMatchObject({ code: 0 })
      expect(left(out, state, tmp)).toEqual([])
    },
    { TMPDIR: join(dir, 'tmp') },
  )
})
