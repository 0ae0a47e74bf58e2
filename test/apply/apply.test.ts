// The steps of applying changes, in order. reconfd replaces either all files of a resource or none.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { prepareFiles, type FileChange } from '../../src/apply/apply.ts'
import { observe } from '../../src/apply/observe.ts'
import { sweepStaged } from '../../src/apply/sweep.ts'
import type { Event } from '../../src/core/event.ts'
import { planRemoval } from '../../src/core/plan.ts'
import { serverBinary } from '../support/process.ts'
import { until } from '../support/until.ts'
import { applyNow, change, hiddenIn, isRoot, optionsFor, textOf, twoFiles } from './support.ts'

let dir: string
let a: string
let b: string
beforeEach(() => {
  ;({ dir, a, b } = twoFiles())
})
afterEach(() => {
  rmSync(dir, { recursive: true })
})

const hidden = (): string[] => hiddenIn(dir)
const kinds = (events: readonly Event[]): string[] => events.map(({ kind }) => kind)

describe('the order', () => {
  it('all are checked with their final mode, then all are swapped', async () => {
    const events: Event[] = []
    const checkCmd = `grep -q new {{.src}} && grep -q old {{.dest}} && test "$(stat -c %a {{.src}})" = 644`
    const changes = [await change(a, 'new a', { checkCmd }), await change(b, 'new b', { checkCmd })]
    let before: unknown
    const applied = await applyNow(changes, {
      events,
      beforeSwap: () => {
        before = [kinds(events), textOf(a), textOf(b), hidden().length]
      },
    })
    expect(before).toEqual([['checked', 'checked'], 'old a', 'old b', 2])
    expect(kinds(events)).toEqual(['checked', 'checked'])
    const hash = (path: string): string =>
      execFileSync('sha256sum', [path], { encoding: 'utf8' }).slice(0, 12)
    expect(applied).toMatchObject({
      ok: true,
      files: [
        { resource: 'a.cfg', dest: a, why: 'content', hash: hash(a), bytes: 5 },
        { resource: 'b.cfg', dest: b, why: 'content', hash: hash(b), bytes: 5 },
      ],
    })
    expect([textOf(a), textOf(b), hidden()]).toEqual(['new a', 'new b', []])
  })

  it('placed files are reported in the order of the changes, with reason, hash and size', async () => {
    const c = join(dir, 'c.cfg')
    const plan = planRemoval(await observe(b)) as FileChange['plan']
    const removed = { ...(await change(b, 'new b')), plan }
    const changes = [await change(c, 'new'), removed, await change(a, 'old a', { mode: 0o600 })]
    const hash = (text: string): string =>
      execFileSync('sha256sum', { encoding: 'utf8', input: text }).slice(0, 12)
    expect(await applyNow(changes)).toMatchObject({
      files: [
        { resource: 'c.cfg', dest: c, why: 'create', hash: hash('new'), bytes: 3 },
        { resource: 'b.cfg', dest: b, why: 'remove', hash: '', bytes: 0 },
        { resource: 'a.cfg', dest: a, why: 'metadata', hash: hash('old a'), bytes: 5 },
      ],
    })
  })

  it('if a check fails for one file, no file is swapped and nothing is left behind', async () => {
    const events: Event[] = []
    const changes = [
      await change(a, 'new a', { checkCmd: 'true' }),
      await change(b, 'new b', { checkCmd: 'echo "line 3: bad"; exit 7' }),
    ]
    const applied = await applyNow(changes, {
      events,
      beforeSwap: () => {
        throw new Error('must not be called')
      },
    })
    expect(applied).toMatchObject({
      ok: false,
      at: 'check',
      resource: 'b.cfg',
      fault: {
        kind: 'command',
        message: 'check_cmd failed with exit code 7: echo "line 3: bad"; exit 7',
        frame: '  | line 3: bad',
      },
    })
    expect(kinds(events)).toEqual(['checked', 'checked'])
    expect([textOf(a), textOf(b), hidden()]).toEqual(['old a', 'old b', []])
  })

  it('changes discarded after the checks leave nothing behind, not even folders', async () => {
    const deep = join(dir, 'deep/er/c.cfg')
    const changes = [await change(a, 'new a'), await change(deep, 'new', { mkdirs: true })]
    const prepared = await prepareFiles(changes, optionsFor())
    expect([prepared.ok, hidden().length, existsSync(join(dir, 'deep'))]).toEqual([true, 1, true])
    if (prepared.ok) await prepared.discard()
    expect([textOf(a), hidden(), existsSync(join(dir, 'deep'))]).toEqual(['old a', [], false])
  })

  it('if a file cannot be swapped, files swapped before it are restored, and new ones removed', async () => {
    chmodSync(a, 0o640)
    const c = join(dir, 'c.cfg')
    const d = join(dir, 'd.cfg')
    const changes = [
      await change(a, 'new a', { mode: 0o600 }),
      await change(b, 'old b', { mode: 0o600 }),
      await change(c, 'new c'),
      await change(d, 'new d'),
    ]
    mkdirSync(d)
    const applied = await applyNow(changes)
    expect(applied).toMatchObject({ ok: false, at: 'swap', resource: 'd.cfg' })
    expect([textOf(a), textOf(b), existsSync(c), hidden()]).toEqual(['old a', 'old b', false, []])
    expect([statSync(a).mode & 0o777, statSync(b).mode & 0o777]).toEqual([0o640, 0o644])
  })

  it.runIf(isRoot)('an immutable destination is reported as such (needs root)', async () => {
    const changes = [await change(a, 'new a'), await change(b, 'new b')]
    const chattr = (flag: string): Buffer => {
      const { path, env } = serverBinary('chattr')
      return execFileSync(path, [flag, b], { env: { ...process.env, ...env } })
    }
    chattr('+i')
    try {
      expect(await applyNow(changes)).toMatchObject({
        at: 'swap',
        fault: {
          message: `cannot replace ${b}: operation not permitted (EPERM)`,
          hint: expect.stringContaining('lsattr') as string,
        },
      })
    } finally {
      chattr('-i')
    }
    expect([textOf(a), textOf(b), hidden()]).toEqual(['old a', 'old b', []])
  })
})

describe('a check', () => {
  it.each([
    ['deleted', 'rm {{.src}}'],
    ['altered', 'echo more >> {{.src}}'],
    ['replaced', 'cp {{.src}} {{.src}}.x && mv {{.src}}.x {{.src}}'],
    ['replaced', 'rm {{.src}} && ln -s /etc/hostname {{.src}}'],
  ])('that %s the staged file is refused: %s', async (how, checkCmd) => {
    const applied = await applyNow([await change(a, 'new a', { checkCmd })])
    expect(applied).toMatchObject({
      at: 'check',
      fault: {
        message: expect.stringMatching(`^check_cmd ${how} the staged file of ${a}$`) as string,
      },
    })
    expect([textOf(a), hidden()]).toEqual(['old a', []])
  })

  it('shows the staged file as {{.src}} in the output: its path no longer exists when someone reads it', async () => {
    const checkCmd =
      'echo bad line 3 in {{.src}}; cd $(dirname {{.src}}); ls $(basename {{.src}}); exit 1'
    const events: Event[] = []
    const applied = await applyNow([await change(a, 'new a', { checkCmd })], { events })
    const result = { exitCode: 1, output: 'bad line 3 in {{.src}}\n{{.src}}\n' }
    expect(events).toMatchObject([{ kind: 'checked', dest: a, command: checkCmd, result }])
    expect(applied).toMatchObject({
      fault: {
        message: `check_cmd failed with exit code 1: ${checkCmd}`,
        frame: '  | bad line 3 in {{.src}}\n  | {{.src}}',
        hint: expect.stringContaining(`${a} is unchanged`) as string,
      },
    })
  })

  it('that hangs is ended at its timeout', async () => {
    const hanging = await change(a, 'new a', { checkCmd: 'exec sleep 60', checkTimeout: 100 })
    const applied = await applyNow([hanging])
    expect(applied).toMatchObject({
      at: 'check',
      fault: { message: expect.stringContaining('timed out') as string },
    })
    expect([textOf(a), hidden()]).toEqual(['old a', []])
  })

  it('can run the staged file, which no process has open for writing', async () => {
    const script = '#!/bin/sh\necho good\n'
    const checkCmd = `test "$({{.src}})" = good`
    expect((await applyNow([await change(a, script, { mode: 0o755, checkCmd })])).ok).toBe(true)
  })

  it('sees a secret file with its final mode, from the first byte on', async () => {
    const secret = await change(a, 'secret', { mode: 0o640, checkCmd: 'stat -c %a {{.src}}' })
    const events: Event[] = []
    chmodSync(a, 0o644)
    expect((await applyNow([secret], { events })).ok).toBe(true)
    expect(events[0]).toMatchObject({ kind: 'checked', result: { output: '640\n' } })
  })

  it('cannot leave another mode behind', async () => {
    const loose = await change(a, 'new a', { mode: 0o640, checkCmd: 'chmod 666 {{.src}}' })
    expect((await applyNow([loose])).ok).toBe(true)
    expect(statSync(a).mode & 0o7777).toBe(0o640)
  })

  it('sees paths with blanks and quotes', async () => {
    const odd = join(dir, `it's "odd" $HOME.cfg`)
    const applied = await applyNow([await change(odd, 'new', { checkCmd: 'grep new {{ .src }}' })])
    expect(applied.ok).toBe(true)
    expect(textOf(odd)).toBe('new')
  })
})

describe('backup', () => {
  const bak = (): string => `${a}.bak`

  it('keeps the previous file with its mode, one for each destination', async () => {
    chmodSync(a, 0o600)
    for (const [content, before] of [
      ['new a', 'old a'],
      ['newer a', 'new a'],
    ] as const) {
      expect((await applyNow([await change(a, content, { backup: true })])).ok).toBe(true)
      expect([textOf(a), textOf(bak()), statSync(bak()).mode & 0o777]).toEqual([
        content,
        before,
        0o600,
      ])
    }
    expect(hidden()).toEqual([])
  })

  it('is not made for a new file, nor when only the mode is corrected', async () => {
    const c = join(dir, 'c.cfg')
    expect((await applyNow([await change(c, 'new c', { backup: true })])).ok).toBe(true)
    expect((await applyNow([await change(a, 'old a', { backup: true, mode: 0o600 })])).ok).toBe(
      true,
    )
    expect([existsSync(`${c}.bak`), existsSync(bak())]).toEqual([false, false])
  })

  it('that cannot be made leaves the file unchanged', async () => {
    mkdirSync(bak())
    expect(await applyNow([await change(a, 'new a', { backup: true })])).toMatchObject({
      at: 'swap',
      fault: { message: `cannot replace ${bak()}: it is a folder (EISDIR)` },
    })
    expect([textOf(a), hidden()]).toEqual(['old a', []])
  })
})

describe('-keep-stage-file', () => {
  const kept = (): string => join(dir, '.a.cfg.reconfd-staged')

  it('keeps the refused file and reports its path', async () => {
    const events: Event[] = []
    const refused = await change(a, 'new a', { checkCmd: 'false' })
    await applyNow([refused], { keepStageFile: true, events })
    expect([textOf(a), textOf(kept())]).toEqual(['old a', 'new a'])
    expect(events.at(-1)).toMatchObject({ message: `the staged file is kept: ${kept()}` })
  })

  it('also keeps a file that was swapped in, one for each destination', async () => {
    for (const content of ['new a', 'newer a']) {
      expect((await applyNow([await change(a, content)], { keepStageFile: true })).ok).toBe(true)
      expect([textOf(a), textOf(kept())]).toEqual([content, content])
    }
    expect(hidden()).toEqual(['.a.cfg.reconfd-staged'])
  })
})

describe('leftovers of a crashed run', () => {
  it('are removed if their name shows a destination and a process that has ended', () => {
    const { pid: gone } = spawnSync('true')
    const mine = [`.a.cfg.reconfd-${gone}-1`, `.a.cfg.reconfd-${process.pid}-999`]
    const others = [
      `.a.cfg.reconfd-${process.ppid}-1`, // its process is still running
      `.foreign.cfg.reconfd-${gone}-1`, // its file is not one of the destinations
      '.a.cfg.reconfd-staged', // kept on purpose
      '.a.cfg.swp',
    ]
    for (const name of [...mine, ...others]) writeFileSync(join(dir, name), '')
    const removed = sweepStaged([{ dest: a }, { dest: b }], [])
    expect([...removed].sort()).toEqual(mine.map((name) => join(dir, name)).sort())
    expect(hidden().sort()).toEqual(others.sort())
  })

  it('do not include a file that is being checked', async () => {
    const checkCmd = `touch ${join(dir, 'started')}; until test -e ${join(dir, 'go')}; do :; done`
    const applying = applyNow([await change(a, 'new a', { checkCmd })])
    await until('the check has started', () => existsSync(join(dir, 'started')))
    expect(sweepStaged([{ dest: a }], [])).toEqual([])
    writeFileSync(join(dir, 'go'), '')
    expect((await applying).ok).toBe(true)
  })
})
