// Bounds on what is taken from a server: none of them may make memory grow without end. Beyond a bound is a
// fault that names it.
import { FaultError } from '../core/fault.ts'
import type { Limits } from '../core/settings.ts'

/** A bound, and the option that sets it; without one it is fixed. */
export interface ByteLimit {
  /** Bytes. */
  readonly most: number
  readonly option?: '-max-body' | '-max-message'
}

/** The text of an error that a server answers: more of it helps nobody. */
export const ERROR_TEXT: ByteLimit = { most: 64 * 1024 }

/**
 * Bytes that a value counts as at least, however short it is: what is made of it takes memory, and a list of
 * a million empty lists takes more than its text.
 */
export const VALUE_COST = 32

const [COMMA, LIST, OBJECT] = [0x2c, 0x5b, 0x7b]

/** Throws a FaultError for JSON that is short for the number of its values. */
export function expectRoomFor(json: Uint8Array, { body: most }: Limits, place: string): void {
  // No value is shorter than with a comma behind it.
  if ((json.length / 2) * VALUE_COST <= most) return
  let values = 0
  for (let n = 0; n < json.length; n++) {
    const byte = json[n]
    if (byte === COMMA || byte === LIST || byte === OBJECT) values++
  }
  if (values * VALUE_COST <= most) return
  throw new FaultError({
    kind: 'store',
    message: `${place} sends ${values} values at once, which take more than ${sizeOf(most)} (-max-body)`,
    hint: raise('-max-body'),
  })
}

/** Counts the bytes of one thing as they come. */
export class Meter {
  #taken = 0

  /**
   * @param place the server, such as `etcd at http://127.0.0.1:2379`
   * @param what such as `an answer`
   */
  constructor(
    private readonly limit: ByteLimit,
    private readonly place: string,
    private readonly what: string,
  ) {}

  /** Throws a FaultError when that is more than may come. */
  take(bytes: number): void {
    this.#taken += bytes
    if (this.#taken > this.limit.most) throw tooLarge(this.limit, this.place, this.what)
  }

  /** The next one of its kind begins. */
  reset(): void {
    this.#taken = 0
  }
}

/**
 * A bound on one reading of everything, of which no single answer is large.
 * @param moved bytes that have been moved over the connection so far
 * @returns throws a FaultError when it has become too much; takes bytes that are about to be moved as well
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
  `check -node; if the store really holds that much, raise ${option}`

/** `64 MiB`, `1.5 GiB`. */
export function sizeOf(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB']
  let unit = 0
  let size = bytes
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024
  return `${Number(size.toFixed(1))} ${units[unit] as string}`
}
