// Runs the built program with hostile key names: in commands, in paths, and as the names of other users' files.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { withSite, type Finished, type Site } from '../e2e/support.ts'

/** Provides a site whose for_each template creates a file for each key below /v. */
async function withKeys(
  use: (site: Site, keys: (v: Record<string, string>) => void) => Promise<void>,
): Promise<void> {
  await withSite([], async (site) => {
    site.template('each', '{{ getv(item.key) }}\n')
    const file = join(site.root, 'keys.json')
    await use(site, (v) => writeFileSync(file, JSON.stringify({ v })))
  })
}

const once = (site: Site, ...args: string[]): Promise<Finished> =>
  site.start('-onetime', '-file', join(site.root, 'keys.json'), ...args).finished

const each = (site: Site, fields: Record<string, string | boolean> = {}): void =>
  site.resource('each', {
    for_each: '/v/*',
    dest: `${site.path('')}/{{ base(item.key) }}.conf`,
    keys: ['/v'],
    ...fields,
  })

describe('in commands', () => {
  test.each([
    'a;touch RAN;b',
    '$(touch RAN)',
    '`touch RAN`',
    "a' ; touch RAN ; '",
    'a" ; touch RAN ; "',
    '-rf',
    'a b',
    'a\\b',
    'ä',
  ])('the name %j makes its resource fail before any command runs, and is named', async (name) => {
    await withKeys(async (site, keys) => {
      keys({ good: '1', [name]: '2' })
      each(site, { check_cmd: `echo ran >>${site.path('checks')}; cat "{{.src}}"` })
      const { code, stderr } = await once(site)
      expect(code).toBe(1)
      const [fault] = stderr.split('\n').filter((line) => line.includes('"failed"'))
      expect(JSON.parse(fault ?? '')).toMatchObject({
        at: 'render',
        fault: {
          message: expect.stringContaining(
            `no file for /v/${name}: its path is not safe in check_cmd: it may contain only`,
          ) as string,
        },
      })
      expect(readdirSync(site.path(''))).toEqual([])
    })
  })

  test('any name is allowed if no command contains the path of the file', async () => {
    await withKeys(async (site, keys) => {
      keys({ 'a b;c': '1' })
      each(site, { check_cmd: 'true', reload_cmd: 'true' })
      expect((await once(site)).code).toBe(0)
      expect(site.read('a b;c.conf')).toBe('1\n')
    })
  })

  test("an operator's path that cannot be quoted is a configuration fault, with its line", async () => {
    await withKeys(async (site, keys) => {
      keys({ a: '1' })
      site.template('odd', 'x')
      site.resource('odd', { dest: site.path("it's odd"), check_cmd: "sh -c 'cat {{.src}}'" })
      const { code, stderr } = await once(site)
      expect([code, readdirSync(site.path(''))]).toEqual([78, []])
      expect(stderr).toContain('in a command that another shell parses again')
      expect(JSON.parse(stderr.trim().split('\n')[0] ?? '')).toMatchObject({ fault: { line: 5 } })
    })
  })
})

describe('in paths', () => {
  test.each(['../outside/x', 'link/x', 'link/deep/x', 'final'])(
    '%s does not lead outside the folder',
    async (path) => {
      await withKeys(async (site, keys) => {
        mkdirSync(join(site.root, 'outside'))
        writeFileSync(join(site.root, 'outside/final'), 'mine\n')
        symlinkSync(join(site.root, 'outside'), site.path('link'))
        symlinkSync(join(site.root, 'outside/final'), site.path('final'))
        keys({ a: path })
        each(site, { dest: `${site.path('')}/{{ getv(item.key) }}`, mkdirs: true, adopt: true })
        const { code, stderr } = await once(site)
        expect(code).toBe(1)
        expect(readdirSync(join(site.root, 'outside'))).toEqual(['final'])
        expect(readFileSync(join(site.root, 'outside/final'), 'utf8')).toBe('mine\n')
        expect(stderr).toMatch(/has the component \.\.|leaves .* through a symbolic link/)
      })
    },
  )

  test('a link that stays inside is followed', async () => {
    await withKeys(async (site, keys) => {
      mkdirSync(site.path('real'))
      symlinkSync('real', site.path('link'))
      keys({ a: 'link/x' })
      each(site, { dest: `${site.path('')}/{{ getv(item.key) }}` })
      expect((await once(site)).code).toBe(0)
      expect(site.read('real/x')).toBe('link/x\n')
    })
  })
})

describe('a file that was there before', () => {
  test('is neither overwritten nor removed, which is reported; the other files wait', async () => {
    await withKeys(async (site, keys) => {
      writeFileSync(site.path('default.conf'), "the admin's\n")
      keys({ a: '1', default: '2' })
      each(site)
      const { code, stderr } = await once(site)
      expect(code).toBe(1)
      expect(stderr).toContain(
        `${site.path('default.conf')} already exists and was not made by for_each`,
      )
      keys({ a: '1' })
      expect((await once(site)).code).toBe(0)
      expect([site.read('default.conf'), site.read('a.conf')]).toEqual(["the admin's\n", '1\n'])
      keys({})
      await once(site, '-allow-empty')
      expect(readdirSync(site.path(''))).toEqual(['default.conf'])
    })
  })

  test('is taken over if it has the content to be written, and removed with its key', async () => {
    await withKeys(async (site, keys) => {
      writeFileSync(site.path('a.conf'), '1\n')
      keys({ a: '1', b: '2' })
      each(site)
      expect((await once(site)).code).toBe(0)
      keys({ b: '2' })
      expect((await once(site)).code).toBe(0)
      expect(readdirSync(site.path(''))).toEqual(['b.conf'])
    })
  })

  test('is taken over with adopt = true', async () => {
    await withKeys(async (site, keys) => {
      writeFileSync(site.path('a.conf'), 'old\n')
      keys({ a: '1' })
      each(site, { adopt: true, backup: true })
      expect((await once(site)).code).toBe(0)
      expect([site.read('a.conf'), site.read('a.conf.bak')]).toEqual(['1\n', 'old\n'])
      keys({ b: '2' })
      expect((await once(site)).code).toBe(0)
      expect(existsSync(site.path('a.conf'))).toBe(false)
    })
  })

  test('one created by reconfd may have been edited since', async () => {
    await withKeys(async (site, keys) => {
      keys({ a: '1' })
      each(site)
      await once(site)
      writeFileSync(site.path('a.conf'), 'edited\n')
      keys({ a: '3' })
      expect((await once(site)).code).toBe(0)
      expect(site.read('a.conf')).toBe('3\n')
    })
  })
})
