// Credentials as they are at the moment: those in files are read at each use, so that a password or a
// token that was rotated is taken up without a restart.
import { readFileSync } from 'node:fs'
import { raise } from '../core/fault.ts'
import type { ConnectionSettings } from '../core/settings.ts'
import { keepSecret } from '../system/secrets.ts'
import { codeOf } from './http-faults.ts'

/** The password, from -password-file when there is one. Throws a FaultError when it cannot be read. */
export function passwordOf(connection: ConnectionSettings): string | undefined {
  const { username, password: given, passwordFile } = connection
  const password = passwordFile === undefined ? given : readSecret(passwordFile, '-password-file')
  keepSecret(password, username)
  return password
}

/** The `Authorization` header for basic auth, or none when the connection has no user. */
export function basicAuth(connection: ConnectionSettings): Record<string, string> {
  if (connection.username === undefined) return {}
  const pair = `${connection.username}:${passwordOf(connection) ?? ''}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/**
 * Who we are to Consul, as headers. The token is -auth-token or its file, else a password without a
 * user, else what Consul's own programs take from the environment; basic auth is for a proxy before it.
 * Throws a FaultError when a file cannot be read, or when the token cannot be sent.
 */
export function consulCredentials(
  connection: ConnectionSettings,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const token = tokenOf(connection, env) ?? ''
  keepSecret(token)
  // The HTTP library would only say that a header is wrong.
  if (/[^ -~]/.test(token)) {
    raise(
      'store',
      'the ACL token holds a line break, or another character that no header may have',
      {
        hint: 'check -auth-token or where else it is from: a token of Consul is one word',
        permanent: true,
      },
    )
  }
  return { ...basicAuth(connection), ...(token === '' ? {} : { 'x-consul-token': token }) }
}

function tokenOf(
  connection: ConnectionSettings,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const { authToken, authTokenFile, username } = connection
  if (authToken !== undefined) return authToken
  if (authTokenFile !== undefined) return readSecret(authTokenFile, '-auth-token-file')
  const password = username === undefined ? passwordOf(connection) : undefined
  if (password !== undefined) return password
  const { CONSUL_HTTP_TOKEN: token = '', CONSUL_HTTP_TOKEN_FILE: file = '' } = env
  if (token !== '') return token
  return file === '' ? undefined : readSecret(file, 'CONSUL_HTTP_TOKEN_FILE')
}

/** The text of the file without the newline that editors put at its end. */
function readSecret(file: string, option: string): string {
  const wrong = (what: string): never =>
    raise('store', what, {
      file,
      hint: `check ${option} and the file's permissions`,
      permanent: true,
    })
  let text: string
  try {
    text = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    return wrong(`cannot read the file of ${option}: ${codeOf(error)}`)
  }
  if (text === '') return wrong(`the file of ${option} is empty`)
  // It could not be sent in a header, and an error of the HTTP library would repeat it.
  return /[\r\n\0]/.test(text) ? wrong(`the file of ${option} holds more than one line`) : text
}
