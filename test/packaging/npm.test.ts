// The npm package: its contents, and a global installation without any other package.
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { beforeAll, expect, test } from 'vitest'
import { manPage } from '../../src/config/man.ts'
import { leftovers } from '../support/leftovers.ts'

interface Packed {
  readonly filename: string
  readonly size: number
  readonly version: string
  readonly files: readonly { readonly path: string; readonly mode: number }[]
}

const top = fileURLToPath(new URL('../../', import.meta.url))
const work = mkdtempSync(join(tmpdir(), 'reconfd-npm-'))
leftovers.folders.add(work)
let packed: Packed

beforeAll(async () => {
  const args = ['pack', '--json', '--pack-destination', work]
  const { stdout } = await execa('npm', args, { cwd: top })
  packed = (JSON.parse(stdout) as [Packed])[0]
})

test('it contains the program, its manual page, the unit and the licences, and is small', () => {
  const paths = packed.files.map(({ path }) => path)
  expect(paths).toEqual(
    expect.arrayContaining([
      'LICENSE',
      'README.md',
      'dist/cli.js',
      'dist/reconfd.1',
      'dist/third-party.txt',
      'package.json',
      'packaging/systemd/reconfd.service',
    ]),
  )
  expect(
    paths.filter(
      (path) => !/^(dist\/|packaging\/systemd\/|LICENSE$|README\.md$|package\.json$)/.test(path),
    ),
  ).toEqual([])
  expect(packed.size).toBeLessThan(2_000_000)
})

test('it declares nothing that would have to be fetched', () => {
  const declared = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as object
  for (const kind of [
    'dependencies',
    'optionalDependencies',
    'peerDependencies',
    'bundleDependencies',
  ])
    expect(declared).not.toHaveProperty(kind)
})

test('a global installation, without a network: the program and its manual page', async () => {
  const prefix = join(work, 'usr')
  const file = join(work, packed.filename)
  await execa('npm', ['install', '--global', '--offline', '--prefix', prefix, file], { cwd: work })
  const { stdout } = await execa(join(prefix, 'bin/reconfd'), ['-version'])
  expect(stdout).toContain(`reconfd ${packed.version} (node v`)
  const page = join(prefix, 'share/man/man1/reconfd.1')
  expect(existsSync(page)).toBe(true)
  expect(readFileSync(page, 'utf8')).toBe(manPage(packed.version))
})
