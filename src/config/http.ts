// Where the status page is served, and the token that unlocks its diffs.
import { resolve } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { HttpSettings } from '../core/settings.ts'
import type { Values } from './options.ts'

/** Undefined when nothing is to be served. */
export async function readHttp(given: Values): Promise<Result<HttpSettings | undefined, Fault>> {
  if (given.http === undefined) return ok(undefined)
  const token = await readToken(given)
  if (!token.ok) return token
  return ok({ at: placeOf(given.http), names: given['http-name'] ?? [], ...token.value })
}

function placeOf(address: string): HttpSettings['at'] {
  if (address.startsWith('unix:')) return { socket: resolve(address.slice('unix:'.length)) }
  const { hostname, port } = new URL(`http://${address}`)
  // A URL leaves out the port that is its scheme's own.
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 80 : Number(port) }
}

/** An empty one is none: a variable that is not set must not open the page to everybody. */
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
    const hint = 'write a long random text into it, such as that of: openssl rand -hex 32'
    return err({ kind: 'config', message: `-http-token-file ${file} is empty`, hint })
  } catch (error) {
    return err({ ...ioFault(`cannot read -http-token-file ${file}`, error), kind: 'config' })
  }
}
