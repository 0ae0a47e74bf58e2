// Jute, ZooKeeper's serialization: big-endian numbers, and texts with their length before them.
// Every record of the protocol is a row of these; zookeeper.jute in ZooKeeper's source lists them.

import { decodeValue, encodeText } from '../../core/bytes.ts'

/** Bytes of the records that are read in passing: their fields are of no use here. */
const STAT_OWNER = 44
const STAT_NUM_CHILDREN = 56
const STAT_SIZE = 68

export class JuteWriter {
  readonly #parts: Buffer[] = []

  int(value: number): this {
    const part = Buffer.allocUnsafe(4)
    part.writeInt32BE(value)
    this.#parts.push(part)
    return this
  }

  long(value: bigint): this {
    const part = Buffer.allocUnsafe(8)
    part.writeBigInt64BE(value)
    this.#parts.push(part)
    return this
  }

  boolean(value: boolean): this {
    this.#parts.push(Buffer.of(value ? 1 : 0))
    return this
  }

  buffer(value: Uint8Array): this {
    this.int(value.length)
    this.#parts.push(Buffer.from(value))
    return this
  }

  string(value: string): this {
    return this.buffer(encodeText(value))
  }

  /** What was written, behind its length: how a packet travels. */
  frame(): Buffer {
    const body = Buffer.concat(this.#parts)
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(body.length)
    return Buffer.concat([length, body])
  }
}

/** Reads one packet from its beginning on. Throws a RangeError where the packet is too short. */
export class JuteReader {
  #at = 0

  constructor(private readonly packet: Buffer) {}

  int(): number {
    const value = this.packet.readInt32BE(this.#at)
    this.#at += 4
    return value
  }

  long(): bigint {
    const value = this.packet.readBigInt64BE(this.#at)
    this.#at += 8
    return value
  }

  /** Text, byte for byte (core/bytes.ts). The length -1 stands for null, which is as good as empty. */
  string(): string {
    const length = Math.max(0, this.int())
    const end = this.#at + length
    if (end > this.packet.length) throw new RangeError('a text longer than its packet')
    const value = decodeValue(this.packet.subarray(this.#at, end))
    this.#at = end
    return value
  }

  strings(): string[] {
    const count = Math.max(0, this.int())
    const values: string[] = []
    while (values.length < count) values.push(this.string())
    return values
  }

  bytes(): Buffer {
    const length = Math.max(0, this.int())
    const end = this.#at + length
    if (end > this.packet.length) throw new RangeError('bytes longer than their packet')
    const value = this.packet.subarray(this.#at, end)
    this.#at = end
    return value
  }

  /** A znode's Stat: the session of an ephemeral one (else 0), and the number of its children. */
  stat(): { readonly owner: bigint; readonly numChildren: number } {
    const owner = this.packet.readBigInt64BE(this.#at + STAT_OWNER)
    const numChildren = this.packet.readInt32BE(this.#at + STAT_NUM_CHILDREN)
    this.#at += STAT_SIZE
    return { owner, numChildren }
  }
}

/** Cuts a stream of bytes into packets. */
export class Packets {
  #chunks: Buffer[] = []
  #size = 0
  /** Bytes that have to be there before there is anything to do. */
  #needed = 4

  /** @param most bytes of a packet; beyond that it is no packet of ZooKeeper's */
  constructor(private readonly most: number) {}

  /** The packets that this chunk completes. Throws a RangeError on a length that cannot be. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    // A large packet comes in many chunks: they are put together once, when it is whole.
    if (this.#size < this.#needed) return []
    const bytes = Buffer.concat(this.#chunks)
    const packets: Buffer[] = []
    let at = 0
    this.#needed = 4
    while (bytes.length - at >= 4) {
      const length = bytes.readInt32BE(at)
      if (length < 0 || length > this.most) throw new RangeError('a packet of impossible length')
      if (bytes.length - at < 4 + length) {
        this.#needed = 4 + length
        break
      }
      packets.push(bytes.subarray(at + 4, at + 4 + length))
      at += 4 + length
    }
    this.#chunks = [bytes.subarray(at)]
    this.#size = bytes.length - at
    return packets
  }
}
