// Files of several resources that change together: undo, removal and rollback.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FileChange } from '../../src/apply/apply.ts'
import { groupCheck } from '../../src/apply/check.ts'
import { observe } from '../../src/apply/observe.ts'
import { restoreFiles } from '../../src/apply/undo.ts'
import type { Event } from '../../src/core/event.ts'
import { planRemoval } from '../../src/core/plan.ts'
import { applyNow, change, isRoot, mounted, hiddenIn, textOf, twoFiles } from './support.ts'

let dir: string
let a: string
let b: string
beforeEach(() => {
  ;({ dir, a, b } = twoFiles())
})
afterEach(() => {
  rmSync(dir, { recursive: true })
})

const mode = (path: string): number => statSync(path).mode & 0o7777
const hidden = (): string[] => hiddenIn(dir)

/** Plans the removal of a file as the engine does. */
async function removal(dest: string): Promise<FileChange> {
  const planned = planRemoval(await observe(dest))
  if (planned.kind !== 'write') throw new Error(`nothing to remove: ${planned.kind}`)
  const { spec } = await change(join(dir, 'any'), '')
  return { resource: 'vhosts.toml', spec: { ...spec, dest }, plan: planned }
}

describe('the files of a group', () => {
  it('stay unchanged if one is refused; the failure names its resource', async () => {
    const events: Event[] = []
    const changes = [
      { ...(await change(a, 'new a')), resource: 'cert.toml' },
      { ...(await change(b, 'new b', { checkCmd: 'false' })), resource: 'haproxy.toml' },
    ]
    expect(await applyNow(changes, { events })).toMatchObject({
      ok: false,
      at: 'check',
      resource: 'haproxy.toml',
    })
    expect(events).toMatchObject([{ kind: 'checked', resource: 'haproxy.toml' }])
    expect([textOf(a), textOf(b), hidden()]).toEqual(['old a', 'old b', []])
  })

  it('are restored to their previous state: new ones are removed, removed ones created again', async () => {
    const c = join(dir, 'deep/er/c.cfg')
    const d = join(dir, 'd.cfg')
    writeFileSync(d, 'old d')
    chmodSync(d, 0o604)
    chmodSync(a, 0o640)
    const applied = await applyNow([
      await change(a, 'new a', { mode: 0o600 }),
      await change(b, 'old b', { mode: 0o600 }),
      await change(c, 'new c', { mkdirs: true }),
      await removal(d),
    ])
    if (!applied.ok) throw new Error(applied.fault.message)
    expect([textOf(a), mode(b), textOf(c), existsSync(d)]).toEqual(['new a', 0o600, 'new c', false])
    expect(await applied.undo()).toBeUndefined()
    expect([textOf(a), textOf(b), textOf(d)]).toEqual(['old a', 'old b', 'old d'])
    expect([mode(a), mode(b), mode(d)]).toEqual([0o640, 0o644, 0o604])
    expect([existsSync(join(dir, 'deep')), hidden()]).toEqual([false, []])
  })

  it('are restored even if one cannot be, which the fault names', async () => {
    const applied = await applyNow([
      await change(a, 'new a'),
      await change(b, 'new b'),
      await change(join(dir, 'c.cfg'), 'new c'),
    ])
    rmSync(b)
    mkdirSync(b)
    expect(applied.ok && (await applied.undo())).toMatchObject({
      message: `cannot replace ${b}: it is a folder (EISDIR)`,
    })
    expect([textOf(a), existsSync(join(dir, 'c.cfg')), hidden()]).toEqual(['old a', false, []])
  })

  it.runIf(isRoot)('are restored in place if bind-mounted (needs root)', async () => {
    const source = join(dir, 'source')
    writeFileSync(source, 'the old content')
    await mounted(['--bind', source, b], b, async () => {
      const applied = await applyNow([
        await change(a, 'new a'),
        await change(b, 'new', { mode: 0o600 }),
      ])
      expect([textOf(a), textOf(source)]).toEqual(['new a', 'new'])
      expect(applied.ok && (await applied.undo())).toBeUndefined()
      expect([textOf(a), textOf(source), mode(source)]).toEqual(['old a', 'the old content', 0o644])
    })
  })
})

describe('group_check_cmd', () => {
  it('that fails is reported with its output', async () => {
    expect(await groupCheck({ command: `grep -q old ${a}`, timeout: 10_000 })).toMatchObject({
      result: { exitCode: 0 },
    })
    const failed = await groupCheck({ command: 'echo "bad pair"; exit 3', timeout: 10_000 })
    expect(failed).toMatchObject({
      command: 'echo "bad pair"; exit 3',
      result: { exitCode: 3 },
      fault: {
        kind: 'command',
        message: 'group_check_cmd failed with exit code 3: echo "bad pair"; exit 3',
        hint: 'all files were restored; correct the keys or the templates',
        frame: '  | bad pair',
      },
    })
  })
})

describe('removal', () => {
  it('is reported as such; nothing is staged, and no check runs', async () => {
    const events: Event[] = []
    const gone = await removal(a)
    const checked = { ...gone, spec: { ...gone.spec, checkCmd: 'false' } }
    expect(await applyNow([checked], { events })).toMatchObject({
      files: [{ resource: 'vhosts.toml', dest: a, why: 'remove', hash: '', bytes: 0 }],
    })
    expect([existsSync(a), events]).toEqual([false, []])
  })

  it('does not happen when another file of the batch is refused', async () => {
    const applied = await applyNow([
      await removal(a),
      await change(b, 'new', { checkCmd: 'false' }),
    ])
    expect([applied.ok, textOf(a)]).toEqual([false, 'old a'])
  })

  it('of a file that is already gone succeeds', async () => {
    const late = await removal(a)
    rmSync(a)
    expect((await applyNow([late])).ok).toBe(true)
  })

  it('through a symbolic link leaves the link, and is refused if links are refused', async () => {
    const link = join(dir, 'link.cfg')
    symlinkSync('a.cfg', link)
    const gone = await removal(link)
    const strict = { ...gone, spec: { ...gone.spec, followSymlinks: false } }
    expect(await applyNow([strict])).toMatchObject({ at: 'stage', fault: { kind: 'io' } })
    expect(textOf(a)).toBe('old a')
    expect((await applyNow([gone])).ok).toBe(true)
    expect(readdirSync(dir).sort()).toEqual(['b.cfg', 'link.cfg'])
  })

  it('of a path that has become a directory is a fault', async () => {
    const late = await removal(a)
    rmSync(a)
    mkdirSync(a)
    expect(await applyNow([late])).toMatchObject({
      at: 'swap',
      fault: { message: expect.stringContaining(`cannot remove ${a}: `) as string },
    })
  })

  it('is planned only for a file', async () => {
    expect(planRemoval({ kind: 'absent' })).toEqual({ kind: 'in-sync' })
    rmSync(a)
    mkdirSync(a)
    expect(planRemoval(await observe(a))).toMatchObject({ kind: 'blocked' })
  })
})

describe('a rollback', () => {
  it('restores contents and modes, and touches nothing that is already right', async () => {
    const c = join(dir, 'c.cfg')
    writeFileSync(c, 'old c')
    chmodSync(a, 0o640)
    const former = []
    for (const dest of [a, b, c, join(dir, 'later.cfg')]) {
      former.push({ dest, observed: await observe(dest) })
    }
    const { ino } = statSync(c)
    writeFileSync(a, 'new a')
    chmodSync(a, 0o600)
    chmodSync(b, 0o600)
    writeFileSync(join(dir, 'later.cfg'), 'new')
    expect(await restoreFiles(former)).toBeUndefined()
    expect([textOf(a), mode(a), textOf(b), mode(b)]).toEqual(['old a', 0o640, 'old b', 0o644])
    expect([statSync(c).ino, readdirSync(dir).sort()]).toEqual([ino, ['a.cfg', 'b.cfg', 'c.cfg']])
  })

  it.runIf(isRoot)('restores owners (needs root)', async () => {
    chownSync(a, 1234, 2345)
    chownSync(b, 1234, 2345)
    const former = []
    for (const dest of [a, b]) former.push({ dest, observed: await observe(dest) })
    rmSync(a)
    chownSync(b, 0, 0)
    expect(await restoreFiles(former)).toBeUndefined()
    for (const path of [a, b]) expect(statSync(path)).toMatchObject({ uid: 1234, gid: 2345 })
  })

  it('tries all files, and names each that could not be restored', async () => {
    const former = []
    for (const dest of [a, join(dir, 'no/x.cfg'), b]) {
      former.push({ dest, observed: await observe(dest) })
    }
    rmSync(a)
    mkdirSync(a)
    writeFileSync(b, 'new b')
    expect(await restoreFiles(former)).toMatchObject({
      message: `cannot replace ${a}: it is a folder (EISDIR)`,
    })
    expect(textOf(b)).toBe('old b')
  })
})
