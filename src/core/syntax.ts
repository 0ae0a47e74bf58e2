// A syntax error in text of any format.

/** The message must not quote the parsed text, which may contain secrets. */
export class SyntaxFault extends Error {
  constructor(
    message: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(message)
  }

  /** @param at UTF-16 units from the start of `text` */
  static at(text: string, at: number, message: string): SyntaxFault {
    const before = text.slice(0, at).split('\n')
    return new SyntaxFault(message, before.length, (before.at(-1)?.length ?? 0) + 1)
  }
}
