// Reads the files that HAProxy loads, hashes them, and caches parsed configurations.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { readConfiguration, type HaproxyConfig, type KnownLines } from './sections.ts'

/** Like Promise.all, but waits until all promises have settled. @throws the first failure */
export async function settleAll<T>(all: readonly Promise<T>[]): Promise<readonly T[]> {
  const ended = await Promise.allSettled(all)
  return ended.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}

/** The files in place. */
export interface LoadableFiles {
  /** The configuration file, decoded as Latin-1. */
  readonly content: string
  /** Hashes of the other files, by path. */
  readonly others: Readonly<Record<string, string>>
}

/** Returns undefined if the configuration cannot be read. */
export async function filesOf({
  dest,
  others,
}: {
  readonly dest: string
  readonly others: readonly string[]
}): Promise<LoadableFiles | undefined> {
  const content = await readFile(dest, 'latin1').catch(() => undefined)
  return content === undefined ? undefined : { content, others: await hashesOf(others) }
}

/** Returns hashes by path; the hash of an unreadable file is empty. */
async function hashesOf(paths: readonly string[]): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {}
  for (const path of [...paths].sort()) {
    const bytes = await readFile(path).catch(() => undefined)
    hashes[path] = bytes === undefined ? '' : createHash('sha256').update(bytes).digest('hex')
  }
  return hashes
}

/** Maximum number of parsed configurations in the cache: enough for the old and the new version of a few files. */
const MAX_PARSED = 8
const parsed = new Map<string, HaproxyConfig>()
let lines: KnownLines = new Map()
/**
 * The cache of lines is cleared when it exceeds twice the number of servers in the newest configuration by this number,
 * or when it contains more than this number of different inherited settings.
 */
const MAX_LINES = 1000

export function configurationOf(content: string): HaproxyConfig {
  const known = parsed.get(content) ?? readConfiguration(content, lines)
  forgetLines(known)
  parsed.delete(content)
  parsed.set(content, known)
  for (const oldest of parsed.keys()) {
    if (parsed.size <= MAX_PARSED) break
    parsed.delete(oldest)
  }
  return known
}

function forgetLines({ sections }: HaproxyConfig): void {
  const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0)
  const used = sum([...sections.values()].map(({ servers }) => servers.size))
  const kept = sum([...lines.values()].map(({ size }) => size))
  if (kept > 2 * used + MAX_LINES || lines.size > MAX_LINES) lines = new Map()
}
