// ZooKeeper's packets, however the network splits them.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { JuteReader, JuteWriter, Packets } from '../../src/stores/zookeeper/jute.ts'

test('packets come out whole, wherever the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary' })),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (texts, sizes) => {
        const stream = Buffer.concat(texts.map((text) => new JuteWriter().string(text).frame()))
        const packets = new Packets(1000)
        const read: string[] = []
        for (let at = 0; at < stream.length;) {
          const end = at + (sizes.next().value as number)
          for (const packet of packets.push(stream.subarray(at, end))) {
            read.push(new JuteReader(packet).string())
          }
          at = end
        }
        expect(read).toEqual(texts.map((text) => Buffer.from(text).toString()))
      },
    ),
  )
})

test('a record that ends too early is a RangeError, and no other', () => {
  const whole = new JuteWriter().int(7).long(8n).string('value').frame().subarray(4)
  const read = (packet: Buffer) => {
    const reader = new JuteReader(packet)
    return [reader.int(), reader.long(), reader.string()]
  }
  expect(read(whole)).toEqual([7, 8n, 'value'])
  for (let length = 0; length < whole.length; length++) {
    expect(() => read(whole.subarray(0, length))).toThrow(RangeError)
  }
})
