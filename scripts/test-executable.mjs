// npm run test:executable: runs all tests of the built program, and the contract of the stores, on the single
// executable. `npm test` includes a short version (test/executable).
import { join } from 'node:path'
import { executable } from './executable.mjs'
import { root, step } from './prepare.mjs'
import { runVitest, summary } from './vitest.mjs'

const file = executable(join(root, '.cache/executable/reconfd'))
step('fetching the servers', process.execPath, ['scripts/servers.mjs'])

const runs = {
  'cases, e2e, faults and service': runVitest(
    ['test/cases', 'test/e2e', 'test/faults', 'test/service/daemon'],
    {
      env: { ...process.env, RECONFD_PROGRAM: file },
    },
  ),
  // These tests open stores and run commands in their own process, so they run on the executable's runtime: with
  // BUN_BE_BUN=1, the executable behaves as Bun itself.
  'contract, stores and commands': runVitest(['test/contract', 'test/stores', 'test/apply'], {
    runtime: [file, '--bun'],
    env: { ...process.env, BUN_BE_BUN: '1' },
  }),
}
for (const [name, result] of Object.entries(runs)) console.log(`${name}: ${summary(result)}`)
process.exitCode = Object.values(runs).some(({ failed }) => failed > 0) ? 1 : 0
