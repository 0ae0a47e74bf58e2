// Prepares a fresh clone for the other scripts: installs packages and builds the program.
// Plain JavaScript without dependencies, since there may be no node_modules yet.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder, with a slash at its end. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** Runs a command in the repository and shows its output. If the command fails, calls `onFailure` and exits with 1. */
export function step(name, command, args, onFailure = () => undefined) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status === 0) return
  console.error(`${name} failed${error === undefined ? '' : `: ${error.message}`}`)
  onFailure()
  process.exit(1)
}

/** Runs `npm ci` if node_modules is missing or older than the lock file. */
export function installPackages(onFailure) {
  const modified = (file) => statSync(join(root, file), { throwIfNoEntry: false })?.mtimeMs ?? 0
  // npm writes this file last.
  if (modified('node_modules/.package-lock.json') >= modified('package-lock.json')) return
  step('npm ci', 'npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], onFailure)
}

export function build(onFailure) {
  step('the build', process.execPath, ['scripts/build.mjs'], onFailure)
}
