// Unusual destinations: links, mounts, folders, missing permissions, full disks. reconfd must either handle a
// destination correctly or refuse it with one clear fault and leave the old file intact.
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
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { observe } from '../../src/apply/observe.ts'
import { applyNow, asNobody, canBeNobody, change, hiddenIn, isRoot, mounted } from './support.ts'

let dir: string
let dest: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reconfd-dest-'))
  dest = join(dir, 'app.cfg')
})
afterEach(() => {
  rmSync(dir, { recursive: true })
})

const hidden = (where = dir): string[] => hiddenIn(where)

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

  it('in a missing directory: the fault names the directory to create', async () => {
    const applied = await applyNow([await change(join(dir, 'no/app.cfg'), 'new')])
    expect(applied).toMatchObject({
      ok: false,
      at: 'stage',
      fault: {
        kind: 'io',
        message: `cannot write ${dir}/no/app.cfg: no such file or directory (ENOENT)`,
        hint: `the folder ${dir}/no is missing: run mkdir -p ${dir}/no, or set mkdirs = true`,
      },
    })
  })

  it('may have a name of the maximum length', async () => {
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

  it('with the right content but another mode has its mode corrected in place', async () => {
    writeFileSync(dest, 'same')
    chmodSync(dest, 0o600)
    const { ino } = statSync(dest)
    const metadata = await change(dest, 'same', { mode: 0o640 })
    expect(metadata.plan.why).toBe('metadata')
    expect((await applyNow([metadata])).ok).toBe(true)
    expect(statSync(dest).mode & 0o7777).toBe(0o640)
    expect(statSync(dest).ino).toBe(ino)
  })

  it.runIf(isRoot)('with another owner has its owner corrected in place (needs root)', async () => {
    writeFileSync(dest, 'same')
    chownSync(dest, 1234, 2345)
    chmodSync(dest, 0o4755)
    const { ino } = statSync(dest)
    const metadata = await change(dest, 'same', { uid: 0, gid: 0 })
    expect(metadata.plan.why).toBe('metadata')
    expect((await applyNow([metadata])).ok).toBe(true)
    expect(statSync(dest)).toMatchObject({ ino, uid: 0, gid: 0 })
    expect(statSync(dest).mode & 0o7777).toBe(0o4755)
  })

  it.runIf(canBeNobody)(
    'of another user, without root: the owner cannot be set (needs root, and a Node that can change its user)',
    async () => {
      writeFileSync(dest, 'old')
      chownSync(dir, 65534, 65534)
      const applied = await asNobody(async () => applyNow([await change(dest, 'new')]))
      expect(applied).toMatchObject({
        at: 'stage',
        fault: {
          message: `cannot change the owner of ${dest} to user 0 and group 0: operation not permitted (EPERM)`,
          hint: expect.stringContaining('as root') as string,
        },
      })
      expect(readFileSync(dest, 'utf8')).toBe('old')
      expect(hidden()).toEqual([])
    },
  )

  it.runIf(canBeNobody)(
    'in a directory of another user: names the missing permission (needs root, and a Node that can change its user)',
    async () => {
      chmodSync(dir, 0o755)
      writeFileSync(dest, 'old')
      const applied = await asNobody(async () => applyNow([await change(dest, 'new')]))
      expect(applied).toMatchObject({
        at: 'stage',
        fault: {
          message: `cannot write ${dest}: permission denied (EACCES)`,
          hint: `give reconfd's user write permission for the folder ${dir}: new files are created there and renamed`,
        },
      })
      expect(readFileSync(dest, 'utf8')).toBe('old')
    },
  )

  it.runIf(canBeNobody)(
    'that we may not read is unreadable, not absent (needs root, and a Node that can change its user)',
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
  it('stays, and its target is replaced', async () => {
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

  it('that dangles: its target is created', async () => {
    symlinkSync('later.cfg', dest)
    expect((await applyNow([await change(dest, 'new')])).ok).toBe(true)
    expect(readlinkSync(dest)).toBe('later.cfg')
    expect(readFileSync(join(dir, 'later.cfg'), 'utf8')).toBe('new')
  })

  it('that dangles into a missing directory: the fault names the directory to create', async () => {
    symlinkSync('gone/app.cfg', dest)
    const applied = await applyNow([await change(dest, 'new')])
    expect(applied).toMatchObject({
      fault: {
        hint: `the folder ${dir}/gone is missing: run mkdir -p ${dir}/gone, or set mkdirs = true`,
      },
    })
  })

  it('in a circle is unreadable', async () => {
    symlinkSync('app.cfg', dest)
    expect(await observe(dest)).toMatchObject({
      kind: 'unreadable',
      fault: { message: expect.stringContaining('links form a loop (ELOOP)') as string },
    })
  })
})

describe('follow_symlinks = false', () => {
  const refused = (): string =>
    `the destination ${dest} is a symbolic link, and follow_symlinks is false`

  it('a link is refused, in sync or not, whole or dangling', async () => {
    symlinkSync('real.cfg', dest)
    expect(await observe(dest, { followSymlinks: false })).toMatchObject({
      fault: { message: refused() },
    })
    writeFileSync(join(dir, 'real.cfg'), 'old')
    expect(await observe(dest, { followSymlinks: false })).toMatchObject({
      fault: { message: refused() },
    })
    expect(await observe(dest)).toMatchObject({ kind: 'file' })
  })

  it('a link that appears after planning is refused, and its target stays whole', async () => {
    const strict = { followSymlinks: false }
    writeFileSync(dest, 'old')
    const late = [
      await change(dest, 'new', strict),
      await change(dest, 'old', { ...strict, mode: 0o600 }),
    ]
    rmSync(dest)
    writeFileSync(join(dir, 'real.cfg'), 'of somebody else')
    symlinkSync('real.cfg', dest)
    for (const one of late) {
      expect(await applyNow([one])).toMatchObject({ at: 'stage', fault: { message: refused() } })
    }
    expect(readFileSync(join(dir, 'real.cfg'), 'utf8')).toBe('of somebody else')
    expect(statSync(join(dir, 'real.cfg')).mode & 0o777).toBe(0o644)
    expect(hidden()).toEqual([])
  })

  it('a linked folder above the destination is allowed', async () => {
    mkdirSync(join(dir, 'real'))
    symlinkSync('real', join(dir, 'short'))
    const strict = await change(join(dir, 'short/app.cfg'), 'new', { followSymlinks: false })
    expect((await applyNow([strict])).ok).toBe(true)
    expect(readFileSync(join(dir, 'real/app.cfg'), 'utf8')).toBe('new')
  })
})

describe('mkdirs', () => {
  const mkdirs = true

  it('creates the folders above, with mode 0755 whatever the umask', async () => {
    const umask = process.umask(0o077)
    try {
      expect((await applyNow([await change(join(dir, 'a/b/app.cfg'), 'new', { mkdirs })])).ok).toBe(
        true,
      )
    } finally {
      process.umask(umask)
    }
    expect(readFileSync(join(dir, 'a/b/app.cfg'), 'utf8')).toBe('new')
    for (const folder of ['a', 'a/b']) {
      expect(statSync(join(dir, folder)).mode & 0o7777).toBe(0o755)
    }
  })

  it('creates the folder that a dangling link leads into', async () => {
    symlinkSync('gone/app.cfg', dest)
    expect((await applyNow([await change(dest, 'new', { mkdirs })])).ok).toBe(true)
    expect(readFileSync(join(dir, 'gone/app.cfg'), 'utf8')).toBe('new')
  })

  it('removes the folders it created when the file is refused, except those with other files', async () => {
    const first = join(dir, 'a/first.cfg')
    expect((await applyNow([await change(first, 'new', { mkdirs })])).ok).toBe(true)
    const applied = await applyNow([
      await change(join(dir, 'a/b/c/x.cfg'), 'new', { mkdirs }),
      await change(join(dir, 'a/b/d/y.cfg'), 'new', { mkdirs, checkCmd: 'false' }),
    ])
    expect(applied).toMatchObject({ at: 'check' })
    expect(readdirSync(join(dir, 'a'))).toEqual(['first.cfg'])
  })

  it.each([
    ['file', 'a part of the path is not a folder (ENOTDIR)'],
    ['dangling', 'the path already exists (EEXIST)'],
    ['circle', 'its symbolic links form a loop (ELOOP)'],
  ])('below a %s is a fault, and nothing is left', async (name, why) => {
    writeFileSync(join(dir, 'file'), '')
    symlinkSync('nowhere', join(dir, 'dangling'))
    symlinkSync('circle', join(dir, 'circle'))
    const before = readdirSync(dir)
    const { spec } = await change(dest, 'new', { mkdirs })
    const next = { bytes: Buffer.from('new'), mode: 0o644 }
    const applied = await applyNow([
      {
        resource: 'app.toml',
        spec: { ...spec, dest: join(dir, name, 'x/app.cfg') },
        plan: { kind: 'write', why: 'create', next, previous: { kind: 'absent' } },
      },
    ])
    expect(applied).toMatchObject({
      at: 'stage',
      fault: { message: expect.stringContaining(why) as string },
    })
    expect(readdirSync(dir)).toEqual(before)
  })

  it('names a folder that cannot be created', async () => {
    const applied = await applyNow([await change('/proc/nothing/here/app.cfg', 'new', { mkdirs })])
    expect(applied).toMatchObject({
      fault: {
        message: 'cannot create the folder /proc/nothing: no such file or directory (ENOENT)',
      },
    })
  })

  it.runIf(canBeNobody)(
    'without permission: the fault names the folder (needs root, and a Node that can change its user)',
    async () => {
      chmodSync(dir, 0o755)
      const applied = await asNobody(async () =>
        applyNow([await change(join(dir, 'a/app.cfg'), 'new', { mkdirs })]),
      )
      expect(applied).toMatchObject({
        fault: { message: `cannot create the folder ${dir}/a: permission denied (EACCES)` },
      })
    },
  )
})

describe('something else at the destination', () => {
  it('a directory is reported as such', async () => {
    mkdirSync(dest)
    expect(await observe(dest)).toMatchObject({
      kind: 'unreadable',
      fault: {
        message: `the destination ${dest} is a folder, not a file`,
        hint: 'remove it, or set `dest` to the path of a file in it',
      },
    })
  })

  it('a directory that appears after planning is reported as such, and nothing is left behind', async () => {
    const late = await change(dest, 'new')
    mkdirSync(dest)
    expect(await applyNow([late])).toMatchObject({
      ok: false,
      at: 'swap',
      fault: { message: `cannot replace ${dest}: it is a folder (EISDIR)` },
    })
    expect(hidden()).toEqual([])
  })

  it('a named pipe is reported as such, without waiting for its other end', async () => {
    execFileSync('mkfifo', [dest])
    expect(await observe(dest)).toMatchObject({
      kind: 'unreadable',
      fault: { message: `the destination ${dest} is a device, a socket or a pipe, not a file` },
    })
  })

  it('a socket is reported as such', async () => {
    const server = createServer()
    await new Promise<void>((listening) => server.listen(dest, listening))
    expect(await observe(dest)).toMatchObject({
      kind: 'unreadable',
      fault: { message: `the destination ${dest} is a device, a socket or a pipe, not a file` },
    })
    server.close()
  })

  it('a file where a directory should be is reported as such', async () => {
    writeFileSync(dest, '')
    expect(await observe(join(dest, 'x'))).toMatchObject({
      kind: 'unreadable',
      fault: { message: expect.stringContaining('not a folder (ENOTDIR)') as string },
    })
  })
})

describe.runIf(isRoot)('mounts (need root)', () => {
  it('a full disk: the old file stays whole, and nothing is left behind', async () => {
    await mounted(['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir], dir, async () => {
      writeFileSync(dest, 'old')
      expect(await applyNow([await change(dest, 'n'.repeat(100_000))])).toMatchObject({
        at: 'stage',
        fault: {
          message: `cannot write ${dest}: no space left on the device (ENOSPC)`,
          hint: 'free some space',
        },
      })
      expect(readFileSync(dest, 'utf8')).toBe('old')
      expect(hidden()).toEqual([])
    })
  })

  it('a read-only file system is reported as such', async () => {
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

  it('a bind-mounted file in a folder where no file can be created is checked, then written in place', async () => {
    const source = join(dir, 'source')
    const said = join(dir, 'said')
    const inner = join(dir, 'inner')
    writeFileSync(source, 'old')
    chmodSync(source, 0o640)
    mkdirSync(inner)
    const file = join(inner, 'app.cfg')
    writeFileSync(file, '')
    const checkCmd = `cat {{.src}} >>${said}; stat -c ' %a' {{.src}} >>${said}; test "$(cat {{.src}})" != bad`
    await mounted(['--bind', inner, inner], inner, async () => {
      await mounted(['--bind', source, file], file, async () => {
        execFileSync('mount', ['-o', 'remount,ro,bind', inner])
        expect((await applyNow([await change(file, 'new', { checkCmd })])).ok).toBe(true)
        expect([readFileSync(source, 'utf8'), statSync(source).mode & 0o777]).toEqual([
          'new',
          0o640,
        ])
        expect(await applyNow([await change(file, 'bad', { checkCmd })])).toMatchObject({
          at: 'check',
        })
        expect(readFileSync(source, 'utf8')).toBe('new')
        expect(await applyNow([await change(join(inner, 'other'), 'x')])).toMatchObject({
          at: 'stage',
          fault: {
            message: expect.stringContaining('the file system is read-only (EROFS)') as string,
          },
        })
      })
    })
    expect(readFileSync(said, 'utf8')).toBe('new 640\nbad 640\n')
    expect(
      readdirSync(tmpdir()).filter((name) => name.startsWith(`reconfd-${process.pid}-`)),
    ).toEqual([])
  })

  it('a bind-mounted file on a read-only file system is reported as such', async () => {
    const source = join(dir, 'source')
    writeFileSync(source, 'the old content')
    writeFileSync(dest, '')
    await mounted(['--bind', source, dest], dest, async () => {
      execFileSync('mount', ['-o', 'remount,ro,bind', dest])
      expect(await applyNow([await change(dest, 'new')])).toMatchObject({
        at: 'swap',
        fault: {
          message: `cannot write into ${dest} (it is a mount point and cannot be replaced): the file system is read-only (EROFS)`,
        },
      })
      expect(readFileSync(dest, 'utf8')).toBe('the old content')
    })
    expect(hidden()).toEqual([])
  })

  it('a bind-mounted file that cannot be swapped: the files swapped before it are restored', async () => {
    const source = join(dir, 'source')
    const first = join(dir, 'first.cfg')
    writeFileSync(source, 'the old content')
    writeFileSync(first, 'old')
    writeFileSync(dest, '')
    await mounted(['--bind', source, dest], dest, async () => {
      execFileSync('mount', ['-o', 'remount,ro,bind', dest])
      const changes = [await change(first, 'new', { mode: 0o600 }), await change(dest, 'new')]
      expect(await applyNow(changes)).toMatchObject({ at: 'swap', resource: 'app.cfg' })
      expect([readFileSync(first, 'utf8'), statSync(first).mode & 0o777]).toEqual(['old', 0o644])
    })
  })

  it('a disk that fills up with the second file: the first is not swapped', async () => {
    const full = join(dir, 'full')
    mkdirSync(full)
    const first = join(dir, 'first.cfg')
    writeFileSync(first, 'old')
    await mounted(['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', full], full, async () => {
      const second = join(full, 'second.cfg')
      const changes = [await change(first, 'new'), await change(second, 'n'.repeat(100_000))]
      expect(await applyNow(changes)).toMatchObject({ at: 'stage', resource: 'second.cfg' })
      expect([readFileSync(first, 'utf8'), readdirSync(full), hidden()]).toEqual(['old', [], []])
    })
  })

  it('a bind-mounted file on a disk that fills up gets its old content back', async () => {
    const small = join(dir, 'small')
    mkdirSync(small)
    writeFileSync(dest, '')
    await mounted(['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small], small, async () => {
      const source = join(small, 'source')
      const old = 'the old content'.repeat(2500)
      writeFileSync(source, old)
      await mounted(['--bind', source, dest], dest, async () => {
        const { mode } = statSync(dest)
        const full = await change(dest, 'n'.repeat(100_000), { mode: 0o600 })
        expect(await applyNow([full])).toMatchObject({
          at: 'swap',
          fault: {
            message: `cannot write into ${dest} (it is a mount point and cannot be replaced); the previous content was restored: no space left on the device (ENOSPC)`,
          },
        })
        expect(readFileSync(dest, 'utf8')).toBe(old)
        expect(statSync(dest).mode).toBe(mode)
      })
    })
    expect(existsSync(dest)).toBe(true)
    expect(hidden()).toEqual([])
  })
})
