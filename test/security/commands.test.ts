// Runaway commands: at the timeout of a check, reconfd must kill all processes that the check has started, and other
// resources must not wait for these processes. (test/apply/command.test.ts tests an output of 1 GB.)
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withSite } from '../e2e/support.ts'
import { until } from '../support/until.ts'

/** Returns the pids of the processes that have this variable (`NAME=value`) in their environment. */
function processesWith(variable: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(variable)
    } catch {
      return false
    }
  })
}

// A bounded fork bomb, because process limits do not apply to root: 63 shells, each with a `sleep`. All of them
// ignore SIGTERM and never exit by themselves.
const BOMB = `#!/bin/sh
trap '' TERM
depth=$1
if [ "$depth" -gt 0 ]; then
  "$0" $((depth - 1)) & "$0" $((depth - 1)) &
fi
while :; do sleep 1000; done
`

test('a fork bomb in check_cmd ends completely at its timeout, and the other resources continue', async () => {
  await withSite([], async (site) => {
    const keys = join(site.root, 'keys.json')
    const set = (v: string): void => writeFileSync(keys, JSON.stringify({ v }))
    set('1')
    const bomb = site.path('bomb')
    writeFileSync(bomb, BOMB, { mode: 0o755 })
    const marker = `BOMB=${process.pid}`
    for (const name of ['good', 'bad']) site.template(name, '{{ getv("/v") }}')
    site.resource('good')
    site.resource('bad', {
      check_cmd: `${marker} ${bomb} 5`,
      check_timeout: '4s',
    })
    const run = site.start('-watch', '-file', keys)
    const started = () => processesWith(marker).length
    await run.until('the bomb', () => started() > 40)
    set('2')
    await run.until('the other resource', () => site.read('good') === '2')
    await run.until('the timeout', () => run.tells('failed'))
    // Stops the run, because the next attempt would start another bomb.
    expect((await run.stop()).code).toBe(0)
    await until('nothing of it runs', () => started() === 0)
    expect(site.read('bad')).toBeUndefined()
  })
})
