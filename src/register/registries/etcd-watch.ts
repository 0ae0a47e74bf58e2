// Watches each key of our own entries in etcd, so that the loss of an entry (removed or overwritten) or of the server
// is detected immediately. A watch of the whole prefix would send the changes of every registrar to all others.
import { FaultError, raise } from '../../core/fault.ts'
import type { Gateway } from '../../stores/etcdv3/gateway.ts'
import { decodeText64, encodeText64, type EtcdKeyValue } from '../../stores/etcdv3/wire.ts'

/** Milliseconds during which new keys are collected for one watch. */
const SETTLE = 100

export class KeyWatch {
  /** Rejects when the stream breaks. */
  readonly broken: Promise<never>
  #break: (error: unknown) => void = () => undefined
  readonly #keys = new Set<string>()
  /** First revision that is not watched yet. */
  #from: bigint | undefined
  #timer: NodeJS.Timeout | undefined
  #stream: AbortController | undefined
  #closed = false

  /** @param changed called when one of our entries may have changed */
  constructor(
    private readonly gateway: Gateway,
    private readonly lease: string,
    private readonly changed: () => void,
  ) {
    this.broken = new Promise((_, reject) => (this.#break = reject))
    // The keeper handles the rejection, if it still uses the session.
    this.broken.catch(() => undefined)
  }

  /** Replaces the watched keys. Changes after this revision are reported. */
  cover(keys: readonly string[], revision: string): void {
    const isKnown = keys.length === this.#keys.size && keys.every((key) => this.#keys.has(key))
    if (isKnown && this.#stream !== undefined) return
    this.#keys.clear()
    this.add(keys, revision)
  }

  add(keys: readonly string[], revision: string): void {
    const fresh = keys.filter((key) => !this.#keys.has(key))
    if (fresh.length === 0) return
    for (const key of fresh) this.#keys.add(key)
    this.#from ??= BigInt(revision) + 1n
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#open().catch(this.#break)
    }, SETTLE)
  }

  /** Stops watching these keys. */
  drop(keys: readonly string[]): void {
    for (const key of keys) this.#keys.delete(key)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#stream?.abort()
  }

  /** Opens the new stream before it closes the old one, so that no change is missed. */
  async #open(): Promise<void> {
    if (this.#closed) return
    const former = this.#stream
    const own = (this.#stream = new AbortController())
    const from = this.#from
    this.#from = undefined
    const requests = [...this.#keys].map((key) => ({
      create_request: { key: encodeText64(key), start_revision: String(from) },
    }))
    let left = requests.length
    try {
      if (left === 0) return
      const lines = await this.gateway.stream('/watch', requests, own.signal)
      for await (const line of lines) {
        const answer = this.gateway.parse(line)
        if (answer.canceled === true) raise('store', 'etcd has cancelled the watch for our keys')
        if (answer.created === true && --left === 0) former?.abort()
        if ((answer.events ?? []).some(({ type, kv }) => this.#isForeign(type, kv))) this.changed()
      }
      raise('store', 'etcd has closed the watch for our keys')
    } catch (error) {
      if (own.signal.aborted) return
      throw error instanceof FaultError ? error : new Error('the watch failed', { cause: error })
    } finally {
      former?.abort()
    }
  }

  #isForeign(type: string | undefined, kv: EtcdKeyValue): boolean {
    if (!this.#keys.has(decodeText64(kv.key))) return false
    return type === 'DELETE' || kv.lease !== this.lease
  }
}
