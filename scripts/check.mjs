// npm run check: the compiler, the formatter and the linter, all of them even when one complains.
import { spawnSync } from 'node:child_process'
import { installPackages, root } from './prepare.mjs'

installPackages()
const run = (command, args) =>
  spawnSync(command, args, { cwd: root, stdio: 'inherit' }).status === 0
const bin = (name) => `${root}node_modules/.bin/${name}`
const results = [
  run(bin('tsc'), ['-p', '.']),
  run(bin('prettier'), ['--check', '.']),
  run(bin('eslint'), ['.', '--max-warnings', '0']),
]
process.exit(results.every(Boolean) ? 0 : 1)
