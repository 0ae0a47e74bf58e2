// Tests the client of the Runtime API with servers that misbehave. runtime.test.ts uses real HAProxy processes.
import { chmodSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { AbsentError, sendCommands } from '../../src/haproxy/client.ts'
import { tempDir } from '../support/servers.ts'

const patience = { connect: 300, answer: 300, whole: 600 }
let server: Server | undefined
const sockets = new Set<Socket>()
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  server?.close()
})

/** Listens on a socket and calls `serve` for each connection. Returns the path of the socket. */
async function listening(serve: (socket: Socket) => void): Promise<string> {
  const path = join(tempDir('runtime-api'), 'admin.sock')
  server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    serve(socket)
  })
  await new Promise<void>((ready) => server?.listen(path, ready))
  return path
}

test('answers are separated by the prompt', async () => {
  const path = await listening((socket) => {
    socket.once('data', () => socket.end('\n> one\ntwo\n\n> \n> three\n\n> '))
  })
  expect(await sendCommands(path, ['a', 'b', 'c'], patience)).toEqual(['one\ntwo', '', 'three'])
})

test('a severity before an answer is removed', async () => {
  const path = await listening((socket) => {
    socket.once('data', () => socket.end('\n> [6]: one\n\n> [info]:two\n\n> [::1]\n\n> '))
  })
  expect(await sendCommands(path, ['a', 'b', 'c'], patience)).toEqual(['one', 'two', '[::1]'])
})

test.each<[string, (socket: Socket) => void, RegExp]>([
  ['says nothing', () => undefined, /does not answer/],
  ['stops in the middle', (socket) => void socket.write('\n> one'), /does not answer/],
  [
    'is another program',
    (socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    /is not an HAProxy Runtime API/,
  ],
  ['closes too early', (socket) => void socket.end('\n> one\n'), /closed the connection/],
  ['closes at once', (socket) => void socket.end(), /no Runtime API|closed the connection/],
  [
    'is gone at once',
    (socket) => void socket.destroy(),
    /not an HAProxy Runtime API|closed|failed/,
  ],
  [
    'says a little, for ever',
    (socket) => void setInterval(() => socket.write('x'), 50).unref(),
    /does not answer/,
  ],
])('a server that %s', async (_, serve, message) => {
  const path = await listening(serve)
  await expect(sendCommands(path, ['show info', 'show servers state'], patience)).rejects.toThrow(
    message,
  )
})

test('a socket that does not exist', async () => {
  const path = join(tempDir('runtime-api'), 'none.sock')
  await expect(sendCommands(path, ['show info'], patience)).rejects.toBeInstanceOf(AbsentError)
})

test.skipIf(process.getuid?.() === 0)('a socket that may not be opened', async () => {
  const path = await listening(() => undefined)
  chmodSync(path, 0)
  await expect(sendCommands(path, ['show info'], patience)).rejects.toThrow(
    /is not allowed to connect/,
  )
})
