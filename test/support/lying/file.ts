// The lies of the file store are invalid files, because its server is the disk.
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Key } from '../../../src/core/key.ts'
import { removeDir, tempDir } from '../process.ts'
import { settingsFor } from '../settings.ts'
import { LIMITS, SECRET, type LyingServer, type Lies, type Protocol } from './protocol.ts'

/** Replaces the file of this name with an invalid file. */
interface FileLie {
  readonly name: 'keys.yaml' | 'keys.json' | 'keys.toml'
  readonly make: (path: string) => void
}

/** A folder with a file of each kind. */
class Folder implements LyingServer<FileLie> {
  readonly sent = 0
  readonly #root = tempDir('lying')
  readonly node = join(this.#root, 'keys')
  #version = 1

  constructor() {
    mkdirSync(this.node)
    this.#write()
  }

  lie({ name, make }: FileLie): void {
    const staged = join(this.#root, name)
    rmSync(staged, { recursive: true, force: true })
    make(staged)
    rmSync(join(this.node, name), { recursive: true, force: true })
    renameSync(staged, join(this.node, name))
  }

  repent(): void {
    this.#write()
  }

  change() {
    this.#version++
    this.#write()
    return { key: '/v/a' as Key, holds: `${SECRET} ${this.#version}` }
  }

  async close(): Promise<void> {
    removeDir(this.#root)
  }

  #write(): void {
    const files = {
      'keys.yaml': `v: {a: "${SECRET} ${this.#version}"}\n`,
      'keys.json': JSON.stringify({ v: { b: `${SECRET} b` } }),
      'keys.toml': `[v.c]\nd = "${SECRET} d"\n`,
    }
    for (const [name, text] of Object.entries(files)) {
      this.lie({ name: name as FileLie['name'], make: (path) => writeFileSync(path, text) })
    }
  }
}

const file = (name: FileLie['name'], content: string | Buffer): FileLie => ({
  name,
  make: (path) => writeFileSync(path, content),
})
const yaml = (text: string | Buffer): FileLie => file('keys.yaml', text)
const json = (text: string | Buffer): FileLie => file('keys.json', text)
const toml = (text: string | Buffer): FileLie => file('keys.toml', text)

const answers: Lies<FileLie> = {
  'a page, as YAML': yaml(`<!doctype html>\n<html>${SECRET}</html>`),
  'a text, as YAML': yaml(SECRET),
  'a number, as YAML': yaml('5'),
  'half of YAML': yaml(`v: {a: "${SECRET}`),
  'tabs, as YAML': yaml(`v:\n\ta: ${SECRET}\n`),
  'a name twice, as YAML': yaml(`v: {a: ${SECRET}, a: ${SECRET}}`),
  'two documents': yaml(`v: {a: 1}\n---\nv: {a: ${SECRET}}\n`),
  'an alias of nothing': yaml(`v: {a: *${SECRET}}`),
  'aliases of aliases': yaml(
    `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((name, n) => `${name}: &${name} [${`*${'abcdefgh'[n] ?? 'a'},`.repeat(9)}]`)
      .join('\n')}\n`,
  ),
  'a map for a name': yaml(`{{a: ${SECRET}}: 1}`),
  'a nest of lists, as YAML': yaml(`v: ${'['.repeat(50_000)}`),
  'a nest of blocks, as YAML': yaml('- '.repeat(50_000)),
  'bytes that are not UTF-8, as YAML': yaml(Buffer.from([0x61, 0x3a, 0x20, 0xff, 0xfe])),
  'a binary, as YAML': yaml(Buffer.from('7f454c4602010100000000000000000003003e00', 'hex')),
  'more than the limit': yaml(`v: {a: "${'x'.repeat(LIMITS.body)}"}`),
  'a folder with bad YAML in it': {
    name: 'keys.yaml',
    make: (path) => {
      mkdirSync(path)
      writeFileSync(join(path, 'inner.yaml'), '{')
    },
  },
  'a link to nowhere': { name: 'keys.yaml', make: (path) => symlinkSync('/nonexistent/x', path) },
  'a link to itself': { name: 'keys.yaml', make: (path) => symlinkSync('keys.yaml', path) },
  'a device without end': { name: 'keys.yaml', make: (path) => symlinkSync('/dev/zero', path) },
  'nothing, as JSON': json(''),
  'a text, as JSON': json(`"${SECRET}"`),
  'half of JSON': json(`{"v":{"b":"${SECRET}`),
  'JSON and more': json(`{"v":{}} ${SECRET}`),
  'a comment, as JSON': json(`// ${SECRET}\n{}`),
  'a comma too many': json(`{"v":{"b":"${SECRET}",}}`),
  'a name twice, as JSON': json(`{"v":{"b":"${SECRET}","b":"${SECRET}"}}`),
  'a nest of 100,000 lists': json('['.repeat(100_000) + ']'.repeat(100_000)),
  'a nest of 100,000 maps': json('{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)),
  'very many values of hardly any bytes': json(`[${'[],'.repeat(2 ** 17)}[]]`),
  'an invalid escape': json(`{"v":"\\x${SECRET}"}`),
  'a line break in a text': json(`{"v":"\n${SECRET}"}`),
  'bytes that are not UTF-8, as JSON': json(Buffer.from([0x22, 0xc3, 0x28, 0x22])),
  'YAML, as TOML': toml(`v: {c: ${SECRET}}`),
  'half of TOML': toml('[v.c'),
  'a text that does not end, as TOML': toml(`d = "${SECRET}`),
  'a name twice, as TOML': toml(`d = "${SECRET}"\nd = "${SECRET}"\n`),
  'a table twice': toml(`[v]\nx = 1\n[v]\ny = "${SECRET}"\n`),
  'a nest of lists, as TOML': toml(`d = ${'['.repeat(50_000)}`),
}

export const keysFiles: Protocol<FileLie> = {
  name: 'file',
  prefix: '/v',
  start: async () => new Folder(),
  settings: (node) => settingsFor({ backend: 'file', files: [node], limits: LIMITS }),
  answers,
}
