// The single executable, the short form of npm run test:executable: what only one file can do wrong,
// and then the cases and a part of the e2e tests, which are run on it as they are.
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
// Only for the tests imported below: this file runs in its own process.
process.env['RECONFD_PROGRAM'] = executable

/** A folder with one resource, which shows a variable of the environment, and is started there. */
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

test('it runs where there is no Node, and no other program', async () => {
  const root = folder({})
  const args = ['-onetime', '-backend', 'env', '-confdir', root, '-state-dir', join(root, 'state')]
  const env = { PATH: '/none', FROM_FILE: 'the environment' }
  const run = { cwd: root, env, extendEnv: false, all: true, reject: false } as const
  const { exitCode, all } = await execa(executable, args, run)
  expect(exitCode, all).toBe(0)
  expect(readFileSync(join(root, 'out'), 'utf8')).toBe('the environment\n')
})

test('what lies in the folder where it is started does not change what it does', async () => {
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
