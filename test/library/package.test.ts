// The package as a consumer gets it: packed, installed into an empty folder, compiled with and without a bundler, and
// run with a real etcd. This test also compiles the examples of docs/library.md; test/docs runs them.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { blocksOf, noteIn, top } from '../docs/markdown.ts'
import { removeDir, startEtcd, tempDir, until, type EtcdServer } from '../support/servers.ts'

const folder = tempDir('consumer')
const installed = join(folder, 'node_modules/reconfd')
let etcd: EtcdServer

beforeAll(async () => {
  const pack = ['pack', '--json', '--pack-destination', folder]
  const { stdout } = await execa('npm', pack, { cwd: top })
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const install = ['install', '--offline', '--no-audit', '--no-fund', join(folder, filename)]
  ;[etcd] = await Promise.all([startEtcd(), execa('npm', install, { cwd: folder })])
})
afterAll(async () => {
  await etcd?.stop()
  removeDir(folder)
})

/** The options of a strict consumer: no `skipLibCheck`, and only Node's types. */
const base = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  target: 'es2023',
  lib: ['es2023'],
  types: ['node'],
  typeRoots: [join(top, 'node_modules/@types')],
}

/** Writes a TypeScript project of these files. Returns the path of its tsconfig. */
function project(name: string, compilerOptions: object, files: readonly string[]): string {
  const config = join(folder, `tsconfig.${name}.json`)
  writeFileSync(config, JSON.stringify({ compilerOptions: { ...base, ...compilerOptions }, files }))
  return config
}

test('strict programs compile, with Node’s resolution and with a bundler’s', async () => {
  copyFileSync(join(top, 'test/library/consumer.mts'), join(folder, 'consumer.mts'))
  const examples = blocksOf('docs/library.md').filter((block) => noteIn(block, 'file'))
  expect(examples.length).toBeGreaterThan(1)
  const files = ['consumer.mts']
  for (const [n, { text }] of examples.entries()) {
    const name = `example-${n}.mts`
    writeFileSync(join(folder, name), text)
    files.push(name)
  }
  const projects = [
    project('node', { module: 'nodenext', outDir: 'out' }, files),
    project('bundler', { module: 'preserve', moduleResolution: 'bundler', noEmit: true }, files),
  ]
  const tsc = join(top, 'node_modules/typescript/bin/tsc')
  // A single compiler for both projects parses their common files only once.
  const compiled = await execa(process.execPath, [tsc, '-b', ...projects], { reject: false })
  expect(compiled.stdout).toBe('')
  expect(compiled.exitCode).toBe(0)
})

test('the compiled program follows a real etcd, and its process ends by itself', async () => {
  for (const name of ['conf.d', 'templates']) mkdirSync(join(folder, name))
  writeFileSync(join(folder, 'templates/page.njk'), '{{ getv("/page/title") }}\n')
  const page = join(folder, 'page')
  const resource = `[template]
src = "page.njk"
dest = "${page}"
keys = ["/page"]
reload_cmd = "true"
`
  writeFileSync(join(folder, 'conf.d/page.toml'), resource)
  await etcd.client.put('/page/title', 'one')
  const program = execa(process.execPath, ['out/consumer.mjs', etcd.node, folder], {
    cwd: folder,
    timeout: 20_000,
  })
  await until('the first page', () => isThere(page, 'one\n'))
  await etcd.client.put('/page/title', 'two')
  const { stdout } = await program
  const written = ['page.toml 0', 'page.toml 0']
  expect(stdout.split('\n')).toEqual([
    JSON.stringify({ written, failed: [], changed: ['page.toml'] }),
    '1 /a',
  ])
  expect(isThere(page, 'two\n')).toBe(true)
})

test('contents: types without packages, the licences, and no dependencies', () => {
  const read = (name: string): string => readFileSync(join(installed, name), 'utf8')
  const { types, dependencies, license } = JSON.parse(read('package.json')) as {
    types: string
    dependencies?: object
    license: string
  }
  expect(dependencies).toBeUndefined()
  expect(read(types)).not.toMatch(/\bimport\b|\brequire\(|reference types/)
  expect(license).toBe('MIT')
  expect(read('LICENSE')).toContain('MIT License')
  expect(read('dist/third-party.txt')).toContain('nunjucks')
})

function isThere(file: string, text: string): boolean {
  try {
    return readFileSync(file, 'utf8') === text
  } catch {
    return false
  }
}
