// npm run soak [-- load|reloads|register|haproxy] [-seconds N]: the long trials of test/faults, 20 minutes each by
// default. `load` (soak.test.ts) prints memory and handles every 10 seconds, and a verdict at the end; `reloads`
// (reloads.test.ts) kills every process that it can and counts lost reloads. `register` (register.test.ts)
// compares the registered services with the running ones; `haproxy` (haproxy.test.ts) compares the
// servers in the running HAProxy with those in its file. Without a name, all trials run.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { build, installPackages, root } from './prepare.mjs'

const trials = {
  load: 'test/faults/soak.test.ts',
  reloads: 'test/faults/reloads.test.ts',
  register: 'test/faults/register.test.ts',
  haproxy: 'test/faults/haproxy.test.ts',
}

function usage() {
  console.error(`usage: npm run soak [-- ${Object.keys(trials).join('|')}] [-seconds N]`)
  process.exit(64)
}

function options() {
  // Accepts one dash, like reconfd's own flags.
  const args = process.argv.slice(2).map((arg) => (arg === '-seconds' ? '--seconds' : arg))
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { seconds: { type: 'string', default: '1200' } },
    })
    const names = positionals.length === 0 ? Object.keys(trials) : positionals
    if (!/^[0-9]+$/.test(values.seconds) || !names.every((name) => Object.hasOwn(trials, name)))
      usage()
    return { seconds: values.seconds, names }
  } catch {
    return usage()
  }
}

const { seconds, names } = options()
installPackages()
build()
let worst = 0
for (const name of names) {
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', trials[name]],
    { cwd: root, stdio: 'inherit', env: { ...process.env, RECONFD_SOAK_SECONDS: seconds } },
  )
  worst ||= status ?? 1
}
process.exit(worst)
