// What the files hold, all of them as they were at one moment. Several of them may be swapped in one step (a
// ConfigMap's `..data` link), and a reading that was under way has some of before and some of after: so it
// counts only when the very same files are there behind it.
import { constants } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultError } from '../../core/fault.ts'
import type { Key } from '../../core/key.ts'
import type { Limits } from '../../core/settings.ts'
import { Meter } from '../limits.ts'
import { parseKeys } from './parse.ts'
import { scan, unreadable, type Scan } from './scan.ts'

/** Milliseconds for files that go on changing to stand still; then they are taken as they are. */
const PATIENCE = 500
const PAUSE = 5

/** A file's text and what it means: kept, so that an unchanged file is not parsed again. */
export type Parsed = Map<
  string,
  { readonly text: string; readonly entries: ReadonlyMap<Key, string> }
>

export interface Contents extends Pick<Scan, 'places'> {
  readonly entries: Map<Key, string>
}

/** Finds the files, reads them and merges them, a later one over an earlier. Throws a FaultError. */
export async function readAll(
  targets: readonly string[],
  filter: RegExp,
  limits: Limits,
  known: Parsed = new Map(),
): Promise<Contents> {
  let found = await scan(targets, filter)
  for (const end = performance.now() + PATIENCE; ; await sleep(PAUSE)) {
    const read = await settled(readFiles(found.files, limits, known))
    const after = await settled(scan(targets, filter))
    if (after.value?.stamp === found.stamp || performance.now() >= end) {
      if (read.value === undefined) throw read.error
      return { entries: read.value, places: found.places }
    }
    found = after.value ?? found
  }
}

/** What came of it: a fault may be that of a moment. */
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
  files: readonly string[],
  { body }: Limits,
  known: Parsed,
): Promise<Map<Key, string>> {
  // A longer text does not exist in this runtime.
  const limit = { most: Math.min(body, constants.MAX_STRING_LENGTH), option: '-max-body' } as const
  const meter = new Meter(
    limit,
    files.length === 1 ? (files[0] as string) : 'the keys files',
    'text',
  )
  const merged = new Map<Key, string>()
  for (const file of files) {
    const text = await readText(file, meter)
    let parsed = known.get(file)
    if (parsed?.text !== text) {
      parsed = { text, entries: await parseKeys(file, text) }
      known.set(file, parsed)
    }
    for (const [key, value] of parsed.entries) merged.set(key, value)
  }
  for (const file of known.keys()) if (!files.includes(file)) known.delete(file)
  return merged
}

async function readText(file: string, meter: Meter): Promise<string> {
  const chunks: Buffer[] = []
  try {
    // Not by its size: what is no plain file tells none, and may have no end.
    for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 18 })) {
      meter.take((chunk as Buffer).length)
      chunks.push(chunk as Buffer)
    }
  } catch (error) {
    throw error instanceof FaultError ? error : unreadable(error, file)
  }
  return decode(Buffer.concat(chunks), file)
}

function decode(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // Told below.
  }
  throw new FaultError({
    kind: 'store',
    message: 'the keys file is not UTF-8 text',
    hint: 'Save it as UTF-8; binary values can be written in base64 and decoded with base64Decode.',
    file,
    permanent: true,
  })
}
