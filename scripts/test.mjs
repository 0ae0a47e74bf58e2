// `npm test`: sets itself up from a fresh clone (packages, servers, build), runs all tests, and
// ends with the line `N passed, N failed`. Arguments are passed on to vitest.
// Plain JavaScript without dependencies, since there may be no node_modules yet.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build, installPackages, root, step } from './prepare.mjs'

const args = process.argv.slice(2)
const nothingRan = () => console.log('0 passed, 1 failed')

installPackages(nothingRan)
step('fetching the servers', process.execPath, ['scripts/servers.mjs'], nothingRan)
build(nothingRan)
process.exitCode = runTests()

/** @returns the exit code: 0 only when tests ran and all of them passed */
function runTests() {
  mkdirSync(join(root, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(root, '.cache/test-'))
  const report = join(folder, 'report.json')
  try {
    const command = [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...args,
    ]
    const { status } = spawnSync(process.execPath, command, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const { passed, failed, skipped } = count(report)
    const bad = failed > 0 || status !== 0 || passed === 0
    console.log(
      `${passed} passed, ${bad ? Math.max(failed, 1) : 0} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
    )
    return bad ? 1 : 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function count(report) {
  try {
    const json = JSON.parse(readFileSync(report, 'utf8'))
    // A file that could not be loaded holds no test, and is a failure nevertheless.
    const broken = json.testResults.filter(
      (file) =>
        file.status === 'failed' && file.assertionResults.every((t) => t.status !== 'failed'),
    )
    return {
      passed: json.numPassedTests,
      failed: json.numFailedTests + broken.length,
      skipped: json.numPendingTests + json.numTodoTests,
    }
  } catch (error) {
    console.error(`npm test: vitest left no report: ${error.message}`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
