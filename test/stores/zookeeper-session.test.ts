// A session whose server answers pings but no other request.
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { expect, test, vi } from 'vitest'
import { parseZookeeperNode } from '../../src/core/zookeeper-node.ts'
import { JuteReader, JuteWriter, Packets } from '../../src/stores/zookeeper/jute.ts'
import { opcode, pathBody, xid } from '../../src/stores/zookeeper/protocol.ts'
import { Session } from '../../src/stores/zookeeper/session.ts'

test('ends if a request stays without a reply, whatever else arrives', async () => {
  // Each ping advances this clock by ten seconds.
  let pinged = 0
  const now = performance.now.bind(performance)
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + pinged * 10_000)
  const server = createServer((socket) => {
    const packets = new Packets(2 ** 20)
    let isNew = true
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      for (const packet of packets.push(chunk)) {
        const greeting = new JuteWriter().int(0).int(300).long(1n).buffer(Buffer.alloc(16))
        if (isNew) socket.write(greeting.frame())
        else if (new JuteReader(packet).int() === xid.ping) {
          pinged++
          socket.write(new JuteWriter().int(xid.ping).long(1n).int(0).frame())
        }
        isNew = false
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const session = await Session.open(parseZookeeperNode(`127.0.0.1:${port}`), {})
  const late = session.request(opcode.sync, pathBody('/'))
  await expect(late).rejects.toThrow('no answer')
  expect(pinged).toBeGreaterThan(5)
  clock.mockRestore()
  server.close()
})
