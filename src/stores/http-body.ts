// Reads the body of a response, as one string or line by line, within its limits. Detects answers that no supported
// server would send, such as the answer of a TLS port to a plain HTTP request.
import { constants, isUtf8 } from 'node:buffer'
import { finished, type Readable } from 'node:stream'
import { FaultError } from '../core/fault.ts'
import type { Limits } from '../core/settings.ts'
import { Chunks } from '../system/chunks.ts'
import { ERROR_TEXT, expectRoomFor, Meter, type ByteLimit } from './limits.ts'

export interface Source {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readable
  /** The server, for messages. */
  readonly place: string
  readonly limits: Limits
}

interface Body {
  /** The whole text. Throws a FaultError if it exceeds `limits.body`. */
  whole(): Promise<string>
  /**
   * Passes each chunk to `take`. Throws a FaultError if the whole body exceeds `limits.body`. If `take` throws,
   * rejects with the same exception.
   */
  into(take: (chunk: Buffer) => void): Promise<void>
  /** The whole text of one message of a watch. Throws a FaultError if it exceeds `limits.message`. */
  message(): Promise<string>
  /**
   * Yields the lines as they arrive. Throws a FaultError if a line exceeds `limits.message`.
   * @param reasonOf converts errors before they are thrown
   * @param done called when the iteration ends, for whatever reason
   */
  lines(reasonOf: (error: unknown) => unknown, done: () => void): AsyncGenerator<string>
}

/**
 * Returns the body of a response. The body of an error has its own limit, whichever method reads it.
 * @param onBytes called for every chunk
 */
export function bodyOf(source: Source, onBytes: () => void = () => undefined): Body {
  const isError = source.status >= 300
  // V8 cannot create a string longer than MAX_STRING_LENGTH.
  const most = Math.min(source.limits.body, constants.MAX_STRING_LENGTH)
  const answer: ByteLimit = isError ? ERROR_TEXT : { most, option: '-max-body' }
  const part: ByteLimit = isError
    ? ERROR_TEXT
    : { most: source.limits.message, option: '-max-message' }
  const error = `an error message (HTTP ${source.status})`
  return {
    whole: () => collect(source, answer, isError ? error : 'an answer', onBytes),
    into: (take) => pour(source, answer, 'an answer', onBytes, take),
    message: () => collect(source, part, isError ? error : 'a message', onBytes),
    lines: (reasonOf, done) =>
      splitLines(source, part, isError ? error : 'a line', { onBytes, reasonOf, done }),
  }
}

async function collect(
  source: Source,
  limit: ByteLimit,
  what: string,
  onBytes: () => void,
): Promise<string> {
  const { status, place, limits } = source
  const chunks = new Chunks()
  await pour(source, limit, what, onBytes, (chunk) => chunks.add(chunk))
  const text = textOf(chunks.take(), place, limits)
  if (status === 400 && WANTS_TLS.test(text)) throw wantsTls(place)
  return text
}

async function pour(
  { headers, body, place }: Source,
  limit: ByteLimit,
  what: string,
  onBytes: () => void,
  take: (chunk: Buffer) => void,
): Promise<void> {
  const meter = new Meter(limit, place, what)
  const announced = Number(headers['content-length'])
  // Uses events, because an iteration would copy the data once more.
  await new Promise<void>((resolve, reject) => {
    finished(body, { writable: false }, (error) => (error ? reject(error) : resolve()))
    body.on('data', (chunk: Buffer) => {
      onBytes()
      try {
        meter.take(announced > limit.most ? announced : chunk.length)
        take(chunk)
      } catch (error) {
        body.destroy(error as Error)
      }
    })
  })
}

interface Hooks {
  readonly onBytes: () => void
  readonly reasonOf: (error: unknown) => unknown
  readonly done: () => void
}

async function* splitLines(
  { body, place, limits }: Source,
  limit: ByteLimit,
  what: string,
  { onBytes, reasonOf, done }: Hooks,
): AsyncGenerator<string> {
  const meter = new Meter(limit, place, what)
  // Decodes only complete lines, because a chunk may end inside a UTF-8 sequence.
  const parts = new Chunks()
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      onBytes()
      let from = 0
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
        parts.add(chunk.subarray(from, at))
        meter.reset()
        from = at + 1
        yield textOf(parts.take(), place, limits)
      }
      if (from === chunk.length) continue
      meter.take(chunk.length - from)
      parts.add(chunk.subarray(from))
    }
    if (parts.length > 0) yield textOf(parts.take(), place, limits)
  } catch (error) {
    throw reasonOf(error)
  } finally {
    done()
  }
}

/** Decodes UTF-8. Throws a FaultError for invalid bytes, and for too many values (see `expectRoomFor`). */
export function textOf(bytes: Buffer, place: string, limits: Limits): string {
  expectRoomFor(bytes, limits, place)
  if (isUtf8(bytes)) return bytes.toString()
  throw new FaultError({
    kind: 'store',
    message: `${place} sends bytes that are not UTF-8`,
    hint: 'check -node, and whether there is a proxy in between',
  })
}

/** Matches the answers of Go servers, nginx and Apache to a plain HTTP request on a TLS port. */
const WANTS_TLS =
  /HTTP request (?:was sent )?to (?:an )?(?:HTTPS|SSL)|plain HTTP to an SSL-enabled/i

const wantsTls = (place: string): FaultError =>
  new FaultError({
    kind: 'store',
    message: `${place} speaks TLS, but was contacted over plain HTTP`,
    hint: 'use -scheme https, or https:// before the node',
    permanent: true,
  })
