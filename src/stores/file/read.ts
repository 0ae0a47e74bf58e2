// Reads the keys files. Several files may be replaced in one step, and old and new files must not be mixed. So links
// are resolved before the files are read, and everything is read again if a link or a file has changed meanwhile.
import { constants } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultError } from '../../core/fault.ts'
import type { Glob } from '../../core/glob.ts'
import type { Key } from '../../core/key.ts'
import type { Limits } from '../../core/settings.ts'
import { Chunks } from '../../system/chunks.ts'
import { expectRoomFor, sizeOf } from '../limits.ts'
import { parseKeys } from './parse.ts'
import { scan, unreadable, type Found, type Scan } from './scan.ts'

/**
 * Maximum time to wait for the files to stop changing, in milliseconds. After that, the files are used as last read.
 */
const PATIENCE = 5000
const PAUSE = 5

/** Parsed files by path, so that an unchanged file is not parsed again. */
export type ParsedFiles = Map<
  string,
  { readonly text: string; readonly entries: ReadonlyMap<Key, string> }
>

export interface FileContents extends Pick<Scan, 'places'> {
  readonly entries: Map<Key, string>
}

/** Finds, reads and merges the files. Later files override earlier files. Throws a FaultError. */
export async function readKeysFiles(
  targets: readonly string[],
  filter: Glob,
  limits: Limits,
  known: ParsedFiles = new Map(),
): Promise<FileContents> {
  let found = await settled(scan(targets, filter))
  for (const end = performance.now() + PATIENCE; ; await sleep(PAUSE)) {
    if (found.value === undefined) throw found.error
    const { files, places, stamp } = found.value
    const read = await settled(readFiles(files, limits, known))
    found = await settled(scan(targets, filter))
    const isSettled = found.value?.stamp === stamp || performance.now() >= end
    if (!isSettled) continue
    if (read.value === undefined) throw read.error
    return { entries: read.value, places }
  }
}

/** Returns a rejection as a value, because files that are being replaced may have caused it. */
async function settled<T>(
  promise: Promise<T>,
): Promise<{ readonly value?: T; readonly error?: unknown }> {
  try {
    return { value: await promise }
  } catch (error) {
    return { error }
  }
}

async function readFiles(
  files: readonly Found[],
  limits: Limits,
  known: ParsedFiles,
): Promise<Map<Key, string>> {
  // V8 cannot create a string longer than MAX_STRING_LENGTH.
  let left = Math.min(limits.body, constants.MAX_STRING_LENGTH)
  const merged = new Map<Key, string>()
  for (const { path: file, real } of files) {
    const bytes = await readBytes(file, real, left)
    if (bytes === undefined) throw tooLarge(file, limits.body)
    expectRoomFor(bytes, limits, file)
    left -= bytes.length
    const text = decode(bytes, file)
    let parsed = known.get(file)
    if (parsed?.text !== text) {
      parsed = { text, entries: await parseKeys(file, text) }
      known.set(file, parsed)
    }
    for (const [key, value] of parsed.entries) merged.set(key, value)
  }
  const present = new Set(files.map(({ path }) => path))
  for (const file of known.keys()) if (!present.has(file)) known.delete(file)
  return merged
}

/** Reads at most `most` bytes; undefined if there are more. Pipes and devices may have no size and no end. */
async function readBytes(file: string, real: string, most: number): Promise<Buffer | undefined> {
  const chunks = new Chunks()
  try {
    for await (const chunk of createReadStream(real, { highWaterMark: 2 ** 18 })) {
      chunks.add(chunk as Buffer)
      if (chunks.length > most) return undefined
    }
  } catch (error) {
    throw unreadable(error, file)
  }
  return chunks.take()
}

const tooLarge = (file: string, most: number): FaultError =>
  new FaultError({
    kind: 'store',
    message: `with this file, the keys files exceed ${sizeOf(most)} (-max-body)`,
    hint: 'make the files smaller, or raise -max-body',
    file,
    permanent: true,
  })

function decode(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // Reported below.
  }
  throw new FaultError({
    kind: 'store',
    message: 'the keys file is not UTF-8 text',
    hint: 'save the file as UTF-8; to store binary values, write them in base64, and decode them with base64Decode',
    file,
    permanent: true,
  })
}
