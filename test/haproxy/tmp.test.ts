import { test } from 'vitest'
import { writeFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Authority } from '../support/certificates.ts'
import { tempDir } from '../support/servers.ts'
import { tryOptions } from './trials.ts'
test('x', { timeout: 120000 }, async () => {
  const dir = tempDir('opt')
  const ca = new Authority(dir)
  const cert = ca.issue('server')
  const crt = join(dir, 'both.pem')
  const client = ca.issue('client')
  writeFileSync(crt, readFileSync(client.cert, 'utf8') + readFileSync(client.key, 'utf8'))
  let out = ''
  for (const v of ['2.6', '3.0', '3.2']) {
    const t = Date.now()
    const trials = await tryOptions(`haproxy-${v}`, cert, { ca: ca.cert, crt })
    out += `${v} ${Date.now() - t} ms\n`
    for (const x of trials) if (x.outcome !== 'same' || !x.isDeletable) out += `${v} ${x.option} ${x.outcome} ${x.isDeletable} ${x.why}\n`
  }
  writeFileSync('/tmp/hap/trials.txt', out)
})
