// A place in a pattern of Go's regular expressions, and what is written there as an escape.

/** The pattern is no RE2. The message is Go's: what is wrong, and the piece of the pattern. */
export class Re2Error extends Error {}

const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 }

/** A code point as JavaScript's pattern has it, in a class and outside. */
export const literal = (code: number): string => `\\u{${code.toString(16)}}`

export class Cursor {
  /** UTF-16 offset. */
  at = 0

  constructor(readonly pattern: string) {}

  get atEnd(): boolean {
    return this.at >= this.pattern.length
  }

  /** The character here, or the empty string at the end. */
  get char(): string {
    const code = this.pattern.codePointAt(this.at)
    return code === undefined ? '' : String.fromCodePoint(code)
  }

  /** Steps over one character; its code point. */
  take(): number {
    const { char } = this
    this.at += char.length
    return char.codePointAt(0) ?? 0
  }

  startsWith(text: string): boolean {
    return this.pattern.startsWith(text, this.at)
  }

  /** Steps over what a sticky expression finds here. */
  match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.at
    const found = sticky.exec(this.pattern)
    if (found !== null) this.at += found[0].length
    return found
  }

  /** @param from where the piece begins that the message shows; it ends here */
  fail(message: string, from = 0, to = this.at): never {
    throw new Re2Error(`${message}: \`${this.pattern.slice(from, to)}\``)
  }

  /** One character written with a backslash, as its code point. */
  escaped(): number {
    const from = this.at
    const hex = this.match(/\\x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]+)\})/y)
    if (hex !== null) {
      const code = parseInt(hex[1] ?? hex[2] ?? '', 16)
      // Only a code in braces can be too large; Go's message ends with its last digit.
      return code <= 0x10ffff ? code : this.fail('invalid escape sequence', from, this.at - 1)
    }
    const octal = this.match(/\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/y)
    if (octal !== null) return parseInt(octal[1] ?? '', 8)
    const other = this.match(/\\([aftnrv]|[^0-9A-Za-z\x80-\u{10ffff}])/uy)?.[1]
    if (other !== undefined) return CONTROL[other] ?? other.charCodeAt(0)
    if (this.match(/\\(?:x\{?[^}]{0,2}|.)/suy) === null) {
      throw new Re2Error('trailing backslash at end of expression: ``')
    }
    return this.fail('invalid escape sequence', from)
  }
}
