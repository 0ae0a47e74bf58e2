// npm run soak [-- -seconds N]: the long trial of test/faults/soak.test.ts, 20 minutes unless said
// otherwise. Prints memory and handles every 10 seconds, and a verdict.
import { spawnSync } from 'node:child_process'
import { build, installPackages, root } from './prepare.mjs'

const USAGE = 'usage: npm run soak [-- -seconds N]'
const [flag, seconds = '1200', ...rest] = process.argv.slice(2)
if (rest.length > 0 || (flag !== undefined && flag !== '-seconds') || !/^\d+$/.test(seconds)) {
  console.error(USAGE)
  process.exit(64)
}
installPackages()
build()
const { status } = spawnSync(
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', 'test/faults/soak.test.ts'],
  { cwd: root, stdio: 'inherit', env: { ...process.env, RECONFD_SOAK_SECONDS: seconds } },
)
process.exit(status ?? 1)
