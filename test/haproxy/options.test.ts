// The generated table of `server` options, compared with what HAProxy does with each of them.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { expect, test } from 'vitest'
import { Authority } from '../support/certificates.ts'
import { tempDir } from '../support/servers.ts'
import { tryOptions, type Trial } from './trials.ts'

const RELEASES = ['2.6', '3.0', '3.2']
const FILE = fileURLToPath(new URL('../../src/haproxy/options.ts', import.meta.url))

test('the table matches the trials on HAProxy 2.6, 3.0 and 3.2', { timeout: 120_000 }, async () => {
  const dir = tempDir('haproxy-options')
  const authority = new Authority(dir)
  const certificate = authority.issue('server')
  const client = authority.issue('client')
  const crt = join(dir, 'both.pem')
  writeFileSync(crt, readFileSync(client.cert, 'utf8') + readFileSync(client.key, 'utf8'))
  const trials = new Map<string, readonly Trial[]>()
  for (const release of RELEASES) {
    const files = { ca: authority.cert, crt }
    trials.set(release, await tryOptions(`haproxy-${release}`, certificate, files))
  }
  const text = await format(tableOf(trials), { ...(await resolveConfig(FILE)), filepath: FILE })
  if (process.env['UPDATE_OPTIONS'] !== undefined) writeFileSync(FILE, text)
  expect(text).toBe(readFileSync(FILE, 'utf8'))
})

function tableOf(trials: ReadonlyMap<string, readonly Trial[]>): string {
  const args = new Map<string, number>()
  const releases = new Map<string, string[]>()
  const undeletable = new Set<string>()
  for (const [release, all] of trials) {
    for (const trial of all) {
      args.set(trial.option, trial.args)
      const able = releases.get(trial.option) ?? []
      releases.set(trial.option, trial.outcome === 'same' ? [...able, release] : able)
      if (trial.outcome !== 'not tried' && !trial.isDeletable) undeletable.add(trial.option)
    }
  }
  const rows = [...args.keys()]
    .sort()
    .map((name) => `'${name}': [${args.get(name)}, '${releases.get(name)?.join(' ')}'],`)
  return `// Made by scripts/haproxy-options.mjs, which tries every option on HAProxy ${RELEASES.join(', ')}. Do not edit it.

/** The releases that were tried. */
export const RELEASES: readonly string[] = ['${RELEASES.join("', '")}']

/**
 * By option of a \`server\` line: how many words follow it (negative: any number), and the releases on which
 * a server that is added with it at run time is the same as one that was loaded.
 */
export const SERVER_OPTIONS: Readonly<Record<string, readonly [args: number, releases: string]>> = {
${rows.join('\n')}
}

/** A server that was loaded with one of these cannot be deleted. */
export const UNDELETABLE: readonly string[] = [${[...undeletable].map((name) => `'${name}'`).join(', ')}]
`
}
