// Runs vitest, shows its output, and counts the results.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './prepare.mjs'

/**
 * @param args for `vitest run`
 * @param runtime the program that runs vitest, and its first arguments
 * @returns {{ passed: number, failed: number, skipped: number }} `failed` is at least 1 if the run
 *   as a whole failed or no test passed
 */
export function runVitest(args, { runtime = [process.execPath], env = process.env } = {}) {
  mkdirSync(join(root, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(root, '.cache/test-'))
  const report = join(folder, 'report.json')
  try {
    const [command, ...first] = [...runtime, 'node_modules/vitest/vitest.mjs', 'run']
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const { status } = spawnSync(command, [...first, ...reporters, ...args], {
      cwd: root,
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const { passed, failed, skipped } = count(report)
    const isBad = failed > 0 || status !== 0 || passed === 0
    return { passed, failed: isBad ? Math.max(failed, 1) : 0, skipped }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The line that ends a run of tests: `N passed, N failed`. */
export const summary = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`

function count(report) {
  try {
    const json = JSON.parse(readFileSync(report, 'utf8'))
    // A file that cannot be loaded contains no test, but counts as a failure.
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
    console.error(`vitest left no report: ${error.message}`)
    return { passed: 0, failed: 0, skipped: 0 }
  }
}
