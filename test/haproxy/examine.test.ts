// The findings of `reconfd check` about HAProxy: in the configuration file, and in the running process.
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { examine } from '../../src/haproxy/examine.ts'
import { ServerProcess, tempDir, until } from '../support/servers.ts'
import { sendCommands } from '../../src/haproxy/client.ts'

const messages = async (socket: string, text: string, isWhole = true): Promise<string[]> =>
  (await examine([socket], text, isWhole)).map(({ message }) => message)

const NOWHERE = '/nonexistent/admin.sock'
const GLOBAL = `global\n stats socket ${NOWHERE} level admin\ndefaults\n mode http\n`
const SERVERS = ' server a 127.0.0.1:80 check\n server b 127.0.0.2:80 check\n'

describe('in the file', () => {
  const missing = `the socket ${NOWHERE} is missing`
  test.each([
    ['nothing', `${GLOBAL}backend web\n${SERVERS}`, []],
    ['no socket', 'global\n', [`the file has no \`stats socket ${NOWHERE}\``]],
    [
      'no level',
      `global\n stats socket ${NOWHERE}\n`,
      [`\`stats socket ${NOWHERE}\` has no \`level admin\``],
    ],
    [
      'another level',
      `global\n stats socket ${NOWHERE} level operator\n`,
      [`\`stats socket ${NOWHERE}\` has no \`level admin\``],
    ],
    ['a socket written with its family', GLOBAL.replace(' /non', ' unix@/non'), []],
    [
      'a static balance',
      `${GLOBAL}backend web\n balance source\n${SERVERS}`,
      ['web: `balance source` is static: servers cannot be added or removed at run time'],
    ],
    [
      'a balance by id',
      `${GLOBAL}backend web\n balance first\n${SERVERS}`,
      ['web: `balance first` balances by server id, and not every server has an `id`'],
    ],
    [
      'external checks of the defaults',
      `${GLOBAL} option external-check\nbackend web\n${SERVERS}`,
      ['web: `option external-check`: servers cannot be added or removed at run time'],
    ],
    ['a static balance without servers', `${GLOBAL}backend web\n balance source\n`, []],
  ])('%s', async (_, text, expected) => {
    expect(await messages(NOWHERE, text)).toEqual([...expected, missing])
  })

  test('a socket may be in a file that a template includes', async () => {
    expect(await messages(NOWHERE, 'global\n', false)).toEqual([missing])
  })
})

describe('in a running HAProxy', () => {
  test.each([
    ['3.2', 'level admin', undefined],
    ['3.2', 'level operator', 'has level operator instead of admin'],
    ['2.6', '', 'has level operator instead of admin'],
    ['2.2', 'level admin', 'cannot add servers at run time: every change needs a reload'],
  ])('%s, %s', async (release, level, expected) => {
    const dir = tempDir('examine')
    const [config, socket] = [join(dir, 'haproxy.cfg'), join(dir, 'admin.sock')]
    const file = `global\n stats socket ${socket} level admin\n`
    writeFileSync(
      config,
      `global\n stats socket ${socket} ${level}\nlisten x\n bind ${dir}/front.sock\n mode http\n timeout client 1s\n`,
    )
    const ready = (): Promise<boolean> =>
      sendCommands(socket, ['show info']).then(
        () => true,
        () => false,
      )
    const args = ['-db', '-f', config]
    const haproxy = new ServerProcess({ name: `haproxy-${release}`, args, ready })
    await haproxy.start()
    try {
      const found = await messages(socket, file)
      expect(found).toHaveLength(expected === undefined ? 0 : 1)
      expect(found.join()).toContain(expected ?? '')
    } finally {
      await haproxy.stop()
    }
  })

  test('another program', async () => {
    const socket = join(tempDir('examine'), 'other.sock')
    const other = createServer((peer) => peer.end('-ERR unknown command\r\n'))
    other.listen(socket)
    await until('it listens', () => other.listening)
    const file = `global\n stats socket ${socket} level admin\n`
    expect(await messages(socket, file)).toEqual([`${socket} is not an HAProxy Runtime API`])
    other.close()
  })
})
