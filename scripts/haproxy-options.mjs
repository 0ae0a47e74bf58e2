// Writes src/haproxy/options.ts: on each release of HAProxy, tries every option of a `server` line, once in the
// configuration file and once at run time, and compares the results (test/haproxy/trials.ts). Run this script when a
// release is added to scripts/servers.mjs.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const { status } = spawnSync('npx', ['vitest', 'run', 'test/haproxy/options.test.ts'], {
  cwd: fileURLToPath(new URL('..', import.meta.url)),
  env: { ...process.env, UPDATE_OPTIONS: '1' },
  stdio: 'inherit',
})
process.exitCode = status ?? 1
