// Jute, ZooKeeper's serialization: big-endian numbers, and strings preceded by their length. Every record of the
// protocol is a sequence of such items. The file zookeeper.jute in ZooKeeper's source lists the records.

import { decodeValue, encodeText } from '../../core/bytes.ts'
import { Chunks } from '../../system/chunks.ts'

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

  /** The packet: its length, then everything written so far. */
  frame(): Buffer {
    const body = Buffer.concat(this.#parts)
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(body.length)
    return Buffer.concat([length, body])
  }
}

/** Offsets of the used fields in the Stat of a znode, and the size of a Stat. */
const STAT = { owner: 44, dataLength: 52, numChildren: 56, size: 68 } as const

/** Reads one packet. Throws a RangeError if it is invalid. */
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

  /** The number of unread bytes. */
  get left(): number {
    return this.packet.length - this.#at
  }

  /**
   * Reads a string without loss, even if it is not valid UTF-8 (core/bytes.ts). The length -1 means null, which is
   * returned as an empty string.
   */
  string(): string {
    const end = this.#length('a string') + this.#at
    const value = decodeValue(this.packet.subarray(this.#at, end))
    this.#at = end
    return value
  }

  /** Reads the data of a znode. Checks the data against the znode's Stat. */
  data(): { readonly value: string; readonly owner: bigint; readonly numChildren: number } {
    const { left } = this
    const value = this.string()
    const length = left - this.left - 4
    const { owner, dataLength, numChildren } = this.stat()
    if (dataLength !== length) throw new RangeError('data whose length differs from its stat')
    return { value, owner, numChildren }
  }

  /** Reads the names of a znode's children. Checks them against the znode's Stat. */
  children(): readonly string[] {
    const names = this.strings()
    const { numChildren } = this.stat()
    if (numChildren !== names.length)
      throw new RangeError('children whose number differs from the stat')
    if (new Set(names).size !== names.length) throw new RangeError('a child that appears twice')
    if (names.some((name) => name === '' || name.includes('/')))
      throw new RangeError('a child whose name is empty or contains "/"')
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
    /** The id of the session that owns an ephemeral znode; 0 for any other znode. */
    readonly owner: bigint
    readonly dataLength: number
    readonly numChildren: number
  } {
    const dataLength = this.packet.readInt32BE(this.#at + STAT.dataLength)
    const numChildren = this.packet.readInt32BE(this.#at + STAT.numChildren)
    if (this.left < STAT.size) throw new RangeError('an invalid stat')
    const owner = this.packet.readBigInt64BE(this.#at + STAT.owner)
    if (dataLength < 0 || numChildren < 0) throw new RangeError('an invalid stat')
    this.#at += STAT.size
    return { owner, dataLength, numChildren }
  }

  /** Throws if bytes are left. */
  end(): void {
    if (this.left > 0) throw new RangeError('a packet that is too long')
  }

  /** A length in bytes, or a number of items. Throws if it exceeds the unread bytes; null (-1) becomes 0. */
  #length(of: string): number {
    const length = this.int()
    if (length < -1 || length > this.left) throw new RangeError(`${of} of invalid length`)
    return Math.max(0, length)
  }
}

/** Thrown if a packet exceeds the limit. */
export class PacketTooLarge extends RangeError {}

/** Splits a stream of bytes into packets. */
export class Packets {
  readonly #chunks = new Chunks()
  /** Minimum number of bytes before the next attempt to read a packet. */
  #needed = 4

  /** @param most maximum size of a packet, in bytes */
  constructor(public most: number) {}

  /**
   * Returns the packets that this chunk completes. Throws a RangeError for an invalid length, or a length above
   * `most`.
   */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.add(chunk)
    // The chunks of a large packet are joined only once, when the packet is complete.
    if (this.#chunks.length < this.#needed) return []
    const bytes = this.#chunks.take()
    const packets: Buffer[] = []
    let at = 0
    this.#needed = 4
    while (bytes.length - at >= 4) {
      const length = bytes.readInt32BE(at)
      if (length < 0) throw new RangeError('a packet of invalid length')
      if (length > this.most) throw new PacketTooLarge('a packet of invalid length')
      if (bytes.length - at < 4 + length) {
        this.#needed = 4 + length
        break
      }
      packets.push(bytes.subarray(at + 4, at + 4 + length))
      at += 4 + length
    }
    if (at < bytes.length) this.#chunks.add(bytes.subarray(at))
    return packets
  }
}
