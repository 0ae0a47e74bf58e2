// The protocol of Redis. Answers are read by the decoder of @redis/client; its client class stays
// out, which brings 600 KB of commands along, reconnects by itself, and cannot be told to let go of
// a connection that is still being made.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
import { Decoder } from '@redis/client/dist/lib/RESP/decoder.js'
import { decodeValue, encodeText } from '../../core/bytes.ts'

export { Decoder }

/** Strings come as bytes, and maps as flat lists: name, value, name, value. */
export const typeMapping = { 36: Buffer, 37: Array } as const

/** A reply with its bytes as text (core/bytes.ts): the decoder's own text loses what is not UTF-8. */
export const decoded = (reply: unknown): unknown =>
  Buffer.isBuffer(reply) ? decodeValue(reply) : Array.isArray(reply) ? reply.map(decoded) : reply

/** One command as it goes over the wire: a list of texts, each with its length in bytes. */
export function encodeCommand(words: readonly string[]): Buffer {
  const texts = words.map((word) => `$${encodeText(word).length}\r\n${word}\r\n`)
  return encodeText(`*${words.length}\r\n${texts.join('')}`)
}
