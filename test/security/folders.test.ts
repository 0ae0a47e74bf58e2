// Folders of other users. Whatever the owner of a folder does at a destination between two steps may affect only
// the owner's own files. The attacks happen at fixed moments: after the plan, in check_cmd, or before the swap.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FileChange } from '../../src/apply/apply.ts'
import { observe } from '../../src/apply/observe.ts'
import { restoreFiles } from '../../src/apply/undo.ts'
import { planRemoval } from '../../src/core/plan.ts'
import { ok } from '../../src/core/result.ts'
import { applyNow, change, hiddenIn, isRoot, textOf } from '../apply/support.ts'
import { serverBinary } from '../support/process.ts'

// reconfd preserves extended attributes only if getfattr is on PATH.
process.env.PATH = `${dirname(serverBinary('getfattr').path)}${delimiter}${process.env.PATH}`

const NOBODY = 65534
const SECRET = 'of root, for root alone'

let root: string
/** A folder owned by the user nobody. */
let app: string
let dest: string
/** A file that belongs to root and has mode 0600. */
let secret: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'reconfd-foreign-'))
  chmodSync(root, 0o755)
  app = join(root, 'app')
  dest = join(app, 'app.conf')
  secret = join(root, 'safe/secret')
  mkdirSync(app)
  mkdirSync(join(root, 'safe'))
  writeFileSync(secret, SECRET, { mode: 0o600 })
  if (isRoot) chownSync(app, NOBODY, NOBODY)
})
afterEach(() => {
  const { uid, mode } = statSync(secret)
  const content = textOf(secret)
  const safe = readdirSync(join(root, 'safe'))
  rmSync(root, { recursive: true })
  // No test may have changed root's file or its folder.
  expect({ uid, mode: mode & 0o7777, content, safe }).toEqual({
    uid: process.geteuid?.(),
    mode: 0o600,
    content: SECRET,
    safe: ['secret'],
  })
})

/** Creates a link, as the user nobody would. */
function plant(target: string, path = dest): void {
  rmSync(path, { force: true })
  symlinkSync(target, path)
  execFileSync('chown', ['-h', 'nobody', path])
}

/** Returns options that run the attack between the check and the swap. */
const beforeSwap = (attack: () => void) => ({
  beforeSwap: async () => {
    attack()
    return ok(undefined)
  },
})

/** Plans the removal of a file. */
async function removal(path: string): Promise<FileChange> {
  const planned = planRemoval(await observe(path))
  if (planned.kind !== 'write') throw new Error('nothing to remove')
  const { spec } = await change(join(root, 'other'), '')
  return { resource: 'app.toml', spec: { ...spec, dest: path }, plan: planned }
}

const notFollowed = (link: string, why: string): { readonly message: string } => ({
  message: `the symbolic link ${link} ${why}`,
})
const ofNobody = (link = dest) =>
  notFollowed(link, `of user 65534 (nobody) is not followed: ${app} belongs to user 65534 (nobody)`)

describe.runIf(isRoot)('a link at the destination (needs root)', () => {
  it('a plain file in the folder of another user is written', async () => {
    expect((await applyNow([await change(dest, 'new', { uid: NOBODY, mode: 0o640 })])).ok).toBe(
      true,
    )
    expect([textOf(dest), statSync(dest).uid, statSync(dest).mode & 0o777]).toEqual([
      'new',
      NOBODY,
      0o640,
    ])
  })

  it('is neither read nor followed, and the link and its owner are named', async () => {
    plant(secret)
    expect(await observe(dest)).toEqual({
      kind: 'unreadable',
      fault: expect.objectContaining(ofNobody()) as unknown,
    })
  })

  it('that dangles makes no file where it leads', async () => {
    plant(join(root, 'safe/new'))
    expect(await observe(dest)).toMatchObject({ fault: ofNobody() })
  })

  it('that comes after the plan is refused by every kind of change', async () => {
    writeFileSync(dest, 'old')
    const late = [
      await change(dest, 'new', { uid: NOBODY }),
      await change(dest, 'old', { uid: NOBODY, mode: 0o640 }),
      await removal(dest),
    ]
    plant(secret)
    for (const one of late) {
      expect(await applyNow([one])).toMatchObject({ at: 'stage', fault: ofNobody() })
    }
    expect([readlinkSync(dest), hiddenIn(app)]).toEqual([secret, []])
  })

  it('that comes before the swap is replaced itself', async () => {
    writeFileSync(dest, 'old')
    const applied = await applyNow(
      [await change(dest, 'new', { uid: NOBODY })],
      beforeSwap(() => plant(secret)),
    )
    expect(applied.ok).toBe(true)
    expect([lstatSync(dest).isFile(), textOf(dest)]).toEqual([true, 'new'])
  })

  it('that comes before a repair of owner and mode is not followed, nor is another file repaired', async () => {
    const evil = join(app, 'evil')
    writeFileSync(evil, '#!/bin/sh\n')
    chownSync(evil, NOBODY, NOBODY)
    for (const attack of [() => plant(secret), () => renameSync(evil, dest)]) {
      writeFileSync(dest, 'same')
      const repair = await change(dest, 'same', { uid: 0, mode: 0o4755 })
      expect(repair.plan.why).toBe('metadata')
      expect(await applyNow([repair], beforeSwap(attack))).toMatchObject({ ok: false, at: 'swap' })
      expect(lstatSync(dest).mode & 0o4000).toBe(0)
      unlinkSync(dest)
    }
  })

  it('is not followed by an undo, by a rollback, or by a removal', async () => {
    writeFileSync(dest, 'old')
    const former = { dest, observed: await observe(dest) }
    const applied = await applyNow([await change(dest, 'new')])
    if (!applied.ok) throw new Error(applied.fault.message)
    plant(secret)
    expect(await applied.undo()).toMatchObject(ofNobody())
    expect(await restoreFiles([former])).toMatchObject(ofNobody())
    expect(await restoreFiles([{ dest, observed: { kind: 'absent' } }])).toMatchObject(ofNobody())
    expect(readlinkSync(dest)).toBe(secret)
  })

  it('at the backup is refused', async () => {
    writeFileSync(dest, 'old')
    plant(secret, `${dest}.bak`)
    const backed = await change(dest, 'new', { backup: true })
    expect(await applyNow([backed])).toMatchObject({ at: 'swap' })
    expect([textOf(dest), hiddenIn(app)]).toEqual(['old', []])
  })
})

describe('which links are followed', () => {
  const link = (): string => join(root, 'own/app.conf')
  beforeEach(() => {
    mkdirSync(join(root, 'own'))
    mkdirSync(join(root, 'real'))
    writeFileSync(join(root, 'real/app.conf'), 'old')
    symlinkSync('../real/app.conf', link())
  })

  it('one of our own in a folder of our own: it stays, and what it leads to is replaced', async () => {
    expect((await applyNow([await change(link(), 'new')])).ok).toBe(true)
    expect([readlinkSync(link()), textOf(join(root, 'real/app.conf'))]).toEqual([
      '../real/app.conf',
      'new',
    ])
  })

  it.each([0o775, 0o757, 0o1777])('not one in a folder of mode %o', async (mode) => {
    chmodSync(join(root, 'own'), mode)
    const why = `of user ${process.geteuid?.()} (root) is not followed: ${root}/own can be changed by other users (mode ${mode.toString(8)})`
    if (isRoot) expect(await observe(link())).toMatchObject({ fault: notFollowed(link(), why) })
    else expect(await observe(link())).toMatchObject({ kind: 'unreadable' })
  })

  it('not one below a folder that others may change', async () => {
    chmodSync(root, 0o777)
    expect(await observe(link())).toMatchObject({
      fault: {
        message: expect.stringContaining(`${root} can be changed by other users`) as string,
      },
    })
  })

  it.runIf(isRoot)(
    'not one that an access list lets another user replace (needs root)',
    async () => {
      // An ACL with user:65534:rwx and a mask that allows it: owner rwx, group r-x, other r-x.
      const acl =
        '0x0200000001000700ffffffff02000700feff000004000500ffffffff10000700ffffffff20000500ffffffff'
      setAttribute(join(root, 'own'), 'system.posix_acl_access', acl)
      expect(await observe(link())).toMatchObject({
        fault: { message: expect.stringContaining('/own can be changed by other users') as string },
      })
    },
  )

  it.runIf(isRoot)('not one of another user in a folder of root (needs root)', async () => {
    execFileSync('chown', ['-h', 'nobody', link()])
    expect(await observe(link())).toMatchObject({
      fault: notFollowed(link(), 'is not followed: it belongs to user 65534 (nobody)'),
    })
  })

  it.runIf(isRoot)('not a link to a link of another user (needs root)', async () => {
    rmSync(link())
    plant(secret)
    symlinkSync(dest, link())
    expect(await observe(link())).toMatchObject({ fault: ofNobody() })
  })

  it.runIf(isRoot)(
    'not a folder on the way that is a link of another user (needs root)',
    async () => {
      plant(join(root, 'safe'), join(app, 'conf'))
      for (const name of ['secret', 'new', 'deep/er/new']) {
        const below = join(app, 'conf', name)
        const mkdirs = true
        expect(await observe(below)).toMatchObject({ fault: ofNobody(join(app, 'conf')) })
        const { spec } = await change(join(root, 'any'), 'new', { mkdirs })
        const next = { bytes: Buffer.from('new'), mode: 0o644 }
        const plan = { kind: 'write', why: 'create', next, previous: { kind: 'absent' } } as const
        expect(
          await applyNow([{ resource: 'app.toml', spec: { ...spec, dest: below }, plan }]),
        ).toMatchObject({ at: 'stage', fault: ofNobody(join(app, 'conf')) })
      }
    },
  )
})

describe.runIf(isRoot)('a hard link (needs root)', () => {
  it('to a file of root is neither read nor changed', async () => {
    linkSync(secret, dest)
    expect(await observe(dest)).toMatchObject({
      fault: {
        message: `the destination ${dest} is a hard link to a file with other names, and ${app} belongs to user 65534 (nobody)`,
      },
    })
    unlinkSync(dest)
  })

  it('that comes before a repair of owner and mode is not changed', async () => {
    writeFileSync(dest, SECRET)
    const repair = await change(dest, SECRET, { uid: NOBODY, mode: 0o644 })
    const attack = (): void => {
      unlinkSync(dest)
      linkSync(secret, dest)
    }
    expect(await applyNow([repair], beforeSwap(attack))).toMatchObject({ at: 'swap' })
    unlinkSync(dest)
  })
})

describe.runIf(isRoot)(
  'a file that another user has put into a world-writable folder (needs root)',
  () => {
    it('is refused, because its owner would own the new content too, unless that owner is configured', async () => {
      chownSync(app, 0, 0)
      chmodSync(app, 0o1777)
      writeFileSync(dest, 'planted', { mode: 0o666 })
      chownSync(dest, NOBODY, NOBODY)
      for (const desired of [{}, { uid: 0 }, { mode: 0o600 }]) {
        expect(await observe(dest, { desired })).toMatchObject({
          fault: {
            message: `the destination ${dest} belongs to user 65534 (nobody), and everybody can create files in ${app}`,
          },
        })
      }
      for (const desired of [{ uid: NOBODY }, { uid: 0, mode: 0o600 }]) {
        expect(await observe(dest, { desired })).toMatchObject({ kind: 'file' })
      }
      chownSync(dest, 0, 0)
      expect(await observe(dest, { desired: {} })).toMatchObject({ kind: 'file' })
    })
  },
)

describe.runIf(isRoot)('the staged file (needs root)', () => {
  const staged = (): string => join(app, hiddenIn(app)[0] ?? '')

  it('that becomes a link, or another file, is not put in place, and nothing that it leads to is touched', async () => {
    for (const attack of [
      () => plant(secret, staged()),
      () => {
        const path = staged()
        rmSync(path)
        writeFileSync(path, 'evil')
      },
    ]) {
      writeFileSync(dest, 'old')
      const applied = await applyNow(
        [await change(dest, 'new', { uid: NOBODY, mode: 0o640 })],
        beforeSwap(attack),
      )
      expect(applied).toMatchObject({
        at: 'swap',
        fault: {
          message: expect.stringMatching(
            /^cannot replace .* was replaced by another file, and .* belongs to user 65534 \(nobody\)$/,
          ) as string,
        },
      })
      expect([lstatSync(dest).isFile(), textOf(dest), hiddenIn(app)]).toEqual([true, 'old', []])
    }
  })

  it('is checked as a copy that its owner cannot replace, with its mode and owner', async () => {
    // The user nobody attacks during the check, while the staged file has a name.
    const said = join(root, 'said')
    const attack = `for f in ${app}/.app.conf.*; do mv $f ${app}/moved; echo 'echo evil' >$f; chmod 755 $f; done`
    const checkCmd = `${attack}; stat -c '%a %u' {{.src}} >${said}; {{.src}} >>${said}; setpriv --reuid=nobody --clear-groups {{.src}} >>${said}`
    const script = await change(dest, '#!/bin/sh\necho good\n', {
      mode: 0o755,
      uid: NOBODY,
      checkCmd,
    })
    const applied = await applyNow([script])
    expect(textOf(said)).toBe('755 65534\ngood\ngood\n')
    // The staged file was replaced after the check.
    expect(applied).toMatchObject({ at: 'swap' })
    expect(existsSync(dest)).toBe(false)
    rmSync(join(app, 'moved'))
  })

  it('whose check does not name it waits for nothing that was put in its place', async () => {
    const attack = `for f in ${app}/.app.conf.*; do rm $f; mkfifo $f; done`
    expect(await applyNow([await change(dest, 'new', { checkCmd: attack })])).toMatchObject({
      at: 'check',
      fault: { message: expect.stringContaining('check_cmd replaced the staged file') as string },
    })
  })

  it('is kept as a new file, whatever exists under that name', async () => {
    const kept = join(app, '.app.conf.reconfd-staged')
    plant(secret, kept)
    expect((await applyNow([await change(dest, 'new')], { keepStageFile: true })).ok).toBe(true)
    expect([lstatSync(kept).isFile(), textOf(kept), lstatSync(dest).nlink]).toEqual([
      true,
      'new',
      1,
    ])
  })
})

describe.runIf(isRoot)('attributes (need root)', () => {
  const acl =
    '0x0200000001000600ffffffff02000400feff000004000400ffffffff10000400ffffffff20000000ffffffff'
  const list = (path: string): string =>
    execFileSync('getfattr', ['-d', '-m', '-', '--absolute-names', path], { encoding: 'utf8' })

  it('that another user has put on his file are not given to a file of root', async () => {
    writeFileSync(dest, 'old')
    chownSync(dest, NOBODY, NOBODY)
    setAttribute(dest, 'system.posix_acl_access', acl)
    const private_ = await change(dest, 'new', { uid: 0, gid: 0, mode: 0o640 })
    expect((await applyNow([private_])).ok).toBe(true)
    expect([list(dest), statSync(dest).uid]).toEqual(['', 0])
  })

  it('of the file of another user stay on it', async () => {
    writeFileSync(dest, 'old')
    chownSync(dest, NOBODY, NOBODY)
    setAttribute(dest, 'system.posix_acl_access', acl)
    const before = list(dest)
    expect((await applyNow([await change(dest, 'new')])).ok).toBe(true)
    expect([list(dest), statSync(dest).uid]).toEqual([before, NOBODY])
  })
})

function setAttribute(path: string, name: string, value: string): void {
  execFileSync('setfattr', ['-n', name, '-v', value, path])
}

describe.runIf(isRoot)('what is left by a crash (needs root)', () => {
  it('is removed by its name, but not what a link leads to', async () => {
    const { sweepStaged } = await import('../../src/apply/sweep.ts')
    const gone = join(app, '.app.conf.reconfd-4194303-1-1')
    plant(secret, gone)
    mkdirSync(join(root, 'elsewhere'))
    writeFileSync(join(root, 'elsewhere/.x.reconfd-4194303-1-1'), '')
    plant(join(root, 'elsewhere'), join(app, 'folder'))
    const each = { dest: `${app}/{{ base(item.key) }}`, forEach: '/v/*' }
    expect(sweepStaged([{ dest }, each], [join(app, 'folder/x')])).toEqual([gone])
    expect(readFileSync(join(root, 'elsewhere/.x.reconfd-4194303-1-1'), 'utf8')).toBe('')
  })
})
