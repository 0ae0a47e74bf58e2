// Where the status page is served, and the token that shows its diffs to other machines.
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { HttpSettings } from '../core/settings.ts'
import type { Values } from './options.ts'

/** Undefined when nothing is to be served. */
export async function readHttp(given: Values): Promise<Result<HttpSettings | undefined, Fault>> {
  if (given.http === undefined) return ok(undefined)
  const { hostname, port } = new URL(`http://${given.http}`)
  const token = await readToken(given)
  if (!token.ok) return token
  return ok({
    host: hostname.replace(/^\[|\]$/g, ''),
    // A URL leaves out the port that is its scheme's own.
    port: port === '' ? 80 : Number(port),
    names: given['http-name'] ?? [],
    ...(token.value === undefined ? {} : { token: token.value }),
  })
}

/** An empty one is none: a variable that is not set must not open the page to everybody. */
async function readToken(given: Values): Promise<Result<string | undefined, Fault>> {
  const { 'http-token': token, 'http-token-file': file } = given
  if (token !== undefined && token !== '') return ok(token)
  if (file === undefined || file === '') return ok(undefined)
  const { readFile } = await import('node:fs/promises')
  try {
    const text = (await readFile(file, 'utf8')).trim()
    if (text !== '') return ok(text)
    const hint = 'write a long random text into it, such as that of: openssl rand -hex 32'
    return err({ kind: 'config', message: `-http-token-file ${file} is empty`, hint })
  } catch (error) {
    return err({ ...ioFault(`cannot read -http-token-file ${file}`, error), kind: 'config' })
  }
}
