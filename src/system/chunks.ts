// Collects received bytes in a few buffers. A server may send each byte as a chunk of its own, and the Buffer of a
// chunk takes about a hundred bytes, so a limit on the number of bytes alone would not bound memory.

/** Chunks shorter than this number of bytes are joined. */
const SHORT = 4096

export class Chunks {
  #chunks: Buffer[] = []
  #length = 0

  /** The number of bytes. */
  get length(): number {
    return this.#length
  }

  add(chunk: Buffer): void {
    const chunks = this.#chunks
    this.#length += chunk.length
    let last = chunk
    // Joins a chunk only if the next one is at least as long, so that each byte is copied only a few times.
    for (;;) {
      const before = chunks.at(-1)
      if (before === undefined || before.length >= SHORT || before.length > last.length) break
      chunks.pop()
      last = Buffer.concat([before, last])
    }
    chunks.push(last)
  }

  /** Returns all bytes and forgets them. */
  take(): Buffer {
    const chunks = this.#chunks
    this.#chunks = []
    this.#length = 0
    return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
  }
}
