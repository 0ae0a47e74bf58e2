// The manifest lists the files that for_each templates create. It must be on disk before these files are created.
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isOurs, openManifest, type Manifest, type WantedFile } from '../../src/state/manifest.ts'
import { removeDir, tempDir } from '../support/process.ts'

const TEMPLATE = '/etc/sites/{{ base(item.key) }}.conf'
const NAME = 'vhosts.toml'

let dir: string
let state: string
beforeEach(() => {
  dir = tempDir('manifest')
  state = join(dir, 'not/there/yet')
})
afterEach(() => {
  removeDir(dir)
})

const open = (confdir = '/etc/reconfd'): Manifest => openManifest(state, confdir)
const wanted = (...names: string[]): WantedFile[] =>
  names.map((name) => ({
    dest: `/etc/sites/${name}`,
    template: TEMPLATE,
    bytes: Buffer.from(`server ${name}`),
  }))
const dests = (...names: string[]): string[] => wanted(...names).map(({ dest }) => dest)

/** Returns the listed names, with a question mark after those that are not known to exist. */
async function listed(manifest: Manifest, resource = NAME): Promise<string[]> {
  const files = await manifest.of(resource)
  if (!files.ok) throw new Error(files.error.message)
  return [...files.value]
    .map(([dest, { pending }]) => dest.slice('/etc/sites/'.length) + (pending ? '?' : ''))
    .sort()
}

describe('the list', () => {
  it('is on disk when `will` resolves, and the next run finds it', async () => {
    const first = open()
    expect(await listed(first)).toEqual([])
    expect(await first.will(NAME, wanted('a', 'b', 'c'))).toEqual({ ok: true, value: undefined })
    expect(await listed(open())).toEqual(['a?', 'b?', 'c?'])
    await first.made(NAME, dests('a', 'b'))
    expect(await listed(open())).toEqual(['a', 'b', 'c?'])
    await first.gone(NAME, dests('b'))
    expect([await listed(first), await listed(open())]).toEqual([
      ['a', 'c?'],
      ['a', 'c?'],
    ])
  })

  it('is one file for each resource of each confdir, 0600, and none for an empty list', async () => {
    const manifest = open()
    await manifest.will(NAME, wanted('a'))
    await manifest.will('x'.repeat(250) + '.toml', wanted('b'))
    await open('/other').will(NAME, wanted('c'))
    const names = readdirSync(state)
    expect(names).toHaveLength(3)
    for (const name of names) expect(statSync(join(state, name)).mode & 0o777).toBe(0o600)
    expect(await listed(manifest)).toEqual(['a'].map((name) => `${name}?`))
    await manifest.gone(NAME, dests('a'))
    expect(readdirSync(state)).toHaveLength(2)
    await manifest.gone(NAME, dests('a'))
  })

  it('holds no contents', async () => {
    await open().will(NAME, wanted('a'))
    const text = readFileSync(join(state, readdirSync(state)[0] ?? ''), 'utf8')
    expect(text).not.toContain('server')
    expect(JSON.parse(text)).toMatchObject({ resource: NAME })
  })

  it('is not written when nothing is new: a created file stays listed, even with new contents', async () => {
    const manifest = open()
    await manifest.will(NAME, wanted('a', 'b'))
    await manifest.made(NAME, dests('a', 'b'))
    const path = join(state, readdirSync(state)[0] ?? '')
    const { ino } = statSync(path)
    await manifest.will(NAME, [{ ...wanted('a')[0], bytes: Buffer.from('new') } as WantedFile])
    await manifest.made(NAME, dests('a', 'b'))
    await manifest.gone(NAME, dests('z'))
    expect(statSync(path).ino).toBe(ino)
    expect(await listed(manifest)).toEqual(['a', 'b'])
  })

  it('is not lost when two processes change it one after the other', async () => {
    const [daemon, onetime] = [open(), open()]
    await daemon.will(NAME, wanted('a'))
    await onetime.will(NAME, wanted('b'))
    await daemon.will(NAME, wanted('c'))
    await onetime.gone(NAME, dests('a'))
    expect(await listed(daemon)).toEqual(['b?', 'c?'])
  })

  it('applies concurrent changes one after the other', async () => {
    const manifest = open()
    const names = Array.from({ length: 20 }, (_, i) => String(i))
    await Promise.all(names.map((name) => manifest.will(NAME, wanted(name))))
    expect(await listed(open())).toEqual(names.map((name) => `${name}?`).sort())
  })
})

describe('a listed file is ours', () => {
  it('by its name once created; before, only with the contents to be written', async () => {
    const manifest = open()
    await manifest.will(NAME, wanted('a', 'b'))
    await manifest.made(NAME, dests('a'))
    const files = await manifest.of(NAME)
    if (!files.ok) throw new Error(files.error.message)
    const [a, b] = [...files.value.values()]
    if (a === undefined || b === undefined) throw new Error('both are listed')
    expect(isOurs(a, Buffer.from('edited by hand'))).toBe(true)
    expect(isOurs(b, Buffer.from('server b'))).toBe(true)
    expect(isOurs(b, Buffer.from('of somebody else'))).toBe(false)
  })

  it('with any of the last contents, as long as it is not known which of them it got', async () => {
    const manifest = open()
    const [file] = wanted('a')
    if (file === undefined) throw new Error('there is one')
    const contents = Array.from({ length: 12 }, (_, i) => Buffer.from(`server ${i}`))
    for (const bytes of contents) await manifest.will(NAME, [{ ...file, bytes }])
    const files = await open().of(NAME)
    const [a] = files.ok ? [...files.value.values()] : []
    expect(contents.map((bytes) => a && isOurs(a, bytes))).toEqual(contents.map((_, i) => i > 1))
  })
})

describe('an unusable state directory', () => {
  it('a damaged file is reported, and left unchanged', async () => {
    const manifest = open()
    await manifest.will(NAME, wanted('a'))
    const path = join(state, readdirSync(state)[0] ?? '')
    for (const text of ['', 'x', '{}', '{"made":{"t":{"/a":1}}}', '{"made":null}']) {
      writeFileSync(path, text)
      const fault = { kind: 'io', message: `the state file ${path} is damaged` }
      expect(await open().of(NAME)).toMatchObject({ ok: false, error: fault })
      expect(await open().will(NAME, wanted('b'))).toMatchObject({ ok: false, error: fault })
      expect(readFileSync(path, 'utf8')).toBe(text)
    }
  })

  it('one that cannot be written is a fault that names the file and -state-dir', async () => {
    mkdirSync(join(dir, 'not'))
    writeFileSync(join(dir, 'not/there'), '')
    expect(await open().will(NAME, wanted('a'))).toMatchObject({
      ok: false,
      error: {
        message: expect.stringMatching(/^cannot (read|write) the state file .*ENOTDIR/) as string,
        hint: expect.stringContaining('-state-dir') as string,
      },
    })
  })
})

describe('kill -9', () => {
  it('at any moment: every file that was made is listed', async () => {
    const writer = join(dir, 'writer.mjs')
    const source = fileURLToPath(new URL('manifest-writer.ts', import.meta.url))
    const bundle = await rolldown({ input: source, platform: 'node', logLevel: 'silent' })
    await bundle.write({ file: writer, format: 'esm' })
    const files = join(dir, 'files')
    mkdirSync(files)
    for (let round = 0; round < 25; round++) {
      const child = spawn(process.execPath, [writer, state, files, `${round}`], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      // In each round, kills the process one line later than in the previous round, whatever it is doing by then.
      let lines = 0
      child.stdout.on('data', (chunk: Buffer) => {
        lines += chunk.toString().split('\n').length - 1
        if (lines > round) child.kill('SIGKILL')
      })
      await once(child, 'exit')
      const list = await open().of(NAME)
      if (!list.ok) throw new Error(list.error.message)
      for (const name of readdirSync(files)) {
        const file = list.value.get(join(files, name))
        expect(file !== undefined, name).toBe(true)
      }
    }
    expect(readdirSync(files).length).toBeGreaterThan(25)
  })
})
