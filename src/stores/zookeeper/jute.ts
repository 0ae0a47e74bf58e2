// Jute, ZooKeeper's serialization: big-endian numbers, and texts with their length before them.
// Every record of the protocol is a row of these; zookeeper.jute in ZooKeeper's source lists them.

import { decodeValue, encodeText } from '../../core/bytes.ts'

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

/** A znode's Stat, as far as it is used: where its numbers lie, and how long it is. */
const STAT = { owner: 44, dataLength: 52, numChildren: 56, size: 68 } as const

/** Reads one packet from its beginning on. Throws a RangeError where the packet cannot be right. */
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

  /** Bytes that have not been read. */
  get left(): number {
    return this.packet.length - this.#at
  }

  /** Text, byte for byte (core/bytes.ts). The length -1 stands for null, which is as good as empty. */
  string(): string {
    const end = this.#length('a text') + this.#at
    const value = decodeValue(this.packet.subarray(this.#at, end))
    this.#at = end
    return value
  }

  /** The data of a znode and its Stat, which has to agree with it. */
  data(): { readonly value: string; readonly owner: bigint; readonly numChildren: number } {
    const { left } = this
    const value = this.string()
    const length = left - this.left - 4
    const { owner, dataLength, numChildren } = this.stat()
    if (dataLength !== length) throw new RangeError('data of another length than its stat says')
    return { value, owner, numChildren }
  }

  /** The names of a znode's children and its Stat, which has to agree with them. */
  children(): readonly string[] {
    const names = this.strings()
    const { numChildren } = this.stat()
    if (numChildren !== names.length)
      throw new RangeError('more or fewer children than the stat says')
    if (new Set(names).size !== names.length) throw new RangeError('a child that is there twice')
    if (names.some((name) => name === '' || name.includes('/')))
      throw new RangeError('a child without a name')
    return names
  }

  strings(): string[] {
    const count = this.#length('a list')
    const values: string[] = []
    while (values.length < count) values.push(this.string())
    return values
  }

  bytes(): Buffer {
    const end = this.#length('bytes') + this.#at
    const value = Buffer.from(this.packet.subarray(this.#at, end))
    this.#at = end
    return value
  }

  stat(): {
    /** The session of an ephemeral znode; 0 of any other. */
    readonly owner: bigint
    readonly dataLength: number
    readonly numChildren: number
  } {
    const dataLength = this.packet.readInt32BE(this.#at + STAT.dataLength)
    const numChildren = this.packet.readInt32BE(this.#at + STAT.numChildren)
    if (this.left < STAT.size) throw new RangeError('no stat')
    const owner = this.packet.readBigInt64BE(this.#at + STAT.owner)
    if (dataLength < 0 || numChildren < 0) throw new RangeError('no stat')
    this.#at += STAT.size
    return { owner, dataLength, numChildren }
  }

  /** Nothing may be left over. */
  end(): void {
    if (this.left > 0) throw new RangeError('a packet that is too long')
  }

  /** In bytes, or in items, of which each takes more than one. */
  #length(of: string): number {
    const length = this.int()
    if (length < -1 || length > this.left) throw new RangeError(`${of} of impossible length`)
    return Math.max(0, length)
  }
}

/** It may be one, and larger than is allowed. */
export class PacketTooLarge extends RangeError {}

/** Cuts a stream of bytes into packets. */
export class Packets {
  #chunks: Buffer[] = []
  #size = 0
  /** Bytes that have to be there before there is anything to do. */
  #needed = 4

  /** @param most bytes of a packet */
  constructor(public most: number) {}

  /** The packets that this chunk completes. Throws a RangeError on a length that cannot be, or is beyond `most`. */
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
      if (length < 0) throw new RangeError('a packet of impossible length')
      if (length > this.most) throw new PacketTooLarge('a packet of impossible length')
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
