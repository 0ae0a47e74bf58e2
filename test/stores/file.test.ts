// The file store beyond test/contract: formats, folders, faults, and how editors save files.
import { mkdir, mkdtemp, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FaultError, formatFault, type Fault } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import type { StoreEvent } from '../../src/core/store.ts'
import { open } from '../../src/stores/file.ts'
import { settingsFor } from '../support/settings.ts'
import { within } from '../support/until.ts'

let folder: string
let abort: AbortController
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reconfd-file-'))
  abort = new AbortController()
})
afterEach(async () => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  abort.abort()
  await rm(folder, { recursive: true, force: true })
})

const at = (...names: string[]): string => join(folder, ...names)

async function write(name: string, text: string | Buffer): Promise<string> {
  await mkdir(dirname(at(name)), { recursive: true })
  await writeFile(at(name), text)
  return at(name)
}

function watch(
  files: readonly string[],
  filter = '*',
  prefixes: readonly Key[] = ['/'],
): AsyncIterator<StoreEvent> {
  const opened = open(settingsFor({ backend: 'file', files, filter }))
  if (!opened.ok) throw new FaultError(opened.error)
  return opened.value
    .watch(opened.value.nodes[0] as string, prefixes, abort.signal)
    [Symbol.asyncIterator]()
}

async function snapshot(...args: Parameters<typeof watch>): Promise<ReadonlyMap<Key, string>> {
  const { value } = (await watch(...args).next()) as { value: StoreEvent }
  if (value.kind !== 'snapshot') throw new Error(`a ${value.kind} came first`)
  return value.entries
}

const keysOf = async (name: string, text: string): Promise<Record<string, string>> =>
  Object.fromEntries(await snapshot([await write(name, text)]))

async function faultOf(name: string, text: string | Buffer): Promise<Fault> {
  const file = await write(name, text)
  const error: unknown = await snapshot([file]).catch((thrown: unknown) => thrown)
  if (!(error instanceof FaultError)) throw new Error('it did not fail', { cause: error })
  expect(error.fault).toMatchObject({ kind: 'store', file, permanent: true })
  return error.fault
}

/** Starts a watch and skips its snapshot: `next` returns the following delta. */
async function follow(files: readonly string[], ...rest: [string?, Key[]?]) {
  const events = watch(files, ...rest)
  await events.next()
  return {
    next: async (): Promise<{ put: Record<string, string>; del: string[] }> => {
      const { value } = (await events.next()) as { value: StoreEvent }
      if (value.kind !== 'delta') throw new Error('not a delta')
      return { put: Object.fromEntries(value.put), del: [...value.del] }
    },
    raw: events,
  }
}

describe('formats', () => {
  test('YAML: maps, lists, scalars, names that are paths, anchors and merges', async () => {
    const text = `
services: {web: {n1: "10.0.0.1:80"}}
/services/web/n2: x
list: [a, {b: c}]
8080: port
int: 9007199254740993
hex: 0x1F
float: 1.50
small: 1.5e-7
large: 1e+21
yes: true
nothing:
empty: ""
base: &base {x: "1"}
derived: {<<: *base, y: "2"}
unicode: "größe ☃ 😀"
`
    expect(await keysOf('k.yaml', text)).toEqual({
      '/services/web/n1': '10.0.0.1:80',
      '/services/web/n2': 'x',
      '/list/0': 'a',
      '/list/1/b': 'c',
      '/8080': 'port',
      '/int': '9007199254740993',
      '/hex': '31',
      '/float': '1.5',
      '/small': '0.00000015',
      '/large': '1000000000000000000000',
      '/yes': 'true',
      '/empty': '',
      '/base/x': '1',
      '/derived/x': '1',
      '/derived/y': '2',
      '/unicode': 'größe ☃ 😀',
    })
  })

  test('JSON', async () => {
    const text =
      '{"a": {"b": [1, true, null, "\\u00e4\\n"]}, "big": 12345678901234567890, "f": -2.50, "e": {}}'
    expect(await keysOf('k.json', text)).toEqual({
      '/a/b/0': '1',
      '/a/b/1': 'true',
      '/a/b/3': 'ä\n',
      '/big': '12345678901234567890',
      '/f': '-2.5',
    })
  })

  test('TOML', async () => {
    const text =
      'big = 9007199254740993\nf = 0.5\nwhen = 1979-05-27\n[a.b]\nc = "x"\n[[list]]\nn = "0"\n'
    expect(await keysOf('k.toml', text)).toEqual({
      '/big': '9007199254740993',
      '/f': '0.5',
      '/when': '1979-05-27',
      '/a/b/c': 'x',
      '/list/0/n': '0',
    })
  })

  test('any other extension is read as YAML', async () => {
    expect(await keysOf('keys.conf', 'a: b')).toEqual({ '/a': 'b' })
    expect(await keysOf('empty.yaml', '# nothing yet\n')).toEqual({})
  })

  test.each([
    ['k.yaml', '__proto__: {polluted: "1"}\nconstructor: x\n'],
    ['k.json', '{"__proto__": {"polluted": "1"}, "constructor": "x"}'],
    ['k.toml', 'constructor = "x"\n["__proto__"]\npolluted = "1"\n'],
  ])('__proto__ is a name like any other: %s', async (name, text) => {
    const entries = await snapshot([await write(name, text)])
    expect(entries.get('/__proto__/polluted')).toBe('1')
    expect(entries.get('/constructor')).toBe('x')
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  test('YAML: numbers as confd reads them, names as they are written', async () => {
    const text = `
octal: 0644
bits: 0b11
thousand: 1_000
negative: -0o17
hex: 0x_1F
decimal: 0189
float: 1_000.5_0
half: .5
text: "0644"
version: 1.2.3
time: 12:30
word: _1
large: 1e400
0755: mode
1_0: name
`
    expect(await keysOf('k.yaml', text)).toEqual({
      '/octal': '420',
      '/bits': '3',
      '/thousand': '1000',
      '/negative': '-15',
      '/hex': '31',
      '/decimal': '189',
      '/float': '1000.5',
      '/half': '0.5',
      '/text': '0644',
      '/version': '1.2.3',
      '/time': '12:30',
      '/word': '_1',
      '/large': '1e400',
      '/0755': 'mode',
      '/1_0': 'name',
    })
  })

  test.each(['k.yaml', 'k.json'])('a list at the top of %s is a fault', async (name) => {
    expect((await faultOf(name, '["a", "b"]')).message).toContain('map')
  })

  test('bytes that are not UTF-8: !!binary in YAML, and \\udcff as a snapshot writes them', async () => {
    expect(await keysOf('k.yaml', 'a: !!binary |\n  AP+A\n  w7w=\nb: !!binary ""\n')).toEqual({
      '/a': '\0\udcff\udc80ü',
      '/b': '',
    })
    expect(await keysOf('k.json', '{"a": "\\udcff"}')).toEqual({ '/a': '\udcff' })
    expect((await faultOf('k.yaml', 'a: !!binary "?"\n')).message).toContain('base64')
  })

  test.each(['yaml', 'json', 'toml'])('20,000 keys and 500 KB: %s', async (extension) => {
    const large = 'x'.repeat(500 * 1024)
    const names = Array.from({ length: 20_000 }, (_, i) => `k${i}`)
    const line = (name: string, value: string): string =>
      extension === 'toml' ? `${name} = "${value}"` : `"${name}": "${value}"`
    const lines = [...names.map((name) => line(name, name)), line('large', large)]
    const text = extension === 'json' ? `{${lines.join(',\n')}}` : lines.join('\n')
    const entries = await snapshot([await write(`k.${extension}`, text)])
    expect(entries.size).toBe(20_001)
    expect(entries.get('/large')).toBe(large)
    expect(entries.get('/k19999')).toBe('k19999')
  })
})

describe('which keys', () => {
  test('/app is not /application', async () => {
    const file = await write('k.yaml', 'app: {x: "1"}\napplication: {x: "2"}\n')
    expect([...(await snapshot([file], '*', ['/app'])).keys()]).toEqual(['/app/x'])
  })

  test('of several files the later wins, key by key', async () => {
    const a = await write('a.yaml', 'x: "1"\ny: "1"\n')
    const b = await write('b.json', '{"y": "2"}')
    expect(Object.fromEntries(await snapshot([a, b]))).toEqual({ '/x': '1', '/y': '2' })
    expect(Object.fromEntries(await snapshot([b, a]))).toEqual({ '/x': '1', '/y': '1' })
  })

  test('a folder: known extensions, sub-folders, the filter, no hidden files', async () => {
    await write('d/b.yaml', 'b: "1"\nall: b')
    await write('d/a.yaml', 'a: "1"\nall: a')
    await write('d/sub/c.json', '{"c": "1"}')
    await write('d/readme.txt', 'not: read')
    await write('d/.b.yaml.swp', 'not: read')
    await write('d/.hidden/x.yaml', 'not: read')
    await symlink('nowhere', at('d/.#b.yaml'))
    await symlink('.', at('d/loop'))
    expect(Object.fromEntries(await snapshot([at('d')]))).toEqual({
      '/a': '1',
      '/b': '1',
      '/all': 'b',
      '/c': '1',
    })
    expect([...(await snapshot([at('d')], 'a.*')).keys()]).toEqual(['/a', '/all'])
  })
})

describe('faults', () => {
  test.each([
    ['k.yaml', 'a: 1\nb: "secret\n', 3, 1],
    ['k.yaml', 'a: secret\n b: secret\n', 1, 4],
    ['k.yaml', 'a: {b: secret}\na: 2\n', 2, 1],
    ['k.yaml', 'a: 1\n---\nb: secret\n', 2, 1],
    ['k.json', '{\n  "password": "secret",\n}', 3, 1],
    ['k.json', '{\n  "password": secret\n}', 2, 15],
    ['k.json', '{"a": 1, "a": 2}', 1, 10],
    ['k.toml', 'a = 1\npassword = secret\n', 2, 12],
  ])('%s %j: line %i, column %i, and no value', async (name, text, line, column) => {
    const fault = await faultOf(name, text)
    expect(fault.line).toBe(line)
    expect(fault.column).toBe(column)
    expect(fault.frame).toContain('^')
    expect(formatFault(fault)).not.toContain('secret')
  })

  test.each([
    ['k.json', '['],
    ['k.yaml', '['],
    ['k.yaml', '- '],
    ['k.toml', 'a=['],
  ])('%s that nests %s without end', async (name, open) => {
    const level = open.replace('a=', '')
    const fault = await faultOf(name, open + level.repeat(50_000))
    expect(fault.message).toMatch(/deeply|nested/)
  })

  test('the frame shows names', async () => {
    const fault = await faultOf('k.json', '{\n  "password": "hunter2" "x"\n}')
    expect(fault.frame).toContain('"password": "*******" "*"')
  })

  test('a file that is missing, and one that is not text', async () => {
    await expect(snapshot([at('none.yaml')])).rejects.toMatchObject({
      fault: { kind: 'store', file: at('none.yaml'), permanent: true },
    })
    expect((await faultOf('k.yaml', Buffer.from([0xff, 0xfe, 0x00]))).message).toContain('UTF-8')
    expect((await faultOf('k.yaml', 'just text')).message).toContain('map')
  })

  test('no file named, or a bad pattern: a configuration fault', () => {
    const none = open(settingsFor({ backend: 'file', files: [], filter: '*' }))
    expect(none).toMatchObject({ ok: false, error: { kind: 'config' } })
    const bad = open(settingsFor({ backend: 'file', files: ['x'], filter: '[' }))
    expect(bad).toMatchObject({ ok: false, error: { kind: 'config' } })
  })
})

describe('watching', () => {
  test('reports only changes', async () => {
    const file = await write('k.yaml', 'a: "1"\nb: "1"\nc: "1"\n')
    const events = await follow([file])
    const first = events.next()
    await write('k.yaml', 'a: "1"\nb: "2"\nd: "1"\n')
    expect(await first).toEqual({ put: { '/b': '2', '/d': '1' }, del: ['/c'] })
    // Neither a comment nor an unrelated file may cause an event.
    const second = events.next()
    await write('k.yaml', '# hello\na: "1"\nb: "2"\nd: "1"\n')
    await write('unrelated.yaml', 'x: y')
    await write('k.yaml', 'a: "3"\nb: "2"\nd: "1"\n')
    expect(await second).toEqual({ put: { '/a': '3' }, del: [] })
  })

  test('a write between the snapshot and the watch is not lost', async () => {
    const file = await write('k.yaml', 'a: "1"\n')
    const events = await follow([file])
    await write('k.yaml', 'a: "2"\n')
    expect((await events.next()).put).toEqual({ '/a': '2' })
  })

  test('an editor that renames, and one that truncates first', async () => {
    const file = await write('k.yaml', 'a: "1"\n')
    const events = await follow([file])
    for (const value of ['2', '3', '4']) {
      const renamed = events.next()
      await write('.k.yaml.tmp', `a: "${value}"\n`)
      await rename(at('.k.yaml.tmp'), file)
      expect((await renamed).put).toEqual({ '/a': value })
    }
    // The store waits half a second for the rest of the file. On a busy machine, this test may need longer.
    vi.useFakeTimers({ toFake: ['performance'] })
    const truncated = events.next()
    await truncate(file)
    await new Promise((resolve) => setImmediate(resolve))
    await writeFile(file, 'a: "5"\n')
    expect(await truncated).toEqual({ put: { '/a': '5' }, del: [] })
    const recreated = events.next()
    await unlink(file)
    await writeFile(file, 'a: "6"\n')
    expect((await recreated).put).toEqual({ '/a': '6' })
  })

  test('an invalid file is a fault, even if the clock is set back meanwhile', async () => {
    const file = await write('k.yaml', 'a: "1"\n')
    const events = await follow([file])
    const broken = events.next()
    let hours = 0
    vi.spyOn(Date, 'now').mockImplementation(() => -3_600_000 * hours++)
    await write('k.yaml', 'a: [')
    await expect(within('the fault', broken)).rejects.toBeInstanceOf(FaultError)
  })

  test('a ConfigMap: the ..data link is swapped', async () => {
    await write('cm/..one/k.yaml', 'a: "1"\n')
    await symlink('..one', at('cm/..data'))
    await symlink('..data/k.yaml', at('cm/k.yaml'))
    for (const target of [at('cm/k.yaml'), at('cm')]) {
      const events = await follow([target])
      for (const value of ['2', '3']) {
        const swapped = events.next()
        await write(`cm/..${value}/k.yaml`, `a: "${value}"\n`)
        await symlink(`..${value}`, at('cm/..data_tmp'))
        await rename(at('cm/..data_tmp'), at('cm/..data'))
        expect((await swapped).put).toEqual({ '/a': value })
        await rm(at(`cm/..${value}/k.yaml`), { force: true }).then(() =>
          write(`cm/..${value}/k.yaml`, `a: "${value}"\n`),
        )
      }
      await events.raw.return?.()
      await symlink('..one', at('cm/..data_tmp'))
      await rename(at('cm/..data_tmp'), at('cm/..data'))
    }
  })

  test('a ConfigMap of several files swaps as one, however often and whenever it is read', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `k${n}.yaml`)
    const swap = async (version: number): Promise<void> => {
      for (const [n, name] of names.entries()) {
        await write(`cm/..v${version}/${name}`, `k${n}: "${version}"\n`)
      }
      await symlink(`..v${version}`, at('cm/..data_tmp'))
      await rename(at('cm/..data_tmp'), at('cm/..data'))
      // Removes an older version a little later, as the kubelet does.
      await rm(at(`cm/..v${version - 3}`), { recursive: true, force: true })
    }
    await swap(0)
    for (const name of names) await symlink(`..data/${name}`, at('cm', name))
    const keys = new Map<Key, string>()
    const versions: string[] = []
    const last = '60'
    const watching = (async () => {
      const events = watch([at('cm')])
      while (versions.at(-1) !== last) {
        const { value: event } = (await events.next()) as { value: StoreEvent }
        for (const [key, value] of event.kind === 'snapshot' ? event.entries : event.put) {
          keys.set(key, value)
        }
        versions.push([...new Set(keys.values())].join(' and '))
      }
    })()
    // A store that is read only once must not mix versions either.
    const reading = (async () => {
      while (versions.at(-1) !== last) {
        versions.push([...new Set((await snapshot([at('cm')])).values())].join(' and '))
      }
    })()
    for (let version = 1; version <= Number(last); version++) await swap(version)
    await Promise.all([watching, reading])
    expect(versions.filter((version) => version.includes('and'))).toEqual([])
    expect(keys.size).toBe(20)
  })

  test('a folder: new files, new sub-folders, files that go', async () => {
    await write('d/a.yaml', 'a: "1"\n')
    const events = await follow([at('d')])
    const added = events.next()
    await write('d/b.yaml', 'b: "1"\n')
    expect(await added).toEqual({ put: { '/b': '1' }, del: [] })
    const below = events.next()
    await write('d/sub/deep/c.yaml', 'c: "1"\n')
    expect(await below).toEqual({ put: { '/c': '1' }, del: [] })
    const edited = events.next()
    await write('d/sub/deep/c.yaml', 'c: "2"\n')
    expect(await edited).toEqual({ put: { '/c': '2' }, del: [] })
    const gone = events.next()
    await unlink(at('d/b.yaml'))
    expect(await gone).toEqual({ put: {}, del: ['/b'] })
  })

  test('the whole folder replaced by another', async () => {
    await write('d/a.yaml', 'a: "1"\n')
    const events = await follow([at('d/a.yaml')])
    for (const value of ['2', '3']) {
      const replaced = events.next()
      await write(`new${value}/a.yaml`, `a: "${value}"\n`)
      await rename(at('d'), at(`old${value}`))
      await rename(at(`new${value}`), at('d'))
      expect((await replaced).put).toEqual({ '/a': value })
    }
  })

  test.each([
    ['broken', () => write('k.yaml', 'a: {\n').then(() => undefined), 2],
    ['missing', () => unlink(at('k.yaml')), undefined],
  ])('a file gone %s is a fault; repaired, it opens again', async (_what, spoil, line) => {
    const file = await write('k.yaml', 'a: "1"\n')
    const events = await follow([file])
    const next = events.next()
    await spoil()
    await expect(next).rejects.toMatchObject({ fault: { kind: 'store', file } })
    if (line !== undefined) await expect(snapshot([file])).rejects.toHaveProperty('fault.line')
    await write('k.yaml', 'a: "2"\n')
    expect((await snapshot([file])).get('/a')).toBe('2')
  })

  test('ends at an abort', async () => {
    const file = await write('k.yaml', 'a: "1"\n')
    const events = await follow([file])
    const first = events.next()
    await write('k.yaml', 'a: "2"\n')
    await first
    const next = events.raw.next()
    abort.abort()
    expect((await next).done).toBe(true)
  })
})
