// examples/whole-way: containers are registered and rendered into HAProxy's configuration under constant requests.
// scripts/whole-way.mjs runs the example and exits with 0 if no request has failed.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { leftovers } from '../support/leftovers.ts'
import { whyNoContainers } from '../support/podman.ts'

const script = join(import.meta.dirname, '../../scripts/whole-way.mjs')
const rounds = process.env['RECONFD_LONG'] === '1' ? 20 : 1
const why = whyNoContainers()
if (why !== undefined) process.stderr.write(`SKIPPED: the whole way: ${why}\n`)

describe.skipIf(why !== undefined)('the whole way', () => {
  test.each(['etcd', 'consul'])(
    'through %s',
    async (store) => {
      const child = spawn(process.execPath, [script, store, '-rounds', String(rounds)], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      leftovers.children.add(child)
      let output = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (data: Buffer) => (output += data.toString()))
      }
      const code = await new Promise((resolve) => child.once('exit', resolve))
      leftovers.children.delete(child)
      expect(code, output).toBe(0)
      expect(output).toContain('No request has failed.')
    },
    120_000 + rounds * 60_000,
  )
})
