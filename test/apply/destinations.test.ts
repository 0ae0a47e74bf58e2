// Destinations as they are in the field: links, mounts, directories, rights, full disks. Each is one
// clear fault or done right, and the old file is whole.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { observe } from '../../src/apply/observe.ts'
import { applyNow, asNobody, change, isRoot, mounted } from './support.ts'

let dir: string
let dest: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reconfd-dest-'))
  dest = join(dir, 'app.cfg')
})
afterEach(() => {
  rmSync(dir, { recursive: true })
})

const hidden = (where = dir): string[] => readdirSync(where).filter((name) => name.startsWith('.'))

describe('a new file', () => {
  it('gets 0644 and the effective user, whatever the umask', async () => {
    const umask = process.umask(0o077)
    try {
      expect((await applyNow([await change(dest, 'new\n')])).ok).toBe(true)
    } finally {
      process.umask(umask)
    }
    expect(readFileSync(dest, 'utf8')).toBe('new\n')
    expect(statSync(dest)).toMatchObject({ uid: process.geteuid?.(), gid: process.getegid?.() })
    expect(statSync(dest).mode & 0o7777).toBe(0o644)
    expect(hidden()).toEqual([])
  })

  it('in a directory that is not there: says which to make', async () => {
    const applied = await applyNow([await change(join(dir, 'no/app.cfg'), 'new')])
    expect(applied).toMatchObject({
      ok: false,
      at: 'stage',
      fault: {
        kind: 'io',
        message: `cannot write ${dir}/no/app.cfg: no such file or directory (ENOENT)`,
        hint: `The directory ${dir}/no has to be there: mkdir -p ${dir}/no, or mkdirs = true`,
      },
    })
  })

  it('may have a name as long as names can be', async () => {
    const long = join(dir, 'x'.repeat(255))
    expect((await applyNow([await change(long, 'new')])).ok).toBe(true)
    expect(readFileSync(long, 'utf8')).toBe('new')
  })
})

describe('an existing file', () => {
  it('keeps its mode', async () => {
    writeFileSync(dest, 'old')
    chmodSync(dest, 0o640)
    expect((await applyNow([await change(dest, 'new')])).ok).toBe(true)
    expect(statSync(dest).mode & 0o7777).toBe(0o640)
  })

  it.runIf(isRoot)('keeps its owner (needs root)', async () => {
    writeFileSync(dest, 'old')
    chownSync(dest, 1234, 2345)
    expect((await applyNow([await change(dest, 'new')])).ok).toBe(true)
    expect(statSync(dest)).toMatchObject({ uid: 1234, gid: 2345 })
  })

  it('with the right content but another mode is set right in place', async () => {
    writeFileSync(dest, 'same')
    chmodSync(dest, 0o600)
    const { ino } = statSync(dest)
    const metadata = await change(dest, 'same', { mode: 0o640 })
    expect(metadata.plan.why).toBe('metadata')
    expect((await applyNow([metadata])).ok).toBe(true)
    expect(statSync(dest).mode & 0o7777).toBe(0o640)
    expect(statSync(dest).ino).toBe(ino)
  })

  it.runIf(isRoot)(
    'of another user, without root: says that the owner cannot be set (needs root to try)',
    async () => {
      writeFileSync(dest, 'old')
      chownSync(dir, 65534, 65534)
      const applied = await asNobody(async () => applyNow([await change(dest, 'new')]))
      expect(applied).toMatchObject({
        at: 'stage',
        fault: {
          message: `cannot give ${dest} to user 0 and group 0: operation not permitted (EPERM)`,
          hint: expect.stringContaining('as root') as string,
        },
      })
      expect(readFileSync(dest, 'utf8')).toBe('old')
      expect(hidden()).toEqual([])
    },
  )

  it.runIf(isRoot)(
    'in a directory that is not ours: says which right is missing (needs root to try)',
    async () => {
      chmodSync(dir, 0o755)
      writeFileSync(dest, 'old')
      const applied = await asNobody(async () => applyNow([await change(dest, 'new')]))
      expect(applied).toMatchObject({
        at: 'stage',
        fault: {
          message: `cannot write ${dest}: permission denied (EACCES)`,
          hint: `The new file is made in ${dir} and renamed: the user that runs reconfd needs the right to write there.`,
        },
      })
      expect(readFileSync(dest, 'utf8')).toBe('old')
    },
  )

  it.runIf(isRoot)(
    'that we may not read is unreadable, not absent (needs root to try)',
    async () => {
      writeFileSync(dest, 'old', { mode: 0o600 })
      chmodSync(dir, 0o755)
      expect(await asNobody(() => observe(dest))).toMatchObject({
        kind: 'unreadable',
        fault: { message: `cannot read the destination ${dest}: permission denied (EACCES)` },
      })
    },
  )
})

describe('a symbolic link', () => {
  it('stays, and what it leads to is replaced', async () => {
    mkdirSync(join(dir, 'real'))
    writeFileSync(join(dir, 'real/app.cfg'), 'old')
    symlinkSync('real/app.cfg', dest)
    expect((await applyNow([await change(dest, 'new')])).ok).toBe(true)
    expect(readlinkSync(dest)).toBe('real/app.cfg')
    expect(lstatSync(join(dir, 'real/app.cfg')).isFile()).toBe(true)
    expect(readFileSync(join(dir, 'real/app.cfg'), 'utf8')).toBe('new')
    expect([...hidden(), ...hidden(join(dir, 'real'))]).toEqual([])
  })

  it('to a link in a linked directory is followed as the system follows it', async () => {
    mkdirSync(join(dir, 'a/b'), { recursive: true })
    symlinkSync('a/b', join(dir, 'short'))
    symlinkSync('../target', join(dir, 'a/b/link'))
    expect((await applyNow([await change(join(dir, 'short/link'), 'new')])).ok).toBe(true)
    expect(readFileSync(join(dir, 'a/target'), 'utf8')).toBe('new')
  })

  it('that dangles: what it leads to is made', async () => {
    symlinkSync('later.cfg', dest)
    expect((await applyNow([await change(dest, 'new')])).ok).toBe(true)
    expect(readlinkSync(dest)).toBe('later.cfg')
    expect(readFileSync(join(dir, 'later.cfg'), 'utf8')).toBe('new')
  })

  it('that dangles into a missing directory: says which to make', async () => {
    symlinkSync('gone/app.cfg', dest)
    const applied = await applyNow([await change(dest, 'new')])
    expect(applied).toMatchObject({
      fault: {
        hint: `The directory ${dir}/gone has to be there: mkdir -p ${dir}/gone, or mkdirs = true`,
      },
    })
  })

  it('in a circle is unreadable', async () => {
    symlinkSync('app.cfg', dest)
    expect(await observe(dest)).toMatchObject({
      kind: 'unreadable',
      fault: { message: expect.stringContaining('links go round in a circle (ELOOP)') as string },
    })
  })
})

describe('in the way', () => {
  it('a directory is told as such', async () => {
    mkdirSync(dest)
    expect(await observe(dest)).toMatchObject({
      kind: 'unreadable',
      fault: {
        message: `the destination ${dest} is a directory, not a file`,
        hint: 'Remove it, or set `dest` to the path of a file in it.',
      },
    })
  })

  it('a directory that appears after the plan was made is told as such, and nothing is left', async () => {
    const late = await change(dest, 'new')
    mkdirSync(dest)
    expect(await applyNow([late])).toMatchObject({
      ok: false,
      at: 'swap',
      fault: { message: `cannot replace ${dest}: it is a directory (EISDIR)` },
    })
    expect(hidden()).toEqual([])
  })

  it('a named pipe is told as such, without waiting for its other end', async () => {
    execFileSync('mkfifo', [dest])
    expect(await observe(dest)).toMatchObject({
      kind: 'unreadable',
      fault: { message: `the destination ${dest} is a device, a socket or a pipe, not a file` },
    })
  })

  it('a file where a directory should be is told as such', async () => {
    writeFileSync(dest, '')
    expect(await observe(join(dest, 'x'))).toMatchObject({
      kind: 'unreadable',
      fault: { message: expect.stringContaining('not a directory (ENOTDIR)') as string },
    })
  })
})

describe.runIf(isRoot)('mounts (need root)', () => {
  it('a full disk: the old file is whole and nothing is left', async () => {
    await mounted(['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir], dir, async () => {
      writeFileSync(dest, 'old')
      expect(await applyNow([await change(dest, 'n'.repeat(100_000))])).toMatchObject({
        at: 'stage',
        fault: {
          message: `cannot write ${dest}: no space left on the device (ENOSPC)`,
          hint: 'Free some space.',
        },
      })
      expect(readFileSync(dest, 'utf8')).toBe('old')
      expect(hidden()).toEqual([])
    })
  })

  it('a read-only file system is told as such', async () => {
    writeFileSync(dest, 'old')
    await mounted(['--bind', dir, dir], dir, async () => {
      execFileSync('mount', ['-o', 'remount,ro,bind', dir])
      expect(await applyNow([await change(dest, 'new')])).toMatchObject({
        at: 'stage',
        fault: { message: `cannot write ${dest}: the file system is read-only (EROFS)` },
      })
    })
    expect(readFileSync(dest, 'utf8')).toBe('old')
  })

  it('a bind-mounted file is written in place, longer or shorter, with its mode', async () => {
    const source = join(dir, 'source')
    writeFileSync(source, 'the old content')
    writeFileSync(dest, '')
    await mounted(['--bind', source, dest], dest, async () => {
      expect((await applyNow([await change(dest, 'a content that is longer')])).ok).toBe(true)
      expect(readFileSync(source, 'utf8')).toBe('a content that is longer')
      expect((await applyNow([await change(dest, 'short', { mode: 0o600 })])).ok).toBe(true)
      expect(readFileSync(source, 'utf8')).toBe('short')
      expect(statSync(source).mode & 0o7777).toBe(0o600)
      expect(hidden()).toEqual([])
    })
  })

  it('a bind-mounted file on a disk that fills up gets its old content back', async () => {
    const small = join(dir, 'small')
    mkdirSync(small)
    writeFileSync(dest, '')
    await mounted(['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small], small, async () => {
      const source = join(small, 'source')
      writeFileSync(source, 'the old content')
      await mounted(['--bind', source, dest], dest, async () => {
        expect(await applyNow([await change(dest, 'n'.repeat(100_000))])).toMatchObject({
          at: 'swap',
          fault: {
            message: `cannot write into ${dest} (it is a mount point and cannot be replaced); the old content was put back: no space left on the device (ENOSPC)`,
          },
        })
        expect(readFileSync(dest, 'utf8')).toBe('the old content')
      })
    })
    expect(existsSync(dest)).toBe(true)
    expect(hidden()).toEqual([])
  })
})
