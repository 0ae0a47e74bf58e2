// The protocol of Redis. Answers are read by the decoder of @redis/client; its client class stays
// out, which brings 600 KB of commands along, reconnects by itself, and cannot be told to let go of
// a connection that is still being made.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
import { Decoder } from '@redis/client/dist/lib/RESP/decoder.js'

export { Decoder }

/** Maps are flat lists here: name, value, name, value. */
export const flatMaps = { 37: Array } as const

/** One command as it goes over the wire: a list of texts, each with its length in bytes. */
export function encodeCommand(words: readonly string[]): string {
  const texts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)
  return `*${words.length}\r\n${texts.join('')}`
}
