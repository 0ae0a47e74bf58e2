// Probing an unreachable store: only nodes that accept connections again may be reported.
import { createServer, type Server } from 'node:net'
import { expect, test } from 'vitest'
import { reopenedNode } from '../../src/feeds/reopened-node.ts'
import { freePorts } from '../support/process.ts'
import { until, within } from '../support/until.ts'

function listen(port: number, connected: () => void = () => undefined): Promise<Server> {
  const server = createServer((socket) => {
    connected()
    socket.destroy()
  })
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)))
}

test.each([
  ['', ''],
  ['http://', ''],
  ['redis://user:word@', '/0'],
])('returns %shost:port%s once it accepts connections', async (before, after) => {
  const [open = 0, port = 0] = await freePorts(2)
  let knocks = 0
  const witness = await listen(open, () => knocks++)
  const stop = new AbortController()
  const node = `${before}127.0.0.1:${port}${after}`
  const given = reopenedNode([`127.0.0.1:${open}`, '/a/file', node], stop.signal)
  // The second connection to `open` shows that the first round of probes is over. In that round, `node` refused the
  // connection.
  await until('a second knock', () => knocks >= 2)
  const server = await listen(port)
  try {
    expect(await within('the node', given)).toBe(node)
  } finally {
    stop.abort()
    server.close()
    witness.close()
  }
})

test('ends on abort', async () => {
  const [port = 0] = await freePorts(1)
  const stop = new AbortController()
  const given = reopenedNode([`127.0.0.1:${port}`], stop.signal)
  stop.abort()
  expect(await within('the end', given)).toBeUndefined()
})
