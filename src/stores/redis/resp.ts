// Encoder and decoder of Redis's protocol: RESP3, including the RESP2 types. The decoder is strict and limits the data
// that it accepts, because the server may not be Redis.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
import { decodeValue, encodeText } from '../../core/bytes.ts'
import type { Limits } from '../../core/settings.ts'
import { Chunks } from '../../system/chunks.ts'
import { ERROR_TEXT, Meter, VALUE_COST } from '../limits.ts'

/** Strings, numbers, booleans, null, and lists of them. Maps become flat lists: name, value, name, value. */
export type Reply = string | number | boolean | null | readonly Reply[]

export interface Replies {
  reply(reply: Reply): void
  error(text: string): void
  /** Called with the items of a push (see RedisConnection.onPush). */
  push(items: readonly Reply[]): void
}

/** Thrown if the received data does not follow Redis's protocol. The message does not quote the data. */
export class ProtocolError extends Error {}

/** An incomplete list. */
interface Open {
  readonly items: Reply[]
  readonly size: number
  readonly isPush: boolean
}

/** Maximum depth of nested lists. Replies from Redis need four levels. */
const DEEPEST = 16

const CR = 13
const LF = 10

/** The bytes with which a token can begin. */
const TYPES = '+:_#,(-$=!*~%>'

export class Decoder {
  /** The received bytes of an incomplete token. */
  readonly #chunks = new Chunks()
  /** Minimum number of bytes before the next attempt to decode. */
  #needed = 0
  readonly #open: Open[] = []
  readonly #message: Meter
  readonly #answer: Meter
  readonly #line: Meter

  constructor(
    private readonly replies: Replies,
    place: string,
    { body, message }: Limits,
  ) {
    this.#answer = new Meter({ most: body, option: '-max-body' }, place, 'an answer')
    this.#message = new Meter({ most: message, option: '-max-message' }, place, 'a value')
    this.#line = new Meter(ERROR_TEXT, place, 'a line')
  }

  /** Decodes received bytes. Throws a ProtocolError, or a FaultError if a limit is exceeded. */
  write(chunk: Buffer): void {
    this.#chunks.add(chunk)
    // The chunks of a long value are joined only once, when the value is complete.
    if (this.#chunks.length < this.#needed) return
    const bytes = this.#chunks.take()
    let at = 0
    this.#needed = 0
    for (let next = this.#token(bytes, at); next !== undefined; next = this.#token(bytes, at)) {
      this.#answer.take(Math.max(next - at, VALUE_COST))
      if (this.#open.length === 0) this.#answer.reset()
      at = next
    }
    if (at < bytes.length) this.#chunks.add(bytes.subarray(at))
    this.#needed -= at
  }

  /** Reads one token. Returns the position of the next token; undefined if this token is incomplete. */
  #token(bytes: Buffer, at: number): number | undefined {
    if (at === bytes.length) return undefined
    const type = String.fromCharCode(bytes[at] as number)
    if (!TYPES.includes(type)) return wrong('type')
    const next = bytes.indexOf(LF, at) + 1
    if (next === 0) {
      this.#line.reset()
      this.#line.take(bytes.length - at)
      return undefined
    }
    const end = next - 2
    if (bytes.indexOf(CR, at) !== end) throw new ProtocolError('a line without its end')
    const line = bytes.toString('latin1', at + 1, end)
    switch (type) {
      case '+':
        return this.#value(textOf(bytes, at + 1, end), next)
      case ':':
        return this.#value(integer(line), next)
      case '_':
        return this.#value(line === '' ? null : wrong('null'), next)
      case '#':
        return this.#value(line === 't' || (line === 'f' ? false : wrong('boolean')), next)
      case ',':
      case '(':
        return this.#value(
          /^[-+.\de]+$|^[-+]?inf$|^nan$/i.test(line) ? line : wrong('number'),
          next,
        )
      case '-':
        return this.#error(textOf(bytes, at + 1, end), next)
      case '$':
        return this.#blob(bytes, next, line, (text) => this.#value(text, 0))
      case '=':
        // The text begins with three letters and a colon, which describe its format.
        return this.#blob(bytes, next, line, (text) => this.#value(text?.slice(4) ?? null, 0))
      case '!':
        return this.#blob(bytes, next, line, (text) => this.#error(text ?? '', 0))
      case '*':
        return line === '-1' ? this.#value(null, next) : this.#list(count(line), next)
      case '~':
        return this.#list(count(line), next)
      case '%':
        return this.#list(count(line) * 2, next)
      case '>':
        return this.#open.length === 0 ? this.#list(count(line), next, true) : wrong('push')
    }
    return undefined
  }

  /** Reads a string of the given length. */
  #blob(
    bytes: Buffer,
    from: number,
    length: string,
    use: (text: string | null) => number,
  ): number | undefined {
    if (length === '-1') return use(null) + from
    const end = from + count(length)
    this.#message.reset()
    this.#message.take(end - from)
    if (bytes.length < end + 2) {
      this.#needed = end + 2
      return undefined
    }
    if (bytes[end] !== CR || bytes[end + 1] !== LF)
      throw new ProtocolError('a string without its end')
    return use(textOf(bytes, from, end)) + end + 2
  }

  #list(size: number, next: number, isPush = false): number {
    if (this.#open.length === DEEPEST) throw new ProtocolError('lists nested too deeply')
    this.#open.push({ items: [], size, isPush })
    if (size === 0) this.#close()
    return next
  }

  #error(text: string, next: number): number {
    // Only replies to transactions contain errors in lists, and reconfd uses no transactions.
    if (this.#open.length > 0) throw new ProtocolError('an error in a list')
    this.replies.error(text)
    return next
  }

  #value(value: Reply, next: number): number {
    const list = this.#open.at(-1)
    if (list === undefined) this.replies.reply(value)
    else if (list.items.push(value) === list.size) this.#close()
    return next
  }

  /** Ends the innermost list. */
  #close(): void {
    const { items, isPush } = this.#open.pop() as Open
    if (isPush) this.replies.push(items)
    else this.#value(items, 0)
  }
}

const wrong = (what: string): never => {
  throw new ProtocolError(`invalid ${what}`)
}

const count = (line: string): number => (/^\d{1,12}$/.test(line) ? Number(line) : wrong('length'))

const integer = (line: string): number =>
  /^[-+]?\d{1,19}$/.test(line) ? Number(line) : wrong('number')

const textOf = (bytes: Buffer, from: number, to: number): string =>
  decodeValue(bytes.subarray(from, to))

/** Encodes a command as a list of strings. */
export function encodeCommand(words: readonly string[]): Buffer {
  const texts = words.map((word) => `$${encodeText(word).length}\r\n${word}\r\n`)
  return encodeText(`*${words.length}\r\n${texts.join('')}`)
}
