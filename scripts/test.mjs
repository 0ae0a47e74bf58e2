// `npm test`: prepares a fresh clone (packages, servers, build), runs all tests, and prints
// `N passed, N failed` as the last line. Arguments are passed to vitest.
// Plain JavaScript without dependencies, since there may be no node_modules yet.
import { build, installPackages, step } from './prepare.mjs'
import { runVitest, summary } from './vitest.mjs'

const nothingRan = () => console.log('0 passed, 1 failed')

installPackages(nothingRan)
step('fetching the servers', process.execPath, ['scripts/servers.mjs'], nothingRan)
build(nothingRan)
const result = runVitest(process.argv.slice(2))
console.log(summary(result))
process.exitCode = result.failed > 0 ? 1 : 0
