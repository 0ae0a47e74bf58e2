// The short form of `npm run test:executable`. Tests faults that only a single executable can have, then runs the cases
// and some of the e2e tests on the executable unchanged.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { compile } from '../../scripts/executable.mjs'
import { removeDir, tempDir } from '../support/process.ts'

const top = fileURLToPath(new URL('../..', import.meta.url))
const executable = join(top, '.cache/executable/reconfd')
compile(executable)
// Affects only the tests imported below, since each test file runs in its own process.
process.env['RECONFD_PROGRAM'] = executable

/** Creates a folder with one resource that shows an environment variable. The program is started in this folder. */
function folder(files: Readonly<Record<string, string>>): string {
  const root = tempDir('executable')
  onTestFinished(() => removeDir(root))
  for (const name of ['conf.d', 'templates']) mkdirSync(join(root, name))
  const all = {
    'conf.d/a.toml': `[template]\nsrc = "a.njk"\ndest = "${root}/out"\nkeys = ["/"]\n`,
    'templates/a.njk': '{{ getv("/from/file", "nothing") }}\n',
    ...files,
  }
  for (const [name, text] of Object.entries(all)) writeFileSync(join(root, name), text)
  return root
}

test('it runs without Node and without other programs', async () => {
  const root = folder({})
  const args = ['-onetime', '-backend', 'env', '-confdir', root, '-state-dir', join(root, 'state')]
  const env = { PATH: '/none', FROM_FILE: 'the environment' }
  const run = { cwd: root, env, extendEnv: false, all: true, reject: false } as const
  const { exitCode, all } = await execa(executable, args, run)
  expect(exitCode, all).toBe(0)
  expect(readFileSync(join(root, 'out'), 'utf8')).toBe('the environment\n')
})

test('files in its working directory do not change its behaviour', async () => {
  const root = folder({
    '.env': 'FROM_FILE=.env\n',
    'bunfig.toml': 'preload = ["./preload.mjs"]\n',
    'preload.mjs': `import { writeFileSync } from 'node:fs'\nwriteFileSync('preloaded', '')\n`,
    'package.json': '{"type": "commonjs"}',
    'tsconfig.json': '{',
  })
  const args = ['-onetime', '-backend', 'env', '-confdir', root, '-state-dir', join(root, 'state')]
  const { exitCode, all } = await execa(executable, args, { cwd: root, all: true, reject: false })
  expect(exitCode, all).toBe(0)
  expect(readFileSync(join(root, 'out'), 'utf8')).toBe('nothing\n')
  expect(existsSync(join(root, 'preloaded'))).toBe(false)
})

await import('../cases/cases.test.ts')
await import('../e2e/exit-codes.test.ts')
await import('../e2e/signals.test.ts')
await import('../e2e/stores.test.ts')
