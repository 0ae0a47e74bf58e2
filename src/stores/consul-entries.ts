// Reads the entries of Consul's KV store from the bytes of an answer as they arrive. Consul sends everything below a
// prefix after each change, so an entry with a known ModifyIndex is skipped without being parsed. Entries that differ
// from Consul's usual formatting are left to JSON.parse.
import { Chunks } from '../system/chunks.ts'
import { textOf } from './http-body.ts'
import type { Limits } from '../core/settings.ts'
import { base64, count, Mismatch, orNull, record, text } from './shape.ts'

/** An entry in Consul's answer, without unused fields. */
const entryShape = record({
  /** Has no leading slash. */
  Key: text,
  /** Null for an empty value. */
  Value: orNull(base64),
  ModifyIndex: count,
})

export type KvEntry = ReturnType<typeof entryShape>

export interface Entries {
  /** Number of all entries in the answer. */
  readonly count: number
  readonly unknown: readonly KvEntry[]
}

/** The entries known before an answer is read. */
export interface Knowledge {
  /** A guess at the name of the next entry. If the guess is right, the name need not be decoded. */
  readonly next: string | undefined
  /**
   * Whether an entry is known at this index, so that its value can be skipped. Throws a Mismatch if the entry is
   * invalid.
   */
  isKnown(name: string, modifyIndex: number): boolean
}

const code = (sign: string): number => sign.charCodeAt(0)
const [QUOTE, COMMA, COLON, BACKSLASH] = [code('"'), code(','), code(':'), code('\\')]
const [OBJECT, END_OBJECT, LIST, END_LIST] = [code('{'), code('}'), code('['), code(']')]
const [ZERO, NINE] = [code('0'), code('9')]
const NULL = Buffer.from('null')
/** The bytes between the values of an entry in Consul's usual formatting. */
const LAYOUT = [
  '{"LockIndex":',
  ',"Key":"',
  '","Flags":',
  ',"Value":',
  ',"CreateIndex":',
  ',"ModifyIndex":',
  '}',
].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer]
const NAMES = {
  key: Buffer.from('Key'),
  value: Buffer.from('Value'),
  index: Buffer.from('ModifyIndex'),
}

/** Number of decimal digits up to which every integer is exact in a double. */
const DIGITS = 15

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** Thrown if an answer is not JSON. */
export class NotJson extends Error {}

export class EntriesReader {
  readonly #unknown: KvEntry[] = []
  #count = 0
  #state: 'begin' | 'first' | 'entry' | 'behind' | 'over' = 'begin'
  /** The bytes that are being read. */
  #bytes: Buffer = Buffer.alloc(0)
  /** The bytes that have been received but not read yet. */
  readonly #parts = new Chunks()
  /**
   * Number of bytes to wait for. An incomplete entry is read again only when twice as many bytes have arrived, so that
   * a long entry takes linear time.
   */
  #needed = 0
  /** Whether the current entry has Consul's usual formatting. */
  #isPlain = true
  #keyFrom = -1
  #keyTo = -1
  #hasValue = false
  #index = -1

  constructor(
    private readonly known: Knowledge,
    private readonly place: string,
    private readonly limits: Limits,
  ) {}

  /** Reads the next part of the answer. Throws a Mismatch, a NotJson or a FaultError. */
  write(chunk: Buffer): void {
    this.#parts.add(chunk)
    if (this.#parts.length < this.#needed) return
    this.#bytes = this.#parts.take()
    const read = this.#read()
    const rest = this.#bytes.subarray(read)
    if (rest.length > 0) this.#parts.add(rest)
    this.#needed = rest.length * 2
    this.#bytes = Buffer.alloc(0)
  }

  /** Call this after the last part of the answer. Returns the entries. Throws like write(). */
  end(): Entries {
    this.#needed = 0
    if (this.#parts.length > 0) this.write(Buffer.alloc(0))
    if (this.#parts.length > 0 || this.#state !== 'over') throw new NotJson()
    return { count: this.#count, unknown: this.#unknown }
  }

  /** Reads all complete entries. @returns the number of bytes read */
  #read(): number {
    const bytes = this.#bytes
    let at = 0
    for (;;) {
      while (isSpace(bytes[at])) at++
      const byte = bytes[at]
      if (byte === undefined) return at
      if (this.#state === 'begin') {
        if (byte !== LIST) throw isValue(byte) ? new Mismatch('is not a list') : new NotJson()
        this.#state = 'first'
        at++
      } else if (this.#state === 'behind' || (this.#state === 'first' && byte === END_LIST)) {
        if (byte !== COMMA && byte !== END_LIST) throw new NotJson()
        this.#state = byte === COMMA ? 'entry' : 'over'
        at++
      } else if (this.#state === 'over') throw new NotJson()
      else {
        const end = this.#entry(at)
        if (end === -1) return at
        this.#state = 'behind'
        at = end
      }
    }
  }

  /** Reads the entry that begins at `from`. @returns the end of the entry; -1 if it is incomplete */
  #entry(from: number): number {
    const bytes = this.#bytes
    if (bytes[from] !== OBJECT) {
      if (!isValue(bytes[from] ?? 0)) throw new NotJson()
      throw new Mismatch('is not an object').within(this.#count)
    }
    let end = this.#plain(from)
    if (end === -1) end = this.#scan(from)
    if (end === -1) return -1
    try {
      const isPlain = this.#isPlain && this.#keyFrom !== -1 && this.#hasValue && this.#index !== -1
      if (!isPlain || !this.known.isKnown(this.#name, this.#index)) {
        const entry = this.#parse(bytes.subarray(from, end))
        if (isPlain || !this.known.isKnown(entry.Key, entry.ModifyIndex)) this.#unknown.push(entry)
      }
    } catch (error) {
      throw error instanceof Mismatch ? error.within(this.#count) : error
    }
    this.#count++
    return end
  }

  get #name(): string {
    const [bytes, from, to] = [this.#bytes, this.#keyFrom, this.#keyTo]
    const { next } = this.known
    if (next?.length !== to - from) return bytes.toString('utf8', from, to)
    for (let n = 0; n < next.length; n++) {
      if (bytes[from + n] !== next.charCodeAt(n)) return bytes.toString('utf8', from, to)
    }
    return next
  }

  /** The end of an entry in Consul's usual formatting; -1 for any other entry. */
  #plain(from: number): number {
    const bytes = this.#bytes
    let at = past(bytes, from, LAYOUT[0])
    at = past(bytes, digits(bytes, at), LAYOUT[1])
    if (at === -1) return -1
    this.#keyFrom = at
    this.#keyTo = plainText(bytes, at)
    at = past(bytes, this.#keyTo, LAYOUT[2])
    at = past(bytes, digits(bytes, at), LAYOUT[3])
    if (at === -1) return -1
    if (bytes[at] === QUOTE) {
      const end = plainText(bytes, at + 1)
      if (end === -1 || (end - at - 1) % 4 !== 0) return -1
      at = end + 1
    } else at = past(bytes, at, NULL)
    at = past(bytes, at, LAYOUT[4])
    const index = past(bytes, digits(bytes, at), LAYOUT[5])
    const end = past(bytes, digits(bytes, index), LAYOUT[6])
    if (end === -1) return -1
    this.#isPlain = true
    this.#hasValue = true
    this.#index = this.#number(index, end - 1)
    return end
  }

  #parse(bytes: Buffer): KvEntry {
    const json = textOf(bytes, this.place, this.limits)
    let value: unknown
    try {
      value = JSON.parse(json)
    } catch {
      // The message must not quote the text, which contains values.
      throw new NotJson()
    }
    return entryShape(value)
  }

  /**
   * Finds the end of an object, and its Key, Value and ModifyIndex. @returns the end; -1 if the object is incomplete
   */
  #scan(from: number): number {
    const bytes = this.#bytes
    const { length } = bytes
    this.#isPlain = true
    this.#keyFrom = -1
    this.#hasValue = false
    this.#index = -1
    for (let at = from + 1; at < length;) {
      const byte = bytes[at] as number
      if (byte === END_OBJECT) return at + 1
      if (byte === COMMA || isSpace(byte)) at++
      else {
        at = this.#field(at)
        if (at === -1) return -1
      }
    }
    return -1
  }

  /** The end of a field, which is a name and its value; -1 if the field is incomplete. */
  #field(at: number): number {
    const bytes = this.#bytes
    if (bytes[at] !== QUOTE) throw new NotJson()
    const nameEnd = this.#string(at)
    if (nameEnd === -1) return -1
    let value = nameEnd + 1
    while (isSpace(bytes[value])) value++
    if (bytes[value] === undefined) return -1
    if (bytes[value] !== COLON) throw new NotJson()
    value++
    while (isSpace(bytes[value])) value++
    const end = this.#valueEnd(value)
    if (end !== -1) this.#note(at + 1, nameEnd, value, end)
    return end
  }

  #valueEnd(at: number): number {
    const byte = this.#bytes[at]
    if (byte === undefined) return -1
    if (byte === QUOTE) {
      const end = this.#string(at)
      return end === -1 ? -1 : end + 1
    }
    if (byte === OBJECT || byte === LIST) return this.#nested(at)
    for (let end = at; end < this.#bytes.length; end++) {
      const one = this.#bytes[end]
      if (one === COMMA || one === END_OBJECT || isSpace(one)) {
        if (end === at) throw new NotJson()
        return end
      }
    }
    return -1
  }

  /** The position of the closing quote of the string that begins at `at`; -1 if the quote is missing. */
  #string(at: number): number {
    const bytes = this.#bytes
    const { length } = bytes
    for (let end = at + 1; end < length; end++) {
      const byte = bytes[end]
      if (byte === QUOTE) return end
      if (byte === BACKSLASH) {
        this.#isPlain = false
        end++
      }
    }
    return -1
  }

  /** The end of a nested value. Consul's own entries contain no nested values. */
  #nested(at: number): number {
    const bytes = this.#bytes
    this.#isPlain = false
    let depth = 0
    for (let end = at; end < bytes.length; end++) {
      const byte = bytes[end]
      if (byte === QUOTE) {
        end = this.#string(end)
        if (end === -1) return -1
      } else if (byte === OBJECT || byte === LIST) depth++
      else if ((byte === END_OBJECT || byte === END_LIST) && --depth === 0) return end + 1
    }
    return -1
  }

  /** Records a field of the entry. Unusual formatting clears #isPlain. */
  #note(name: number, nameEnd: number, value: number, end: number): void {
    const bytes = this.#bytes
    const isText = bytes[value] === QUOTE
    if (this.#is(NAMES.key, name, nameEnd)) {
      if (!isText || this.#keyFrom !== -1) this.#isPlain = false
      this.#keyFrom = value + 1
      this.#keyTo = end - 1
    } else if (this.#is(NAMES.value, name, nameEnd)) {
      const isBase64 = isText && (end - value - 2) % 4 === 0
      if (this.#hasValue || !(isBase64 || this.#is(NULL, value, end))) this.#isPlain = false
      this.#hasValue = true
    } else if (this.#is(NAMES.index, name, nameEnd)) {
      if (this.#index !== -1) this.#isPlain = false
      this.#index = this.#number(value, end)
    } else if (!isText && this.#isPlain) this.#number(value, end)
  }

  #is(word: Buffer, from: number, to: number): boolean {
    if (to - from !== word.length) return false
    for (let n = 0; n < word.length; n++) if (this.#bytes[from + n] !== word[n]) return false
    return true
  }

  /** Parses a non-negative integer. For any other text, returns -1 and clears #isPlain. */
  #number(from: number, to: number): number {
    let number = 0
    for (let at = from; at < to; at++) {
      const byte = this.#bytes[at] as number
      if (byte < ZERO || byte > NINE || to - from > DIGITS) {
        this.#isPlain = false
        return -1
      }
      number = number * 10 + byte - ZERO
    }
    return number
  }
}

/** The end of `word` if the word begins at `at`; -1 if the bytes at `at` differ, or `at` is -1. */
function past(bytes: Buffer, at: number, word: Buffer): number {
  if (at === -1) return -1
  for (let n = 0; n < word.length; n++) if (bytes[at + n] !== word[n]) return -1
  return at + word.length
}

/** The end of the digits that begin at `at`; -1 if there are no digits or too many, or `at` is -1. */
function digits(bytes: Buffer, at: number): number {
  if (at === -1) return -1
  let end = at
  for (; end < bytes.length; end++) {
    const byte = bytes[end] as number
    if (byte < ZERO || byte > NINE) break
  }
  return end === at || end - at > DIGITS ? -1 : end
}

/** The position of the closing quote of a string; -1 if the quote is missing, or the string contains an escape. */
function plainText(bytes: Buffer, at: number): number {
  for (let end = at; end < bytes.length; end++) {
    const byte = bytes[end]
    if (byte === QUOTE) return end
    if (byte === BACKSLASH) return -1
  }
  return -1
}

/** Whether a JSON value can begin with this byte. */
const isValue = (byte: number): boolean => /[-0-9"tfn[{]/.test(String.fromCharCode(byte))
