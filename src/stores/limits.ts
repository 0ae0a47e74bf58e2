// Limits the data accepted from a server, so that memory stays bounded. If a limit is exceeded, the fault states the
// limit.
import { FaultError } from '../core/fault.ts'
import type { Limits } from '../core/settings.ts'

export interface ByteLimit {
  /** The limit, in bytes. */
  readonly most: number
  /** The option that sets the limit; absent if the limit is fixed. */
  readonly option?: '-max-body' | '-max-message'
}

/** Limit on the text of an error response. */
export const ERROR_TEXT: ByteLimit = { most: 64 * 1024 }

/**
 * The number of bytes that a value counts as, however short its text is. A parsed value can take more memory than its
 * text, for example in an answer with a million empty lists.
 */
export const VALUE_COST = 32

const [COMMA, LIST, OBJECT] = [0x2c, 0x5b, 0x7b]

/** Throws a FaultError if the values of a JSON text, each counted as VALUE_COST, exceed the limit. */
export function expectRoomFor(json: Uint8Array, { body: most }: Limits, place: string): void {
  // Each value takes at least two bytes, including its comma.
  if ((json.length / 2) * VALUE_COST <= most) return
  let values = 0
  for (let n = 0; n < json.length; n++) {
    const byte = json[n]
    if (byte === COMMA || byte === LIST || byte === OBJECT) values++
  }
  if (values * VALUE_COST <= most) return
  throw new FaultError({
    kind: 'store',
    message: `${place} sends ${values} values, which together take more than ${sizeOf(most)} (-max-body)`,
    hint: raise('-max-body'),
  })
}

/** Counts received bytes against a limit. */
export class Meter {
  #taken = 0

  /**
   * @param place the server, such as `etcd at http://127.0.0.1:2379`
   * @param what the kind of data, such as `an answer`
   */
  constructor(
    private readonly limit: ByteLimit,
    private readonly place: string,
    private readonly what: string,
  ) {}

  /** Counts bytes. Throws a FaultError if the limit is exceeded. */
  take(bytes: number): void {
    this.#taken += bytes
    if (this.#taken > this.limit.most) throw tooLarge(this.limit, this.place, this.what)
  }

  /** Restarts the count. Call this before the next message. */
  reset(): void {
    this.#taken = 0
  }
}

/**
 * Limits the total size of the answers in one full read of a store.
 * @param moved returns the bytes transferred over the connection so far
 * @returns a function that throws a FaultError if the limit is exceeded; the argument of this function is the number of
 *   further bytes to expect
 */
export function budgetOf(
  { body: most }: Limits,
  place: string,
  moved: () => number,
): (more?: number) => void {
  const begin = moved()
  let expected = 0
  return (more = 0) => {
    expected += more
    if (moved() - begin + expected > most) {
      throw tooLarge({ most, option: '-max-body' }, place, 'keys')
    }
  }
}

export function tooLarge({ most, option }: ByteLimit, place: string, what: string): FaultError {
  const by = option === undefined ? '' : ` (${option})`
  const message = `${place} sends ${what} of more than ${sizeOf(most)}${by}`
  if (option === undefined) return new FaultError({ kind: 'store', message })
  return new FaultError({ kind: 'store', message, hint: raise(option) })
}

const raise = (option: string): string =>
  `check -node; if the store really contains that much data, raise ${option}`

/** A size for messages, such as `64 MiB` or `1.5 GiB`. */
export function sizeOf(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB']
  let unit = 0
  let size = bytes
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024
  return `${Number(size.toFixed(1))} ${units[unit] as string}`
}
