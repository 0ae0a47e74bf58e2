// How much memory received bytes take if each byte arrives as a separate chunk.
import { PassThrough } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Chunks } from '../../src/system/chunks.ts'
import { EntriesReader } from '../../src/stores/consul-entries.ts'
import { bodyOf } from '../../src/stores/http-body.ts'
import { Decoder } from '../../src/stores/redis/resp.ts'
import { Packets } from '../../src/stores/zookeeper/jute.ts'

const LIMITS = { body: 2 ** 28, message: 2 ** 26 }
const BYTES = 2 ** 18

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const replies = { reply: () => undefined, error: () => undefined, push: () => undefined }

const source = (body: PassThrough) => ({
  status: 200,
  headers: {},
  body,
  place: 'a server',
  limits: LIMITS,
})
const readers: Readonly<Record<string, () => (chunk: Buffer) => void>> = {
  'an answer in HTTP': () => {
    const body = new PassThrough()
    void bodyOf(source(body)).whole()
    return (chunk) => body.write(chunk)
  },
  'a reply of Redis': () => {
    const decoder = new Decoder(replies, 'a server', LIMITS)
    decoder.write(Buffer.from(`$${2 ** 25}\r\n`))
    return (chunk) => decoder.write(chunk)
  },
  'a packet of ZooKeeper': () => {
    const packets = new Packets(LIMITS.message)
    packets.push(Buffer.from([2, 0, 0, 0]))
    return (chunk) => packets.push(chunk)
  },
  "an entry of Consul's KV store": () => {
    const known = { next: undefined, isKnown: () => false }
    const reader = new EntriesReader(known, 'a server', LIMITS)
    reader.write(Buffer.from(`[{"LockIndex":0,"Key":"${'a'.repeat(2 ** 20)}`))
    return (chunk) => reader.write(chunk)
  },
}

test.each(Object.entries(readers))('%s takes little more than its bytes', async (_, open) => {
  const write = open()
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < BYTES; n++) {
    write(Buffer.from('a'))
    if (n % 4096 === 0) await new Promise(setImmediate)
  }
  await new Promise(setImmediate)
  collectGarbage()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(BYTES * 20)
  // Uses the reader again, so that it cannot have been collected as garbage before this point.
  write(Buffer.from('a'))
})

test('returns the bytes in order, and forgets them', () => {
  const chunks = new Chunks()
  const parts = [1, 5000, 0, 3, 3, 9000, 2, 4096, 1].map((length, n) => Buffer.alloc(length, n))
  for (const part of parts) chunks.add(part)
  expect(chunks.length).toBe(18_106)
  expect(chunks.take().equals(Buffer.concat(parts))).toBe(true)
  expect(chunks.length).toBe(0)
  expect(chunks.take()).toHaveLength(0)
})
