// Returns the current credentials. Files are read at each use, so that a rotated password or token takes effect without
// a restart.
import { readFileSync } from 'node:fs'
import { raise } from '../core/fault.ts'
import type { ConnectionSettings } from '../core/settings.ts'
import { keepSecret } from '../system/secrets.ts'
import { codeOf } from './http-faults.ts'

/**
 * The password, from the file given by -password-file if that option is set. Throws a FaultError if the file cannot be
 * read.
 */
export function passwordOf(connection: ConnectionSettings): string | undefined {
  const { username, password: given, passwordFile } = connection
  const password = passwordFile === undefined ? given : readSecret(passwordFile, '-password-file')
  keepSecret(password, username)
  return password
}

/** The `Authorization` header of basic authentication; no header if no user is configured. */
export function basicAuth(connection: ConnectionSettings): Record<string, string> {
  if (connection.username === undefined) return {}
  const pair = `${connection.username}:${passwordOf(connection) ?? ''}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/**
 * The credentials for Consul, as headers. The token is taken from -auth-token or -auth-token-file, or else from a
 * password without a user, or else from the environment variables that Consul's own programs read. Basic
 * authentication is for a proxy in front of Consul. Throws a FaultError if a file cannot be read, or the token
 * contains invalid characters.
 */
export function consulCredentials(
  connection: ConnectionSettings,
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const token = tokenOf(connection, env) ?? ''
  keepSecret(token)
  // Checked here, because the error from node:http would not state the cause.
  if (/[^ -~]/.test(token)) {
    raise(
      'store',
      'the ACL token contains a line break or another character that a header must not contain',
      {
        hint: 'check -auth-token, or the file or variable that contains the token: the token must be one word',
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

/** Returns the text of a file without the newline at its end. */
function readSecret(file: string, option: string): string {
  const text = readOptionFile(file, option)
    .toString()
    .replace(/\r?\n$/, '')
  const wrong = (what: string): never =>
    wrongFile(`the file given by ${option} ${what}`, file, option)
  if (text === '') return wrong('is empty')
  // Headers must not contain these characters, and an error from node:http would quote the secret.
  return /[\r\n\0]/.test(text) ? wrong('contains more than one line') : text
}

/** Returns the content of the file that an option names. Throws a FaultError if the file cannot be read. */
export function readOptionFile(file: string, option: string): Buffer {
  // The message must not quote the text, which may be a private key.
  if (/[\r\n]/.test(file)) {
    raise('store', `${option} contains several lines, but must be the path of a file`, {
      hint: `write the text to a file with mode 0600, and set ${option} to the path of that file`,
      permanent: true,
    })
  }
  try {
    return readFileSync(file)
  } catch (error) {
    return wrongFile(`cannot read the file given by ${option}: ${codeOf(error)}`, file, option)
  }
}

const wrongFile = (what: string, file: string, option: string): never =>
  raise('store', what, {
    file,
    hint: `check ${option} and the file's permissions`,
    permanent: true,
  })
