// Keeps the beginning and the end of a command's output, within a fixed number of bytes.
import { withoutSecretsAround } from '../system/secrets.ts'

export class CappedOutput {
  readonly #head: Buffer[] = []
  readonly #headCap: number
  #headSize = 0
  readonly #tailCap: number
  /** Ring buffer of the newest bytes that did not fit into the head. */
  #ring: Buffer | undefined
  #tailTotal = 0

  /** @param cap limit in bytes; a quarter of these bytes is used for the beginning */
  constructor(cap: number) {
    this.#headCap = cap >> 2
    this.#tailCap = cap - this.#headCap
  }

  push(chunk: Buffer): void {
    const forHead = Math.min(chunk.length, this.#headCap - this.#headSize)
    // A copy, because a slice would keep the whole chunk in memory.
    if (forHead > 0) this.#head.push(Buffer.from(chunk.subarray(0, forHead)))
    this.#headSize += forHead
    this.#pushTail(chunk.subarray(forHead))
  }

  #pushTail(rest: Buffer): void {
    if (rest.length === 0) return
    const ring = (this.#ring ??= Buffer.alloc(this.#tailCap))
    const kept = rest.subarray(Math.max(0, rest.length - this.#tailCap))
    const at = (this.#tailTotal + rest.length - kept.length) % this.#tailCap
    const first = kept.copy(ring, at)
    kept.copy(ring, 0, first)
    this.#tailTotal += rest.length
  }

  /** Number of bytes dropped from the middle. */
  get truncated(): number {
    return Math.max(0, this.#tailTotal - this.#tailCap)
  }

  /** The captured output, with one line in place of the dropped bytes. Next to them, no part of a secret remains. */
  text(): string {
    const head = Buffer.concat(this.#head)
    if (this.#ring === undefined) return head.toString('utf8')
    if (this.truncated === 0) {
      return Buffer.concat([head, this.#ring.subarray(0, this.#tailTotal)]).toString('utf8')
    }
    const cut = this.#tailTotal % this.#tailCap
    const tail = Buffer.concat([this.#ring.subarray(cut), this.#ring.subarray(0, cut)])
    const gap = `\n[... ${this.truncated} bytes omitted ...]\n`
    return withoutSecretsAround(head.toString(), tail.toString()).join(gap)
  }
}
