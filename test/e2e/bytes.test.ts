// Values that are not valid UTF-8 must pass unchanged from a store through both template languages into the file.
// test/contract tests the stores themselves.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { removeDir, tempDir } from '../support/process.ts'
import { programWith } from '../support/program.ts'

const root = tempDir('bytes')
afterAll(() => removeDir(root))

let folder: string
let runs = 0
beforeEach(() => {
  folder = join(root, String(++runs))
  for (const part of ['conf.d', 'templates', 'out'])
    mkdirSync(join(folder, part), { recursive: true })
})

const resource = (name: string, src: string, text: string, more = ''): void => {
  writeFileSync(join(folder, 'templates', src), text)
  const dest = more === '' ? `dest = "${folder}/out/${name}"` : more
  writeFileSync(
    join(folder, 'conf.d', `${name}.toml`),
    `[template]\nsrc = "${src}"\nkeys = ["/"]\n${dest}\n`,
  )
}
const output = (name: string): Buffer => readFileSync(join(folder, 'out', name))
const run = (...args: string[]): string[] => [
  '-onetime',
  ...args,
  '-confdir',
  folder,
  '-state-dir',
  join(folder, 'state'),
]

test('of the environment: the env store and getenv, in both languages', () => {
  resource('store.go', 'a.tmpl', '{{getv "/odd"}}')
  resource('store.njk', 'a.njk', '{{ getv("/odd") }}')
  resource('getenv.go', 'b.tmpl', '{{getenv "ODD"}} {{base64Encode (getenv "ODD")}}')
  resource('getenv.njk', 'b.njk', '{{ getenv("ODD") }} {{ sha256sum(getenv("ODD")) }}')
  const shell = `ODD=$(printf 'a\\377\\357\\277\\275ü\\200') exec "$@"`
  const [command, args] = programWith(...run('-backend', 'env'))
  execFileSync('sh', ['-c', shell, 'sh', command, ...args], { env: { PATH: process.env.PATH } })
  const bytes = Buffer.from('61ffefbfbdc3bc80', 'hex')
  const hash = execFileSync('sha256sum', { input: bytes }).toString().slice(0, 64)
  expect(output('store.go')).toEqual(bytes)
  expect(output('store.njk')).toEqual(bytes)
  expect(output('getenv.go')).toEqual(
    Buffer.concat([bytes, Buffer.from(` ${bytes.toString('base64')}`)]),
  )
  expect(output('getenv.njk')).toEqual(Buffer.concat([bytes, Buffer.from(` ${hash}`)]))
})

test('in JSON, each such byte becomes U+FFFD', () => {
  writeFileSync(join(folder, 'keys.yaml'), 'v: !!binary 4oL/\n')
  resource('go', 'a.tmpl', '{{getv "/v" | toJson}}')
  resource('njk', 'a.njk', '{{ getv("/v") | toJson }}{{ getv("/v") | dump }}')
  const [command, args] = programWith(...run('-file', join(folder, 'keys.yaml')))
  execFileSync(command, args)
  expect(output('go').toString()).toBe('"\\ufffd\\ufffd\\ufffd"')
  expect(output('njk').toString()).toBe('"\\ufffd\\ufffd\\ufffd""\\ufffd\\ufffd\\ufffd"')
})

test('a key name with such bytes is read, but never becomes a file path', () => {
  // A snapshot writes the invalid byte 0xff as "\udcff".
  writeFileSync(join(folder, 'keys.json'), '{"k": {"a\\udcff": "1", "a\\udcfe": "2"}}')
  resource('all', 'a.tmpl', '{{range gets "/k/*"}}{{.Key}}={{.Value}} {{end}}')
  resource('each', 'e.njk', 'x', `for_each = "/k/*"\ndest = "${folder}/out/{{ base(item.key) }}"`)
  const [command, args] = programWith(...run('-file', join(folder, 'keys.json')))
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  expect(output('all').toString('latin1')).toBe('/k/a\xfe=2 /k/a\xff=1 ')
  expect(readdirSync(join(folder, 'out'))).toEqual(['all'])
  expect(status, stderr).not.toBe(0)
  expect(stderr).toContain('not valid UTF-8')
})
