// Reads the address of the status page and the token that unlocks its diffs.
import { resolve } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { HttpSettings } from '../core/settings.ts'
import type { Values } from './options.ts'

/** Returns undefined without -http. */
export async function readHttp(given: Values): Promise<Result<HttpSettings | undefined, Fault>> {
  if (given.http === undefined) return ok(undefined)
  const token = await readToken(given)
  if (!token.ok) return token
  return ok({ at: listenAddress(given.http), names: given['http-name'] ?? [], ...token.value })
}

function listenAddress(address: string): HttpSettings['at'] {
  if (address.startsWith('unix:')) return { socket: resolve(address.slice('unix:'.length)) }
  const { hostname, port } = new URL(`http://${address}`)
  // A URL object omits the default port of its scheme, which is 80.
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 80 : Number(port) }
}

/** An empty token counts as missing, because an unset variable must not open the page to everyone. */
async function readToken(
  given: Values,
): Promise<Result<Pick<HttpSettings, 'token' | 'tokenFrom'>, Fault>> {
  const { 'http-token': token, 'http-token-file': file } = given
  if (token !== undefined && token !== '') {
    return ok({ token, tokenFrom: 'set with -http-token, CONFD_HTTP_TOKEN or http_token' })
  }
  if (file === undefined || file === '') return ok({})
  const { readFile } = await import('node:fs/promises')
  try {
    const text = (await readFile(file, 'utf8')).trim()
    if (text !== '') return ok({ token: text, tokenFrom: `in ${resolve(file)}` })
    const hint = 'write a long random string to it, such as the output of: openssl rand -hex 32'
    return err({ kind: 'config', message: `-http-token-file ${file} is empty`, hint })
  } catch (error) {
    return err({ ...ioFault(`cannot read -http-token-file ${file}`, error), kind: 'config' })
  }
}
