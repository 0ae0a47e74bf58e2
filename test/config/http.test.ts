// The settings of the status page: addresses, names and tokens. No message may contain a token.
import { describe, expect, test } from 'vitest'
import { formatFault } from '../../src/core/fault.ts'
import { loadSettings } from '../../src/config/settings.ts'
import { folderOf } from './folder.ts'

async function httpOf(argv: readonly string[], env: Record<string, string> = {}) {
  const result = await loadSettings([...argv, '-conf-file', '/dev/null'], env)
  if (!result.ok) return { exit: result.error.exit, text: result.error.faults.map(formatFault) }
  if (result.value.kind !== 'run') throw new Error('not a run')
  return result.value.settings.http
}

test.each([
  ['127.0.0.1:9090', { host: '127.0.0.1', port: 9090 }],
  [':9090', { host: '127.0.0.1', port: 9090 }],
  ['9090', { host: '127.0.0.1', port: 9090 }],
  ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
  ['[::1]:0', { host: '::1', port: 0 }],
  ['web-1.example.com:8080', { host: 'web-1.example.com', port: 8080 }],
  ['unix:/run/reconfd/page.sock', { socket: '/run/reconfd/page.sock' }],
])('-http %s', async (text, expected) => {
  expect(await httpOf(['-watch', '-http', text])).toEqual({ at: expected, names: [] })
})

test.each(['localhost', '127.0.0.1:66000', 'http://127.0.0.1:80', '::1:80', 'a b:80', 'unix:'])(
  '-http %s is refused',
  async (text) => {
    const message = `-http: "${text}" is not host:port, such as 127.0.0.1:9090, or unix:PATH`
    expect(await httpOf(['-watch', '-http', text])).toMatchObject({ exit: 64 })
    expect(await httpOf(['-watch', '-http', text])).toMatchObject({
      text: [expect.stringContaining(message)],
    })
  },
)

test('off unless configured, and in a onetime run', async () => {
  expect(await httpOf(['-watch'])).toBeUndefined()
  expect(await httpOf(['-onetime', '-http', ':1'])).toBeUndefined()
})

describe('the token', () => {
  const served = ['-watch', '-http', ':9090']

  test('of the environment, else of a file', async () => {
    const file = `${await folderOf({ token: ' from-a-file\n', empty: '\n' })}/token`
    const given = [...served, '-http-token-file', file]
    expect(await httpOf(given)).toMatchObject({ token: 'from-a-file', tokenFrom: `in ${file}` })
    const env = { CONFD_HTTP_TOKEN: 'from-env' }
    expect(await httpOf(given, env)).toMatchObject({ token: 'from-env' })
    expect(await httpOf(served, { CONFD_HTTP_TOKEN: '' })).not.toHaveProperty('token')
  })

  test('a file that is missing or empty ends the start', async () => {
    const folder = await folderOf({ empty: '\n' })
    expect(await httpOf([...served, '-http-token-file', `${folder}/none`])).toEqual({
      exit: 78,
      text: [expect.stringContaining(`cannot read -http-token-file ${folder}/none: no such file`)],
    })
    expect(await httpOf([...served, '-http-token-file', `${folder}/empty`])).toEqual({
      exit: 78,
      text: [expect.stringContaining(`-http-token-file ${folder}/empty is empty`)],
    })
  })
})
