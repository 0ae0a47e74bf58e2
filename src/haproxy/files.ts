// The files that HAProxy loads: their contents, hashes and readings.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { readConfiguration, type Configuration } from './sections.ts'

/** All of them have ended when this does. @throws the first fault */
export async function settleAll<T>(all: readonly Promise<T>[]): Promise<readonly T[]> {
  const ended = await Promise.allSettled(all)
  return ended.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}

/** What is in place. */
export interface Files {
  /** Of the configuration, bytes as Latin-1. */
  readonly content: string
  /** By path, the hashes of the other files. */
  readonly others: Readonly<Record<string, string>>
}

/** Undefined when the configuration cannot be read. */
export async function filesOf({
  dest,
  others,
}: {
  readonly dest: string
  readonly others: readonly string[]
}): Promise<Files | undefined> {
  const content = await readFile(dest, 'latin1').catch(() => undefined)
  return content === undefined ? undefined : { content, others: await hashesOf(others) }
}

/** By path; what cannot be read has none. */
async function hashesOf(paths: readonly string[]): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {}
  for (const path of [...paths].sort()) {
    const bytes = await readFile(path).catch(() => undefined)
    hashes[path] = bytes === undefined ? '' : createHash('sha256').update(bytes).digest('hex')
  }
  return hashes
}

/** The content before and the one after, of a few files. */
const PARSED_MOST = 8
const parsed = new Map<string, Configuration>()
let newest: Configuration | undefined

export function configurationOf(content: string): Configuration {
  const known = parsed.get(content) ?? readConfiguration(content, newest)
  newest = known
  parsed.delete(content)
  parsed.set(content, known)
  for (const oldest of parsed.keys()) {
    if (parsed.size <= PARSED_MOST) break
    parsed.delete(oldest)
  }
  return known
}
