// A program that keeps its own settings file in step with a store, and applies each change.
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatFault, run } from 'reconfd'

const here = fileURLToPath(new URL('.', import.meta.url))
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort())

/** Applies the content of limits.json, the destination of conf.d/limits.toml. */
function applyLimits() {
  const { requests, burst } = JSON.parse(readFileSync('limits.json', 'utf8'))
  console.log(`limits: ${requests} requests a second, ${burst} at once`)
}

const ended = await run({
  settings: {
    backend: 'file',
    file: [join(here, 'keys.yaml')],
    confdir: here,
    state_dir: join(tmpdir(), 'reconfd-example'),
    onetime: process.argv.includes('--once'),
    watch: true,
  },
  signal: stop.signal,
  onEvent: (event) => {
    if (event.kind === 'applied') applyLimits()
    if (event.kind === 'failed') console.error(`${event.resource}: ${formatFault(event.fault)}`)
  },
})

if ('faults' in ended) for (const fault of ended.faults) console.error(formatFault(fault))
if (ended.kind !== 'done' || ended.failed.length > 0) process.exitCode = 1
