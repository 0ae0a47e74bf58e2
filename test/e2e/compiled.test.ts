// A run leaves its compiled code in the state directory for the next run.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { tempDir } from '../support/servers.ts'

const program = join(import.meta.dirname, '../../dist/cli.js')

/** Creates a confdir and a state directory, and returns functions that run the program on them. */
function setUp() {
  const dir = tempDir('compiled')
  for (const name of ['conf.d', 'templates', 'state']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'templates/a.tmpl'), '{{getv "/path"}}')
  const resource = `[template]\nsrc = "a.tmpl"\ndest = "${dir}/out"\nkeys = ["/path"]\n`
  writeFileSync(join(dir, 'conf.d/a.toml'), resource)
  const folder = join(dir, 'state/compiled')
  const run = (...flags: readonly string[]) => {
    const where = ['-confdir', dir, '-state-dir', join(dir, 'state')]
    const args = [program, '-onetime', '-backend', 'env', ...where, ...flags]
    const { status, stderr } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      env: { ...process.env, PATH: '/usr/bin:/bin' },
    })
    return { status, stderr }
  }
  const kept = (): string[] => readdirSync(folder).sort()
  return { dir, folder, run, kept }
}

test('is written by a successful run and used by the next', () => {
  const { dir, folder, run, kept } = setUp()
  expect(run().status).toBe(0)
  const names = kept()
  expect(names.map((name) => name.replace(/-[\w-]{8}\.cjs\.\d+$/, ''))).toEqual([
    'env',
    'go-templates',
    'run',
  ])
  const before = names.map((name) => readFileSync(join(folder, name)))
  expect(run().status).toBe(0)
  expect(kept().map((name) => readFileSync(join(folder, name)))).toEqual(before)
  expect(readFileSync(join(dir, 'out'), 'utf8')).toBe('/usr/bin:/bin')
})

test('a damaged file is replaced, and files of another version are removed', () => {
  const { folder, run, kept } = setUp()
  run()
  const names = kept()
  const damaged = join(folder, names.find((name) => name.startsWith('run-')) as string)
  const good = readFileSync(damaged)
  const bad = Buffer.from(good)
  for (let n = 1000; n < 2000; n++) bad[n] = 0x55
  writeFileSync(damaged, bad)
  writeFileSync(join(folder, 'run-AAAAAAAA.cjs.1'), 'former')
  expect(run()).toMatchObject({ status: 0 })
  expect(kept()).toEqual(names)
  expect(readFileSync(damaged).equals(bad)).toBe(false)
})

test('neither a failed run nor a -noop run leaves any', () => {
  const { folder, run, kept } = setUp()
  expect(run('-noop').status).toBe(0)
  expect(existsSync(folder)).toBe(false)
  expect(run('-backend', 'etcdv3', '-node', '127.0.0.1:1', '-timeout', '100ms').status).toBe(69)
  expect(kept()).toEqual([])
})
