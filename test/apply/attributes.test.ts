// A replaced file keeps its ACLs and its extended attributes, such as its SELinux context. The tests read both with
// getfattr.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs'
import { chmodSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { restoreFiles } from '../../src/apply/undo.ts'
import { observe } from '../../src/apply/observe.ts'
import type { Event } from '../../src/core/event.ts'
import { serverBinary } from '../support/process.ts'
import { applyNow, change, isRoot } from './support.ts'

const getfattr = serverBinary('getfattr').path
const setfattr = join(dirname(getfattr), 'setfattr')
const PATH = process.env.PATH ?? ''

/** An ACL in the kernel's binary format, version 2: owner rw, user 65534 r, group r, mask r, others no rights. */
const ACL =
  '0x0200000001000600ffffffff02000400feff000004000400ffffffff10000400ffffffff20000000ffffffff'

let dir: string
let dest: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reconfd-attributes-'))
  dest = join(dir, `it's an "app"\n\\.cfg`)
  process.env.PATH = `${dirname(getfattr)}${delimiter}${PATH}`
})
afterEach(() => {
  process.env.PATH = PATH
  rmSync(dir, { recursive: true })
})

const set = (name: string, value: string, path = dest): void => {
  execFileSync(setfattr, ['-n', name, '-v', value, path])
}

/** Returns all extended attributes of a file, each as `name=value`. */
const attributes = (path = dest): string[] => {
  const dump = ['-d', '-m', '-', '--absolute-names', path]
  const lines = execFileSync(getfattr, dump, { encoding: 'utf8' }).split('\n')
  return lines.filter((line) => line !== '' && !line.startsWith('# file:'))
}

const hidden = (): string[] => readdirSync(dir).filter((name) => name.startsWith('.'))

describe('extended attributes', () => {
  it('stay through several changes, and so do those that were set in between', async () => {
    writeFileSync(dest, 'old', { mode: 0o640 })
    set('user.origin', 'a "quoted"\nvalue')
    const before = attributes()
    expect(before).toHaveLength(1)
    for (const text of ['new', 'newer']) {
      expect((await applyNow([await change(dest, text)])).ok).toBe(true)
      expect(attributes()).toEqual(before)
    }
    set('user.later', '1')
    expect((await applyNow([await change(dest, 'newest')])).ok).toBe(true)
    expect(attributes()).toEqual(['user.later="1"', ...before])
    expect(readFileSync(dest, 'utf8')).toBe('newest')
    expect([statSync(dest).mode & 0o7777, hidden()]).toEqual([0o640, []])
  })

  it('of one file are not given to another of the same resource', async () => {
    const many = Array.from({ length: 25 }, (_, i) => join(dir, `${i}.cfg`))
    for (const [i, path] of many.entries()) {
      writeFileSync(path, 'old')
      if (i % 2 === 0) set('user.number', String(i), path)
    }
    const changes = []
    for (const path of [...many, join(dir, 'fresh.cfg')]) changes.push(await change(path, 'new'))
    expect((await applyNow(changes)).ok).toBe(true)
    for (const [i, path] of many.entries()) {
      expect(attributes(path)).toEqual(i % 2 === 0 ? [`user.number="${i}"`] : [])
    }
    expect(attributes(join(dir, 'fresh.cfg'))).toEqual([])
  })

  it('of the target of a symbolic link stay', async () => {
    const real = join(dir, 'real.cfg')
    writeFileSync(real, 'old')
    set('user.origin', 'x', real)
    symlinkSync('real.cfg', dest)
    expect((await applyNow([await change(dest, 'new')])).ok).toBe(true)
    expect([attributes(real), readFileSync(real, 'utf8')]).toEqual([['user.origin="x"'], 'new'])
  })

  it('are restored by an undo and by a rollback', async () => {
    writeFileSync(dest, 'old')
    set('user.origin', 'x')
    const former = [{ dest, observed: await observe(dest) }]
    const applied = await applyNow([await change(dest, 'new')])
    expect(applied.ok && (await applied.undo())).toBeUndefined()
    expect([attributes(), readFileSync(dest, 'utf8')]).toEqual([['user.origin="x"'], 'old'])
    await applyNow([await change(dest, 'newer')])
    expect(await restoreFiles(former)).toBeUndefined()
    expect([attributes(), readFileSync(dest, 'utf8')]).toEqual([['user.origin="x"'], 'old'])
  })

  it.runIf(isRoot)(
    'of the system stay too, such as the context of SELinux (needs root)',
    async () => {
      writeFileSync(dest, 'old')
      set('security.selinux', 'system_u:object_r:etc_t:s0')
      set('trusted.of', 'root')
      const before = attributes()
      expect(before).toHaveLength(2)
      expect((await applyNow([await change(dest, 'new')])).ok).toBe(true)
      expect(attributes()).toEqual(before)
    },
  )
})

describe('an ACL', () => {
  it('stays, and `mode` narrows it as chmod does', async () => {
    writeFileSync(dest, 'old')
    set('system.posix_acl_access', ACL)
    const before = attributes()
    expect(statSync(dest).mode & 0o777).toBe(0o640)
    expect((await applyNow([await change(dest, 'new')])).ok).toBe(true)
    expect([attributes(), statSync(dest).mode & 0o777]).toEqual([before, 0o640])
    expect((await applyNow([await change(dest, 'newer', { mode: 0o600 })])).ok).toBe(true)
    // The ACL must still be there, with an empty mask.
    expect([attributes().length, statSync(dest).mode & 0o777]).toEqual([1, 0o600])
  })

  it('that a directory gives to new files is not given to a replaced file that had none', async () => {
    writeFileSync(dest, 'old', { mode: 0o640 })
    set('system.posix_acl_default', ACL, dir)
    expect((await applyNow([await change(dest, 'new')])).ok).toBe(true)
    expect([attributes(), statSync(dest).mode & 0o777]).toEqual([[], 0o640])
  })
})

describe('where they cannot be kept', () => {
  /** Prepends a folder with these shell scripts to PATH. */
  function programs(scripts: Readonly<Record<string, string>>): void {
    const bin = join(dir, 'bin')
    mkdirSync(bin)
    for (const [name, script] of Object.entries(scripts)) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
      chmodSync(join(bin, name), 0o755)
    }
    process.env.PATH = `${bin}${delimiter}${process.env.PATH}`
  }

  it('the file is still replaced, and one notice reports the loss', async () => {
    programs({ cp: 'echo "cp: no such option" >&2; exit 1' })
    writeFileSync(dest, 'old')
    set('user.origin', 'secret')
    const events: Event[] = []
    for (const text of ['new', 'newer']) {
      expect((await applyNow([await change(dest, text)], { events })).ok).toBe(true)
    }
    expect(readFileSync(dest, 'utf8')).toBe('newer')
    expect(events.filter(({ kind }) => kind === 'notice')).toEqual([
      {
        kind: 'notice',
        level: 'warn',
        message: `the extended attributes of ${dest} are lost: cp: no such option`,
      },
    ])
  })

  it('a file without attributes is queried only once', async () => {
    const count = join(dir, 'asked')
    programs({
      getfattr: `echo once >> ${count}; exec ${getfattr} "$@"`,
      cp: `touch ${dir}/copied`,
    })
    writeFileSync(dest, 'old')
    for (const text of ['1', '2', '3']) {
      expect((await applyNow([await change(dest, text)])).ok).toBe(true)
    }
    expect(readFileSync(count, 'utf8')).toBe('once\n')
    expect(existsSync(join(dir, 'copied'))).toBe(false)
  })
})
