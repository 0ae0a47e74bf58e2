// npm run check: the compiler, the formatter and the linter, all of them even when one complains.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = (command, args) =>
  spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0

if (!existsSync(`${root}node_modules`) && !run('npm', ['ci', '--no-audit', '--no-fund'])) process.exit(1)

const bin = (name) => `${root}node_modules/.bin/${name}`
const results = [
  run(bin('tsc'), ['-p', '.']),
  run(bin('prettier'), ['--check', '.']),
  run(bin('eslint'), ['.', '--max-warnings', '0']),
]
process.exit(results.every(Boolean) ? 0 : 1)
