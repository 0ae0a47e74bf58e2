// npm run check: compiler, formatter, linter, borders between rooms, unused code and a size report. Every check
// runs, even if another one fails.
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
  run(bin('depcruise'), ['--config', '.dependency-cruiser.mjs', 'src']),
  run(bin('knip'), ['--no-progress']),
  run(process.execPath, ['scripts/sizes.mjs']),
]
process.exit(results.every(Boolean) ? 0 : 1)
